import { SidecarError } from '../model/error.ts';
import { type Oid, parseOid } from '../model/oid.ts';
import { pathsOfPart } from './part.ts';
import type { LookedInto } from './present-commits.ts';
import { promisorUrl } from './promisor-url.ts';

export interface PartFetchOptions extends LookedInto {
  readonly url: string;
  readonly shownUrl: string;
  readonly filter: string;
  readonly signal: AbortSignal;
}

/** Objects that a checkout of the part needs and that are not here (git-rev-list, "--missing"); nothing is fetched. */
async function missingObjects({ git, gitDir, signal }: PartFetchOptions, commit: Oid, path: string): Promise<Oid[]> {
  const what = ['rev-list', '--objects', '--missing=print', '--no-walk', commit, '--', ...pathsOfPart(path)];
  const env = { GIT_LITERAL_PATHSPECS: '1' };
  const found: Oid[] = [];
  let rest = '';
  // The list has a line for each object of the part, present or not: it is not kept as a whole.
  const stdoutSink = async (chunk: Buffer): Promise<void> => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    found.push(...lines.flatMap((line) => (line.startsWith('?') ? (parseOid(line.slice(1)) ?? []) : [])));
  };
  const options = { op: 'look for missing objects of', target: commit, env, signal, stdoutSink };
  await git.run(['--git-dir', gitDir, ...what], options);
  return found;
}

/**
 * Brings what a partial clone lacks of one directory, in one request where the filter leaves out files only. A checkout
 * would let git do the same, but then a failure of the network would look like one of the disk.
 *
 * @returns how many requests that took
 * @throws SidecarError ERR_REMOTE_*, ERR_FETCH_OBJECTS, ERR_GIT_*
 */
export async function completePart(options: PartFetchOptions, commit: Oid, path: string): Promise<number> {
  const { git, gitDir, url, shownUrl, filter, signal } = options;
  let before = '';
  for (let requests = 0; ; requests += 1) {
    const missing = await missingObjects(options, commit, path);
    if (missing.length === 0) return requests;
    const stdin = missing.map((oid) => `${oid}\n`).join('');
    if (stdin === before) {
      const detail = `the server sent no ${missing[0]}`;
      throw new SidecarError('ERR_FETCH_OBJECTS', { op: 'fetch from', target: shownUrl, detail });
    }
    before = stdin;
    // As git does it when it misses objects of a partial clone (promisor-remote.c).
    const quiet = ['--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--no-auto-gc', '--quiet'];
    const args = ['-c', 'fetch.negotiationAlgorithm=noop', '--git-dir', gitDir, 'fetch', promisorUrl(url), ...quiet];
    await git.run([...args, `--filter=${filter}`, '--stdin'], {
      op: 'fetch from',
      target: shownUrl,
      stdin,
      signal,
      overNetwork: 'objects',
    });
  }
}
