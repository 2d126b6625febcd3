import { completePart } from '../fetch/complete-part.ts';
import type { Oid } from '../model/oid.ts';
import type { Needs } from './context.ts';

export type BringContext = Needs<'config' | 'fetcher' | 'git' | 'repository' | 'source'>;

/**
 * In a partial clone: brings the files that a checkout of `--path` needs, which the fetch of the commit left out.
 * @throws SidecarError as the fetch does; of kind `no-ref` where the server gives out no single objects
 */
export async function bringPart(
  { config, fetcher, git, repository, source }: BringContext,
  oid: Oid,
  signal: AbortSignal,
): Promise<void> {
  const { path, remote } = config;
  if (path === undefined || fetcher.filter === '') return;
  const { gitDir } = repository;
  const place = { git, gitDir, url: source.fetchUrl, shownUrl: remote.shownUrl, filter: fetcher.filter, signal };
  for (let requests = await completePart(place, oid, path); requests > 0; requests -= 1) fetcher.noteFetch();
}
