import type { Governed, Rollout } from './governed.ts';
import { GRACE_MS, isExpected, isUnavailable, type Member } from './member.ts';
import { mostUnavailable } from './stage-of.ts';

/** Where a rollout stands. */
export interface Survey {
  /** Instances that may get the revision now. */
  readonly candidates: readonly Member[];
  /** How many more may be unavailable. */
  readonly room: number;
  /** Those who cannot do their work as far as is known, leftovers of earlier rollouts included. */
  readonly unavailable: readonly Member[];
  /** Those for whom the stage waits. */
  readonly holding: readonly Member[];
  /** Somebody is in the stage. */
  readonly isInhabited: boolean;
  /** When an instance that disconnected is no longer expected. */
  readonly nextGrace: number | undefined;
}

/**
 * For whom the end of the open stage waits. The last one waits for the instances of all stages, so that a completed
 * rollout reached everybody.
 */
function isHolding(governed: Governed, { oid, stage }: Rollout, member: Member): boolean {
  const isOfStage = member.stage === stage || (stage === governed.lastStage && member.stage !== undefined);
  if (!isOfStage || member.writtenOff) return false;
  return member.target === oid ? member.progress === 'waiting' : isExpected(member, governed.now);
}

/** One look at all members. */
export function survey(governed: Governed, rollout: Rollout): Survey {
  const candidates: Member[] = [];
  const unavailable: Member[] = [];
  const holding: Member[] = [];
  let [connected, isInhabited] = [0, false];
  let nextGrace: number | undefined;
  for (const member of governed.members.values()) {
    if (member.silent) continue;
    const isReleased = member.target === rollout.oid;
    if (member.connected) connected += 1;
    else if (!isReleased && member.stage !== undefined && isExpected(member, governed.now))
      nextGrace = Math.min(nextGrace ?? Number.POSITIVE_INFINITY, (member.lostAt ?? governed.now) + GRACE_MS);
    if (isReleased ? isUnavailable(member) : member.leftover) unavailable.push(member);
    if (!isReleased && member.connected && member.stage !== undefined) candidates.push(member);
    if (isHolding(governed, rollout, member)) holding.push(member);
    if (member.stage === rollout.stage && (isReleased || isExpected(member, governed.now))) isInhabited = true;
  }
  const limit = mostUnavailable(governed.stages[rollout.stage]?.maxUnavailable ?? 1, connected);
  return { candidates, room: limit - unavailable.length, unavailable, holding, isInhabited, nextGrace };
}
