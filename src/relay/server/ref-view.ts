import type { Refs } from '../protocol/refs.ts';
import { coveredRefs } from './covered-refs.ts';

/** Which refs of a repository a client may see. */
export interface RefView {
  /** Equal ids show the same refs. */
  readonly id: string;
  /** True for the full name of a ref that may be seen. */
  readonly shows: (ref: string) => boolean;
}

export const WHOLE_VIEW: RefView = { id: '', shows: () => true };

/** Refs are never changed in place, and are asked for by every fetch. */
const SEEN = new WeakMap<Refs, Map<string, Refs>>();

/** Those of `refs` that `view` shows; the very same map where it shows all. */
export function refsIn(refs: Refs, view: RefView): Refs {
  if (view === WHOLE_VIEW) return refs;
  const known = SEEN.get(refs) ?? new Map<string, Refs>();
  SEEN.set(refs, known);
  let seen = known.get(view.id);
  if (!seen) {
    const covered = coveredRefs([...refs.values()], { covers: view.shows });
    const isSame = covered.size === refs.size && covered.get('HEAD')?.symref === refs.get('HEAD')?.symref;
    seen = isSame ? refs : covered;
    known.set(view.id, seen);
  }
  return seen;
}
