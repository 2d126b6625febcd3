import { createHash } from 'node:crypto';
import type { Git } from '../git/git.ts';
import { SidecarError } from '../model/error.ts';
import { parseOid } from '../model/oid.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import { MOST_REFS, tooManyRefs } from '../remote/wire/ls-refs.ts';
import type { ReadRefs } from './read-refs.ts';

/** Of a listing of refs; a tag that is an object of its own has two lines. */
export const LARGEST_LISTING = 32 * 1024 * 1024;

/**
 * Reads `oid TAB ref` lines of git-ls-remote; `ref^{}` is what an annotated tag points at, and comes right after it;
 * `ref: target TAB ref` is a symbolic ref, and comes before it.
 * @throws SidecarError ERR_REMOTE_PROTOCOL for any other line
 */
export function* readLsRemote(text: string): Generator<AdvertisedRef, void, undefined> {
  const symrefs = new Map<string, string>();
  let last: AdvertisedRef | undefined;
  for (const line of linesOf(text)) {
    const [id = '', name] = line.split('\t');
    if (id.startsWith('ref: ') && name) {
      symrefs.set(name, id.slice('ref: '.length));
      continue;
    }
    const oid = parseOid(id);
    if (!oid || !name) {
      throw new SidecarError('ERR_REMOTE_PROTOCOL', {
        op: 'read git ls-remote',
        detail: `not a ref line: ${JSON.stringify(line.slice(0, 200))}`,
      });
    }
    if (name.endsWith('^{}')) {
      if (last?.name === name.slice(0, -3)) last = { ...last, peeledOid: oid };
      continue;
    }
    if (last) yield last;
    const symref = symrefs.get(name);
    last = { name, oid, ...(symref !== undefined && { symref }) };
  }
  if (last) yield last;
}

/** Without those that are empty. */
function* linesOf(text: string): Generator<string, void, undefined> {
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf('\n', from);
    const end = newline < 0 ? text.length : newline;
    if (end > from) yield text.slice(from, end);
    from = end + 1;
  }
}

function* withinBounds(refs: Iterable<AdvertisedRef>): Generator<AdvertisedRef, void, undefined> {
  let count = 0;
  for (const ref of refs) {
    count += 1;
    if (count > MOST_REFS) throw tooManyRefs();
    yield ref;
  }
}

/**
 * Asks with `git ls-remote`: any transport, any authentication that git knows.
 * @throws SidecarError ERR_REMOTE_*
 */
export async function lsRemote<T>(
  git: Git,
  url: string,
  shownUrl: string,
  names: readonly string[],
  signal: AbortSignal,
  read: ReadRefs<T>,
): Promise<T> {
  const { stdout, bytes, truncated } = await git.run(
    ['ls-remote', '--quiet', '--symref', '--', url, ...names.flatMap((name) => [name, `${name}^{}`])],
    {
      op: 'list refs of',
      target: shownUrl,
      signal,
      overNetwork: 'question',
      maxOutputBytes: LARGEST_LISTING,
    },
  );
  // Half a list would look like refs that were deleted.
  if (truncated) throw tooManyRefs();
  return await read(withinBounds(readLsRemote(stdout)), createHash('sha256').update(bytes).digest('hex'));
}
