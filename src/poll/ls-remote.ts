import { createHash } from 'node:crypto';
import type { Git } from '../git/git.ts';
import { SidecarError } from '../model/error.ts';
import { parseOid } from '../model/oid.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import { MOST_REFS, tooManyRefs } from '../remote/wire/ls-refs.ts';
import type { ReadRefs } from './read-refs.ts';

/** Of a listing of refs; a tag that is an object of its own has two lines. */
export const LARGEST_LISTING = 32 * 1024 * 1024;

/** Reads `oid TAB ref` lines of git-ls-remote; `ref^{}` is what an annotated tag points at, `ref: target TAB ref` a symbolic ref. */
export function readLsRemote(text: string): AdvertisedRef[] {
  const refs = new Map<string, AdvertisedRef>();
  const symrefs = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
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
    if (!name.endsWith('^{}')) refs.set(name, { name, oid });
    else {
      const tag = refs.get(name.slice(0, -3));
      if (tag) refs.set(tag.name, { ...tag, peeledOid: oid });
    }
  }
  return [...refs.values()].map((ref) => {
    const symref = symrefs.get(ref.name);
    return symref === undefined ? ref : { ...ref, symref };
  });
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
  const refs = readLsRemote(stdout);
  if (refs.length > MOST_REFS) throw tooManyRefs();
  return read(refs, createHash('sha256').update(bytes).digest('hex'));
}
