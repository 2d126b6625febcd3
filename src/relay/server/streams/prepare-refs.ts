import { inTurns } from '../../../platform/in-turns.ts';
import { digestSteps, hasDigest, type Refs } from '../../protocol/refs.ts';
import { type RefView, viewInTurns, WHOLE_VIEW } from './ref-view.ts';

/**
 * What of `refs` a view shows. All that takes as long as there are refs, and that others ask for at once from then on
 * (`refsIn`, `digestOf`), is done here while other work goes on: a repository can have hundreds of thousands of refs,
 * and its neighbours do not wait for them.
 */
export async function prepareRefs(refs: Refs, view: RefView): Promise<Refs> {
  // Every request of a fleet comes by here.
  const seen = view === WHOLE_VIEW ? refs : await viewInTurns(refs, view);
  if (!hasDigest(seen)) await inTurns(digestSteps(seen));
  return seen;
}
