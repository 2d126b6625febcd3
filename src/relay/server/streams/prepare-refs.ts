import { inTurns } from '../../../platform/in-turns.ts';
import { digestSteps, type Refs } from '../../protocol/refs.ts';
import { type RefView, viewInTurns } from './ref-view.ts';

/**
 * What of `refs` a view shows. All that takes as long as there are refs, and that others ask for at once from then on
 * (`refsIn`, `digestOf`), is done here while other work goes on: a repository can have hundreds of thousands of refs,
 * and its neighbours do not wait for them.
 */
export async function prepareRefs(refs: Refs, view: RefView): Promise<Refs> {
  const seen = await viewInTurns(refs, view);
  await inTurns(digestSteps(seen));
  return seen;
}
