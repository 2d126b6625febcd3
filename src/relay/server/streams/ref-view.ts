import type { AdvertisedRef } from '../../../model/ref.ts';
import { atOnce, inTurns, type Steps, stepsOver } from '../../../platform/in-turns.ts';
import type { Refs } from '../../protocol/refs.ts';
import { coveringSteps } from './covered-refs.ts';

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
  return atOnce(viewingSteps(refs, view));
}

/** {@link refsIn} of very many refs, while other work goes on. */
export async function viewInTurns(refs: Refs, view: RefView): Promise<Refs> {
  return await inTurns(viewingSteps(refs, view));
}

function* viewingSteps(refs: Refs, view: RefView): Steps<Refs> {
  if (view === WHOLE_VIEW) return refs;
  const known = SEEN.get(refs) ?? new Map<string, Refs>();
  SEEN.set(refs, known);
  let seen = known.get(view.id);
  if (!seen) {
    const placed = view.released ? yield* placingSteps(refs, view.released.refs) : refs;
    const covered = yield* coveringSteps(placed.values(), { covers: view.shows });
    const isSame =
      placed === refs && covered.size === refs.size && covered.get('HEAD')?.symref === refs.get('HEAD')?.symref;
    seen = isSame ? refs : covered;
    known.set(view.id, seen);
  }
  return seen;
}

/** A branch that HEAD points at takes HEAD along. */
function* placingSteps(refs: Refs, released: Refs): Steps<Refs> {
  const placed = new Map<string, AdvertisedRef>();
  yield* stepsOver(refs, ([name, ref]) => {
    const own = released.get(ref.symref ?? ref.name);
    const { symref } = ref;
    placed.set(name, own ? { ...own, name: ref.name, ...(symref !== undefined && { symref }) } : ref);
  });
  return placed;
}
