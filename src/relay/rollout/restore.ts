import type { Governed } from './governed.ts';
import type { GovernedState } from './governed-state.ts';
import { GRACE_MS, memberFromState } from './member.ts';

/** Fills `governed` with what an earlier process wrote. Nobody is connected yet. */
export function restore(governed: Governed, state: GovernedState): void {
  governed.changedAt = state.changedAt;
  governed.fleet = state.fleet;
  governed.expected = state.fleet;
  governed.tip = state.tip;
  governed.completed = state.completed;
  governed.history = state.history;
  governed.rollout = state.rollout && { ...state.rollout, halt: state.rollout.halt };
  governed.queue = state.queue;
  governed.refused = state.refused;
  governed.paused = state.paused;
  governed.pinned = state.pinned;
  governed.journal = state.journal;
  for (const each of state.members) {
    const member = memberFromState(each, governed.policy);
    governed.members.set(member.key, member);
    if (member.lostAt === undefined) governed.unsettled.add(member);
  }
  const isSame = JSON.stringify(state.stages) === JSON.stringify(governed.stages.map(({ name }) => name));
  if (!isSame) startStagesAgain(governed);
}

/** Other stages than those that the state is about: who has the revision keeps it, and the first stage opens again. */
function startStagesAgain({ rollout, members }: Governed): void {
  if (!rollout) return;
  rollout.stage = -1;
  rollout.soakFrom = undefined;
  rollout.thawed = undefined;
  rollout.failures = [];
  for (const member of members.values()) member.stage = undefined;
}

/** The first call. Before it, no relay was there: nobody could get a revision or report one. */
export function takeUp(governed: Governed): void {
  const { rollout, now, unsettled, changedAt } = governed;
  governed.settleUntil = now + GRACE_MS;
  for (const member of unsettled) member.lostAt ??= now;
  governed.isChanged = unsettled.size > 0 || rollout !== undefined;
  const downMs = Math.max(0, now - (changedAt ?? now));
  if (!rollout) return;
  rollout.deadlineAt += downMs;
  if (rollout.soakFrom !== undefined) rollout.soakFrom += downMs;
  if (rollout.heldFrom !== undefined) rollout.heldFrom += downMs;
}
