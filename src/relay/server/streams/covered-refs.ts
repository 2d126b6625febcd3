import type { AdvertisedRef } from '../../../model/ref.ts';
import type { Refs } from '../../protocol/refs.ts';
import type { Upstream } from '../access/allow.ts';

/** Those of `refs` that may be passed on. HEAD is where it shows what one of the others does. */
export function coveredRefs(refs: readonly AdvertisedRef[], { covers }: Pick<Upstream, 'covers'>): Refs {
  const covered = new Map(refs.filter(({ name }) => covers(name)).map((ref) => [ref.name, ref]));
  const head = refs.find(({ name }) => name === 'HEAD');
  const isShown = head && [...covered.values()].some(({ oid }) => oid === head.oid);
  if (!head || !isShown) return covered;
  const { symref, ...detached } = head;
  // It comes first, as with every git server.
  return new Map([['HEAD', symref !== undefined && covered.has(symref) ? head : detached], ...covered]);
}

/** Commits and tag objects that a ref shows, of all refs without a name; undefined for one that is not passed on. */
export function shownBy(refs: Refs, { covers }: Upstream, name: string | undefined): readonly string[] | undefined {
  if (name !== undefined && name !== 'HEAD' && !covers(name)) return undefined;
  const shown = name === undefined ? [...refs.values()] : [refs.get(name)];
  return shown.flatMap((ref) => (ref ? [ref.oid, ...(ref.peeledOid ? [ref.peeledOid] : [])] : []));
}
