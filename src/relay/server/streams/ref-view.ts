import type { AdvertisedRef } from '../../../model/ref.ts';
import type { Refs } from '../../protocol/refs.ts';
import { coveredRefs } from './covered-refs.ts';

/** Which refs of a repository a client may see. */
export interface RefView {
  /** Equal ids show the same refs. */
  readonly id: string;
  /** True for the full name of a ref that may be seen. */
  readonly shows: (ref: string) => boolean;
  /** Of a view of {@link releasedView}: where refs are for this client, and the view without that. */
  readonly released?: { readonly refs: Refs; readonly from: RefView };
}

export const WHOLE_VIEW: RefView = { id: '', shows: () => true };

/** Refs that are not shown yet. */
export interface HiddenRefs {
  /** Equal ids hide the same. */
  readonly id: string;
  readonly has: (ref: string) => boolean;
}

/**
 * A view in which some refs are where they were released to, instead of where the git server has them.
 * @param refs those that are there at all, by their full names
 */
export function releasedView(from: RefView, refs: Refs, hidden?: HiddenRefs): RefView {
  if (refs.size === 0 && !hidden) return from;
  const places = [...refs.values()].map(({ name, oid }) => `${name} ${oid}`).sort();
  const shows = hidden ? (ref: string) => from.shows(ref) && !hidden.has(ref) : from.shows;
  const id = [from.id, ...(hidden ? [`but ${hidden.id}`] : []), ...places].join('\n');
  return { id, shows, released: { refs, from } };
}

/** Refs are never changed in place, and are asked for by every fetch. */
const SEEN = new WeakMap<Refs, Map<string, Refs>>();

/** Those of `refs` that `view` shows; the very same map where it shows all. */
export function refsIn(refs: Refs, view: RefView): Refs {
  if (view === WHOLE_VIEW) return refs;
  const known = SEEN.get(refs) ?? new Map<string, Refs>();
  SEEN.set(refs, known);
  let seen = known.get(view.id);
  if (!seen) {
    const placed = view.released ? placedAt(refs, view.released.refs) : refs;
    const covered = coveredRefs([...placed.values()], { covers: view.shows });
    const isSame =
      placed === refs && covered.size === refs.size && covered.get('HEAD')?.symref === refs.get('HEAD')?.symref;
    seen = isSame ? refs : covered;
    known.set(view.id, seen);
  }
  return seen;
}

/** A branch that HEAD points at takes HEAD along. */
function placedAt(refs: Refs, released: Refs): Refs {
  const at = (ref: AdvertisedRef): AdvertisedRef => {
    const own = released.get(ref.symref ?? ref.name);
    return own ? { ...own, name: ref.name, ...(ref.symref !== undefined && { symref: ref.symref }) } : ref;
  };
  return new Map([...refs].map(([name, ref]) => [name, at(ref)]));
}
