/**
 * The URL of a fetch with a filter. git takes no promisor remote whose name begins with a slash (promisor-remote.c), and
 * without one it regards the result as damaged. So a path is given as a URL.
 */
export function promisorUrl(url: string): string {
  return url.startsWith('/') ? `file://${url.replaceAll('%', '%25')}` : url;
}
