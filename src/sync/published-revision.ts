import type { Oid } from '../model/oid.ts';
import type { Revision } from '../model/revision.ts';
import type { Needs } from './context.ts';

/**
 * The commit that is published, while `ref` is at a later one that changes nothing of it. It keeps the ref with which
 * it was published: a newer tag does not point at it.
 */
export function publishedRevision(
  { choice, repository: { state } }: Needs<'choice' | 'repository'>,
  oid: Oid,
  ref: string,
): Revision {
  const before = state.oid === oid ? state.ref : undefined;
  return { ref: before !== undefined && choice.covers(before) ? before : ref, oid };
}
