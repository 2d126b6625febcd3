import type { Oid } from '../../model/oid.ts';
import type { Governed } from './governed.ts';
import type { PushedRevision } from './governed-state.ts';
import { judge, type Member } from './member.ts';

/** Pushes that may wait. */
const MOST_QUEUED = 20;

/** Begins a rollout of `oid` in place of whatever was there. Its first stage opens when nothing holds it. */
export function start(governed: Governed, oid: Oid, skipsAhead: boolean): void {
  const { now, underWay, members } = governed;
  if (underWay) governed.note('replaced', { oid: underWay.oid, why: `${oid} takes its place` });
  governed.rollout = {
    oid,
    startedAt: now,
    skipsAhead,
    stage: -1,
    openedAt: now,
    deadlineAt: now,
    isUninhabited: false,
    isFrozen: false,
    soakFrom: undefined,
    heldFrom: undefined,
    thawed: undefined,
    failures: [],
    halt: undefined,
  };
  for (const member of members.values()) {
    const isOnItsWay = member.target === underWay?.oid && member.progress === 'waiting' && !member.writtenOff;
    member.leftover = member.connected && !member.silent && (isOnItsWay || member.goesBack || member.leftover);
    if (member.target === oid) member.leftover = false;
    member.stage = undefined;
    member.late = false;
    member.wasDone = false;
    member.writtenOff = false;
    governed.judgeAnew(member);
  }
  governed.note('started', { oid, ...(skipsAhead ? { why: 'the policy lets it skip the stages' } : {}) });
}

/** The push that waits longest. None of those that wait is refused or completed: what does that empties the queue. */
function startNext(governed: Governed): void {
  const [next, ...others] = governed.queue;
  if (!next) return;
  governed.queue = others;
  start(governed, next.oid, false);
}

/** Puts a push behind those that wait already. */
export function enqueue(governed: Governed, push: PushedRevision): void {
  const others = governed.queue.filter(({ oid }) => oid !== push.oid);
  governed.queue = [...others, push].slice(-MOST_QUEUED);
  governed.note('queued', { oid: push.oid });
}

/** Everybody who has something else gets the completed revision at once, also those that are disconnected. */
export function goBack(governed: Governed): void {
  const { completed, members } = governed;
  if (!completed) return;
  let some = false;
  for (const member of members.values()) {
    if (member.target === completed.oid) continue;
    governed.retarget(member, completed.oid);
    member.goesBack = !member.silent && judge(member, completed.oid, governed.policy.done) === 'waiting';
    some = true;
  }
  if (some) governed.note('reverting', { oid: completed.oid });
}

/** Forgets who is disconnected and would get the completed revision anyway. */
export function forgetGone(governed: Governed): void {
  const { members, completed, rollout } = governed;
  if (rollout) return;
  for (const member of members.values())
    if (!member.connected && member.target === completed?.oid) forget(governed, member);
}

export function forget(governed: Governed, member: Member): void {
  governed.members.delete(member.key);
  governed.unsettled.delete(member);
}

/** Ends the rollout without success. Nobody new gets its revision; the next push that waits begins. */
export function halt(governed: Governed, why: string, order?: { readonly who: string }): void {
  const { rollout, now, policy } = governed;
  if (!rollout) return;
  const stage = governed.stages[rollout.stage]?.name;
  const wentBack = order !== undefined || policy.onFailure === 'revert';
  governed.refuse(rollout.oid);
  rollout.halt = { at: now, why, who: order?.who, wentBack };
  rollout.soakFrom = undefined;
  governed.note(order ? 'aborted' : 'halted', { oid: rollout.oid, why, stage, who: order?.who });
  if (wentBack) goBack(governed);
  startNext(governed);
}

/** No rollout is under way or halted from now on. */
export function endRollout(governed: Governed): void {
  governed.rollout = undefined;
  for (const member of governed.members.values()) {
    member.stage = undefined;
    member.late = false;
    member.wasDone = false;
    member.writtenOff = false;
    member.leftover = false;
    member.progress = 'waiting';
  }
}

/** The rollout reached everybody who is there. All others get its revision when they come. */
export function complete(governed: Governed): void {
  const { rollout, members } = governed;
  if (!rollout) return;
  const { oid } = rollout;
  governed.complete(oid);
  for (const member of members.values()) governed.retarget(member, oid);
  endRollout(governed);
  governed.note('completed', { oid });
  startNext(governed);
  forgetGone(governed);
}

/** `oid` is the completed revision from now on, for everybody and at once. What was under way is dropped. */
export function settleOn(governed: Governed, oid: Oid): void {
  governed.allow(oid);
  endRollout(governed);
  governed.queue = [];
  governed.complete(oid);
  goBack(governed);
  forgetGone(governed);
}
