import { assign, refill, selectsSomebody } from './assign.ts';
import { complete, halt } from './endings.ts';
import { fail, haltIfFailed, isProven } from './failures.ts';
import type { Governed, Rollout } from './governed.ts';
import type { Member } from './member.ts';
import { type Survey, survey } from './survey.ts';

/** True while no instance may get the revision; the clock of the deadline stands still meanwhile. */
function isHeld(governed: Governed, rollout: Rollout): boolean {
  const { now, paused, calendar } = governed;
  const isThawed = rollout.thawed !== undefined && rollout.thawed === rollout.stage;
  const isFrozen = !isThawed && calendar.isFrozen(now);
  const held = paused !== undefined || isFrozen;
  if (isFrozen !== rollout.isFrozen) governed.note(isFrozen ? 'frozen' : 'thawed', { oid: rollout.oid });
  rollout.isFrozen = isFrozen;
  if (held && rollout.heldFrom === undefined) {
    rollout.heldFrom = now;
    governed.isChanged = true;
  } else if (!held && rollout.heldFrom !== undefined) {
    rollout.deadlineAt += now - rollout.heldFrom;
    rollout.heldFrom = undefined;
    governed.isChanged = true;
  }
  return held;
}

/** The open stage is not done, and has all of its time from now on. */
export function restartClock(governed: Governed, rollout: Rollout): void {
  rollout.soakFrom = undefined;
  governed.restartDeadline();
}

function openStage(governed: Governed, rollout: Rollout, index: number): void {
  const stage = governed.stages[index];
  if (!stage) return;
  rollout.stage = index;
  rollout.openedAt = governed.now;
  rollout.heldFrom = undefined;
  restartClock(governed, rollout);
  rollout.isUninhabited = false;
  assign(governed, index);
  for (const member of governed.members.values()) forgetCrashes(governed, member);
  governed.note('opened', { oid: rollout.oid, stage: stage.name });
  for (const member of governed.members.values()) {
    const hasFailed = member.stage === index && member.target === rollout.oid && member.progress === 'failed';
    if (hasFailed && !member.writtenOff) fail(governed, rollout, member, 'it had failed before its stage opened');
  }
}

/** Each stage counts for itself how often a process ended. */
function forgetCrashes(governed: Governed, member: Member): void {
  if (member.crashes === 0) return;
  member.crashes = 0;
  governed.judge(member);
}

/** Gives the revision to as many as there is room for. @returns whom */
function releaseWave(governed: Governed, rollout: Rollout, { candidates, room }: Survey): readonly Member[] {
  // A leftover is unavailable already. One that has to go back may not have begun to.
  const isFree = ({ leftover, goesBack }: Member): boolean => leftover && !goesBack;
  const free = candidates.filter(isFree);
  const chosen = firstOf(
    candidates.filter((member) => !isFree(member)),
    room,
  );
  const released = [...free, ...chosen];
  for (const member of released) governed.retarget(member, rollout.oid);
  return released;
}

const inOrder = (a: Member, b: Member): number => (a.stage ?? 0) - (b.stage ?? 0) || a.place - b.place;

/** Those of earlier stages first. Mostly it is one, when another one is done, and there may be very many. */
function firstOf(candidates: readonly Member[], many: number): readonly Member[] {
  if (many !== 1 || candidates.length === 0) return [...candidates].sort(inOrder).slice(0, Math.max(0, many));
  return [candidates.reduce((first, each) => (inOrder(each, first) < 0 ? each : first))];
}

/** Leftovers took the room of this stage: it gets its time anew without them. @returns whether there were any */
function passOverLeftovers(governed: Governed, rollout: Rollout, { unavailable }: Survey): boolean {
  const leftovers = unavailable.filter(({ leftover }) => leftover);
  for (const member of leftovers) member.leftover = false;
  if (leftovers.length > 0) restartClock(governed, rollout);
  return leftovers.length > 0;
}

/** The time of the stage is up: who is missing has failed, and is not waited for any more. */
function expire(governed: Governed, rollout: Rollout, { holding, unavailable }: Survey): void {
  for (const member of holding) {
    if (member.late) continue;
    const isReleased = member.target === rollout.oid;
    const reason = !member.connected
      ? 'it disconnected and did not come back in time'
      : isReleased
        ? 'it was not done in time'
        : 'there was no room to give it the revision in time';
    fail(governed, rollout, member, reason);
  }
  for (const member of unavailable) member.writtenOff = true;
  if (!haltIfFailed(governed, rollout)) conclude(governed, rollout);
}

