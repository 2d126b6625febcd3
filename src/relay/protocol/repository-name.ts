/**
 * A repository as relay and subscribers call it: `host[:port]/path`, whatever the transport:
 * `https://git.example.com/team/app.git` and `git@git.example.com:team/app.git` are both
 * `git.example.com/team/app.git`. Made only by the functions below, so it holds nothing that leads elsewhere.
 */
export type RepositoryName = string & { readonly __brand: 'RepositoryName' };

const LONGEST = 1024;
const DEFAULT_PORT: Readonly<Record<string, string>> = { http: '80', https: '443', ssh: '22', git: '9418' };
const HOST = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
/** Nothing that ends a line or a query, and no second meaning of a slash; Azure DevOps has spaces within. */
const SEGMENT = /^(?! )(?:[^\p{Cc}\p{Z}\\?#*%/]| )+(?<! )$/u;

/** Reads `host/path`; undefined when it is not one, or could lead elsewhere (`..`, `//`, control characters). */
export function parseRepositoryName(text: string): RepositoryName | undefined {
  if (text.length > LONGEST) return undefined;
  const [host = '', ...segments] = text.split('/');
  if (!HOST.test(host) || segments.length === 0) return undefined;
  if (segments.some((segment) => !SEGMENT.test(segment) || segment === '.' || segment === '..')) return undefined;
  if (segments[0]?.startsWith('-')) return undefined;
  return [host.toLowerCase(), ...segments].join('/') as RepositoryName;
}

/** The parts of a URL or scp-like address that say where something is. */
export interface Address {
  /** `https`, `http`, `ssh`, `git`; `scp` for `user@host:path`. */
  readonly scheme: string;
  readonly user: string | undefined;
  /** With the port where it is not the scheme's usual one; lower case. */
  readonly host: string;
  /** Without slashes at either end; percent-decoded. */
  readonly path: string;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Takes a git URL apart; undefined for what has no host (paths, file URLs). */
export function parseAddress(url: string): Address | undefined {
  const withScheme = /^([a-z][a-z0-9+.-]*):\/\/(?:([^@/]*)@)?([^/]+)\/+(.*)$/i.exec(url);
  if (withScheme) {
    const scheme = (withScheme[1] ?? '').toLowerCase();
    const usual = DEFAULT_PORT[scheme];
    const host = (withScheme[3] ?? '').toLowerCase().replace(/:(\d+)$/, (all, port) => (port === usual ? '' : all));
    if (usual === undefined) return undefined;
    return { scheme, user: withScheme[2] || undefined, host, path: decode(withScheme[4] ?? '').replace(/\/+$/, '') };
  }
  const scp = /^(?:([^@/:]+)@)?([^/:@]+):(?!\/\/)\/*(.+)$/.exec(url);
  if (!scp) return undefined;
  return { scheme: 'scp', user: scp[1], host: (scp[2] ?? '').toLowerCase(), path: (scp[3] ?? '').replace(/\/+$/, '') };
}

/** What a relay calls the repository at `url`; undefined when a relay cannot name it. */
export function repositoryNameOf(url: string): RepositoryName | undefined {
  const address = parseAddress(url);
  return address && parseRepositoryName(`${address.host}/${address.path}`);
}
