import { isThere } from './assign.ts';
import { halt } from './endings.ts';
import type { Governed, Rollout } from './governed.ts';
import type { Member } from './member.ts';

/** Of one rollout; more are not counted. */
const MOST_FAILURES = 1000;

/** Notes that `member` failed. One instance fails once in each stage. */
export function fail(governed: Governed, rollout: Rollout, member: Member, reason: string): void {
  const { key, name } = member;
  const { stage } = rollout;
  if (rollout.failures.some((each) => each.key === key && each.stage === stage)) return;
  const failure = { key, name, stage, reason, at: governed.now };
  rollout.failures = [...rollout.failures, failure].slice(-MOST_FAILURES);
  const { oid } = rollout;
  governed.note('failed', { oid, stage: governed.stages[stage]?.name, why: `${name}: ${reason}` });
}

/** Halts the rollout if too many failed in the stage that is open. @returns whether it did */
export function haltIfFailed(governed: Governed, rollout: Rollout): boolean {
  const stage = governed.stages[rollout.stage];
  if (!stage) return false;
  const failures = rollout.failures.filter((each) => each.stage === rollout.stage);
  if (failures.length < Math.min(stage.failures, MOST_FAILURES)) return false;
  const [first] = failures;
  const one = `${first?.name}: ${first?.reason}`;
  const why =
    failures.length === 1
      ? `one instance failed in stage ${stage.name}: ${one}`
      : `${failures.length} instances failed in stage ${stage.name}, the first was ${one}`;
  halt(governed, why);
  return true;
}

/** A stage that has instances proves something only when one of them was done. In the last one, those of all stages are. */
export function isProven(governed: Governed, { stage }: Rollout): boolean {
  const isOwn = (member: Member): boolean => member.stage === stage || stage === governed.lastStage;
  const own = [...governed.members.values()].filter(
    (member) => member.stage !== undefined && isOwn(member) && isThere(governed, member),
  );
  return own.length === 0 || own.some(({ wasDone }) => wasDone);
}