/** Nobody is waited for any more in the open stage. */
function conclude(governed: Governed, rollout: Rollout): void {
  const stage = governed.stages[rollout.stage];
  if (!isProven(governed, rollout)) {
    halt(governed, `no instance of stage ${stage?.name} is done`);
    return;
  }
  rollout.soakFrom = governed.now;
  governed.isChanged = true;
  if (stage && stage.soakMs > 0) governed.note('soaking', { oid: rollout.oid, stage: stage.name });
}

/** Ends the open stage: the next one opens, or the rollout is complete. */
export function passStage(governed: Governed, rollout: Rollout): void {
  for (const member of governed.members.values())
    if (member.target === rollout.oid && member.progress === 'failed') member.writtenOff = true;
  if (rollout.stage >= governed.lastStage) complete(governed);
  else openStage(governed, rollout, rollout.stage + 1);
}

/**
 * Nobody is in the open stage. When all whom its globs and labels select are in earlier stages, it is passed over. When
 * they select nobody at all, it waits for the first one, since it is there to prove something.
 */
function waitOrPassOver(governed: Governed, rollout: Rollout): boolean {
  if (selectsSomebody(governed, rollout.stage)) {
    governed.note('skipped', { oid: rollout.oid, stage: governed.stages[rollout.stage]?.name });
    passStage(governed, rollout);
    return true;
  }
  if (!rollout.isUninhabited) governed.isChanged = true;
  rollout.isUninhabited = true;
  return false;
}

/** One step of a rollout. @returns whether another one may be possible */
function step(governed: Governed, rollout: Rollout): boolean {
  if (haltIfFailed(governed, rollout)) return true;
  const isStopped = isHeld(governed, rollout);
  const { isSettling, now, lastStage } = governed;
  // A stage that a person opened in a freeze window does not open the next one.
  const mayPass = !isStopped && !isSettling && !governed.calendar.isFrozen(now);
  if (rollout.stage < 0) {
    if (!mayPass) return false;
    openStage(governed, rollout, rollout.skipsAhead ? lastStage : 0);
    return true;
  }
  if (rollout.soakFrom === undefined && !isStopped && refill(governed, rollout.stage)) governed.restartDeadline();
  const found = survey(governed, rollout);
  governed.nextGrace = found.nextGrace;
  const isEmpty = !found.isInhabited && rollout.soakFrom === undefined && rollout.stage < lastStage;
  if (isEmpty) return mayPass && waitOrPassOver(governed, rollout);
  if (rollout.isUninhabited) {
    rollout.isUninhabited = false;
    restartClock(governed, rollout);
  }
  if (mayPass && isSoaked(governed, rollout)) {
    passStage(governed, rollout);
    return true;
  }
  const isOpen = rollout.soakFrom === undefined && !isSettling;
  const isLate = isOpen && !isStopped && found.holding.length > 0 && now >= rollout.deadlineAt;
  if (isLate) {
    if (!passOverLeftovers(governed, rollout, found)) expire(governed, rollout, found);
    return true;
  }
  const released = isStopped ? [] : releaseWave(governed, rollout, found);
  // Those who have to do something first hold the stage, so there is nothing to look at again.
  if (released.length > 0) return released.some(({ progress }) => progress !== 'waiting');
  if (!isOpen || found.holding.length > 0) return false;
  conclude(governed, rollout);
  return true;
}

/** The open stage was without trouble for long enough. */
function isSoaked({ now, stages }: Governed, { soakFrom, skipsAhead, stage }: Rollout): boolean {
  const soakMs = skipsAhead ? 0 : (stages[stage]?.soakMs ?? 0);
  return soakFrom !== undefined && now >= soakFrom + soakMs;
}

/** Who never reports gets the revision with the last stage, but not one that halts at the same moment. */
function releaseToSilent(governed: Governed): void {
  const { underWay: rollout, lastStage, members } = governed;
  if (!rollout || rollout.stage !== lastStage || rollout.heldFrom !== undefined) return;
  for (const member of members.values()) if (member.silent) governed.retarget(member, rollout.oid);
}

/** Goes on as far as it is possible now. */
export function advance(governed: Governed): void {
  governed.nextGrace = undefined;
  for (let rollout = governed.underWay; rollout && step(governed, rollout); ) rollout = governed.underWay;
  releaseToSilent(governed);
}
