import { SidecarError } from '../../model/error.ts';
import type { Oid } from '../../model/oid.ts';
import { passStage, restartClock } from './advance.ts';
import { forgetGone, halt, settleOn, start } from './endings.ts';
import type { Governed, Rollout } from './governed.ts';
import { isUnavailable } from './member.ts';
import type { Order } from './orders.ts';

function impossible({ order }: Order, detail: string): SidecarError {
  return new SidecarError('ERR_ROLLOUT_ORDER', { op: order, detail });
}

/** Tries again what was halted: where it stands, or from the first stage if all went back. */
function resumeHalted(governed: Governed, rollout: Rollout, { who, why }: Order): void {
  governed.allow(rollout.oid);
  governed.note('resumed', { oid: rollout.oid, who, why });
  if (rollout.halt?.wentBack || rollout.stage < 0) {
    start(governed, rollout.oid, rollout.skipsAhead);
    return;
  }
  rollout.halt = undefined;
  rollout.failures = [];
  rollout.heldFrom = undefined;
  restartClock(governed, rollout);
  for (const member of governed.members.values()) {
    member.writtenOff = false;
    governed.judgeAnew(member);
  }
}

function resume(governed: Governed, order: Order): void {
  const { paused, rollout, tip, pinned } = governed;
  const { who, why } = order;
  const isTipRefused = !rollout && !pinned && tip !== undefined && governed.refused.includes(tip);
  if (!paused && !rollout?.halt && !isTipRefused) throw impossible(order, 'nothing is paused or halted');
  if (paused) governed.note('resumed', { who, why });
  governed.paused = undefined;
  if (rollout?.halt) resumeHalted(governed, rollout, order);
  else if (isTipRefused) {
    governed.allow(tip);
    governed.note('resumed', { oid: tip, who, why });
    start(governed, tip, false);
  }
}

/** The open stage is over, whatever is missing, and the next one opens in spite of a freeze window. */
function promote(governed: Governed, order: Order): void {
  const { rollout, stages } = governed;
  if (!rollout) throw impossible(order, 'no rollout is under way');
  if (rollout.halt?.wentBack)
    throw impossible(order, 'all instances went back; `resume` starts the rollout from its first stage');
  const { who, why } = order;
  governed.note('promoted', { oid: rollout.oid, who, why, stage: stages[rollout.stage]?.name });
  governed.allow(rollout.oid);
  governed.paused = undefined;
  rollout.halt = undefined;
  rollout.failures = [];
  for (const member of governed.members.values())
    if (member.target === rollout.oid && isUnavailable(member)) member.writtenOff = true;
  rollout.thawed = rollout.skipsAhead ? governed.lastStage : rollout.stage + 1;
  if (rollout.skipsAhead && rollout.stage < 0) rollout.stage = governed.lastStage - 1;
  passStage(governed, rollout);
}

function abort(governed: Governed, order: Order): void {
  const { rollout } = governed;
  if (!rollout) throw impossible(order, 'no rollout is under way');
  if (rollout.halt?.wentBack) throw impossible(order, 'all instances went back already');
  halt(governed, order.why, order);
}

/** Refuses what is not wanted, so that nothing brings it again by itself. */
function revert(governed: Governed, order: Order): void {
  const { tip, rollout, completed, history } = governed;
  if (governed.pinned)
    throw impossible(order, 'the ref is pinned; `unpin` it first, or `pin` it to the other revision');
  if (!completed) throw impossible(order, 'nothing is known of the ref yet');
  const to = order.to ?? history.findLast((oid) => oid !== completed.oid);
  if (to === undefined) throw impossible(order, 'no earlier revision is known here; name it with `to`');
  governed.note('reverted', { oid: to, who: order.who, why: order.why });
  for (const oid of [tip, rollout?.oid, completed.oid]) if (oid !== undefined && oid !== to) governed.refuse(oid);
  settleOn(governed, to);
}

function pin(governed: Governed, order: Order): void {
  const { now, completed } = governed;
  const to: Oid | undefined = order.to ?? completed?.oid;
  if (to === undefined || !completed) throw impossible(order, 'nothing is known of the ref yet');
  governed.pinned = { at: now, who: order.who, why: order.why };
  governed.note('pinned', { oid: to, who: order.who, why: order.why });
  settleOn(governed, to);
}

function unpin(governed: Governed, order: Order): void {
  const { pinned, tip, completed } = governed;
  if (!pinned) throw impossible(order, 'the ref is not pinned');
  governed.pinned = undefined;
  governed.note('unpinned', { who: order.who, why: order.why });
  if (tip !== undefined && tip !== completed?.oid && !governed.refused.includes(tip)) start(governed, tip, false);
}

function pause(governed: Governed, { who, why }: Order): void {
  governed.paused = { at: governed.now, who, why };
  governed.note('paused', { who, why });
}

const ACTIONS: Readonly<Record<Order['order'], (governed: Governed, order: Order) => void>> = {
  pause,
  resume,
  promote,
  abort,
  revert,
  pin,
  unpin,
};

/** @throws SidecarError ERR_ROLLOUT_ORDER when there is nothing that this could be done to; nothing has changed then */
export function giveOrder(governed: Governed, order: Order): void {
  ACTIONS[order.order](governed, order);
  forgetGone(governed);
}
