import type { Git } from '../git/git.ts';
import { SidecarError } from '../model/error.ts';
import { type Oid, parseOid } from '../model/oid.ts';
import { type RawObject, readObject } from './raw-objects.ts';
import { headerOf } from './signed-object.ts';

export const TAGS = 'refs/tags/';
/** A tag of a tag of a tag is still a tag. */
const DEEPEST = 5;

export function noTag(ref: string, detail: string): SidecarError {
  return new SidecarError('ERR_VERIFY_NO_TAG', { op: 'verify', target: ref, detail });
}

export interface TagQuestion {
  /** The object that the ref shows. */
  readonly oid: Oid;
  readonly ref: string;
  /** What the tag has to lead to. */
  readonly commit: Oid;
}

/**
 * Reads a tag, and makes sure that it is about this ref and this commit.
 * @throws SidecarError ERR_VERIFY_NO_TAG
 */
export async function readTag(
  git: Git,
  gitDir: string,
  { oid, ref, commit }: TagQuestion,
  signal: AbortSignal,
): Promise<RawObject> {
  const tag = await readObject(git, gitDir, oid, signal);
  if (tag.type !== 'tag') throw noTag(ref, 'it is a plain tag, which nobody can sign');
  const named = headerOf(tag.content, 'tag');
  // Else a signed tag of an old version could be shown under the name of a new one.
  if (named !== ref.slice(TAGS.length)) throw noTag(ref, `the tag was made under the name ${named}`);
  let inner = tag;
  for (let depth = 0; depth < DEEPEST; depth += 1) {
    const target = parseOid(headerOf(inner.content, 'object') ?? '');
    if (target === commit) return tag;
    if (!target || headerOf(inner.content, 'type') !== 'tag') break;
    inner = await readObject(git, gitDir, target, signal);
  }
  throw noTag(ref, `the tag does not lead to ${commit}`);
}
