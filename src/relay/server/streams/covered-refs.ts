import type { AdvertisedRef } from '../../../model/ref.ts';
import { type Steps, stepsOver } from '../../../platform/in-turns.ts';
import type { Refs } from '../../protocol/refs.ts';
import type { Upstream } from '../access/allow.ts';

/**
 * Those of `refs` that may be passed on, of very many step by step. HEAD is where it shows what one of the others does.
 */
export function* coveringSteps(refs: Iterable<AdvertisedRef>, { covers }: Pick<Upstream, 'covers'>): Steps<Refs> {
  const covered = new Map<string, AdvertisedRef>();
  let head: AdvertisedRef | undefined;
  yield* stepsOver(refs, (ref) => {
    if (ref.name === 'HEAD') head = ref;
    // With every git server it comes first.
    if (ref.name === 'HEAD' || covers(ref.name)) covered.set(ref.name, ref);
  });
  if (!head || covers('HEAD')) return covered;
  const { oid, symref, ...rest } = head;
  let isShown = false;
  yield* stepsOver(covered, ([name, ref]) => {
    isShown ||= name !== 'HEAD' && ref.oid === oid;
  });
  if (!isShown) covered.delete('HEAD');
  else if (symref !== undefined && !covered.has(symref)) covered.set('HEAD', { ...rest, oid });
  return covered;
}

/** Commits and tag objects that a ref shows, of all refs without a name; undefined for one that is not passed on. */
export function shownBy(refs: Refs, { covers }: Upstream, name: string | undefined): readonly string[] | undefined {
  if (name !== undefined && name !== 'HEAD' && !covers(name)) return undefined;
  const shown = name === undefined ? [...refs.values()] : [refs.get(name)];
  return shown.flatMap((ref) => (ref ? [ref.oid, ...(ref.peeledOid ? [ref.peeledOid] : [])] : []));
}
