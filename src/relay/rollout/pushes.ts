import type { Oid } from '../../model/oid.ts';
import { endRollout, enqueue, forgetGone, goBack, start } from './endings.ts';
import type { Governed } from './governed.ts';
import { type PushFacts, skipsAhead } from './policy.ts';

/** The first revision that a fleet ever sees: whoever has nothing needs something. */
function takeFirst(governed: Governed, oid: Oid): void {
  governed.complete(oid);
  for (const member of governed.members.values()) governed.retarget(member, oid);
  governed.note('first', { oid });
}

/** The ref is where it was before the rollout: that is an order to go back. */
function dropRollout(governed: Governed): void {
  const { underWay } = governed;
  if (underWay) governed.note('replaced', { oid: underWay.oid, why: 'the ref is at the completed revision again' });
  endRollout(governed);
  governed.queue = [];
  goBack(governed);
  forgetGone(governed);
}

function queueOrReplace(governed: Governed, oid: Oid): void {
  const { underWay, policy, now } = governed;
  if (!underWay || policy.push === 'replace') {
    governed.queue = [];
    start(governed, oid, false);
  } else if (underWay.oid === oid) governed.queue = [];
  else {
    if (policy.push === 'finish') governed.queue = [];
    enqueue(governed, { oid, at: now });
  }
}

/** The ref is at `oid` on the git server. */
export function push(governed: Governed, oid: Oid, facts: PushFacts): void {
  const { tip, completed, underWay } = governed;
  if (oid === tip) return;
  governed.tip = oid;
  governed.isChanged = true;
  if (!completed) takeFirst(governed, oid);
  else if (governed.pinned) governed.note('refused', { oid, why: 'the ref is pinned' });
  else if (governed.refused.includes(oid)) governed.note('refused', { oid, why: 'it was halted before' });
  else if (oid === completed.oid) dropRollout(governed);
  else if (underWay?.oid !== oid && skipsAhead(governed.policy, facts)) {
    governed.queue = [];
    start(governed, oid, true);
  } else queueOrReplace(governed, oid);
}
