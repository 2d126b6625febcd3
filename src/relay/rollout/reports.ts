import { restartClock } from './advance.ts';
import { assignNewcomer } from './assign.ts';
import { forget } from './endings.ts';
import { fail } from './failures.ts';
import type { Governed } from './governed.ts';
import type { Instance } from './instance.ts';
import { endsBetween, type Member, newMember, stateOfMember, takeReport } from './member.ts';

/** Members that are disconnected and remembered. */
const MOST_GONE = 20_000;

function failureOf({ running, crashes }: Member): string {
  const { state, detail } = running ?? {};
  const hasFailed = state === 'failed' || crashes === 0;
  const what =
    state === 'rolled-back'
      ? 'it went back to its former revision'
      : hasFailed
        ? 'its process failed'
        : `its process ended ${crashes === 1 ? 'once' : `${crashes} times`}`;
  return detail === undefined ? what : `${what}: ${detail}`;
}

/** Counts how often its process ended by itself with the revision that is rolled out. @returns whether it did */
function countEnds({ underWay, policy }: Governed, member: Member, before: Member['running']): boolean {
  if (!underWay || member.target !== underWay.oid || policy.done !== 'ready') return false;
  const ends = endsBetween(before, member.running, underWay.oid);
  member.crashes += ends;
  return ends > 0;
}

/** A stage soaks while nothing goes wrong. When something does, it waits again until all of it are done. */
function interruptSoak(governed: Governed, member: Member): void {
  const { underWay } = governed;
  if (!underWay || underWay.soakFrom === undefined || member.stage === undefined) return;
  if (member.stage !== underWay.stage && underWay.stage !== governed.lastStage) return;
  restartClock(governed, underWay);
}

/** What the state has of `member`. */
function rememberedOf({ rollout, completed }: Governed, member: Member): string | undefined {
  const { target, silent, goesBack } = member;
  const isThere = !silent && target !== undefined && (rollout || goesBack || target !== completed?.oid);
  return isThere ? JSON.stringify(stateOfMember(member, target)) : undefined;
}

/** `instance` is there, with what it says of itself. */
export function take(governed: Governed, instance: Instance): void {
  const { members, completed, policy } = governed;
  const known = members.get(instance.key);
  const member = known ?? newMember(instance, policy, completed?.oid);
  members.set(member.key, member);
  governed.unsettled.delete(member);
  const former = known && rememberedOf(governed, known);
  member.connected = true;
  member.lostAt = undefined;
  const { progress: before, running: ran } = member;
  takeReport(member, instance, policy);
  const hasEnded = countEnds(governed, member, ran);
  if (rememberedOf(governed, member) !== former) governed.isChanged = true;
  // After a restart a stage opens when the fleet is there again, so its size is written now and then.
  if (members.size > 2 * governed.fleet + 2) governed.isChanged = true;
  governed.judge(member);
  assignNewcomer(governed, member);
  // One that was started again between two reports is no less trouble.
  if (before !== 'failed' && (hasEnded || (before === 'done' && member.progress !== 'done')))
    interruptSoak(governed, member);
  const { underWay } = governed;
  if (!underWay || member.progress !== 'failed' || before === 'failed') return;
  fail(governed, underWay, member, failureOf(member));
}

/** Bounds what is remembered: those go first that would get the completed revision anyway. */
function makeRoom(governed: Governed): void {
  const gone = [...governed.members.values()].filter(({ connected }) => !connected);
  if (gone.length <= MOST_GONE) return;
  const first = gone.find(({ target }) => target === governed.completed?.oid) ?? gone[0];
  if (first) forget(governed, first);
}

/** The stream of an instance ended. */
export function lose(governed: Governed, key: string): void {
  const { members, rollout, completed, now } = governed;
  const member = members.get(key);
  if (!member?.connected) return;
  if (member.silent || (!rollout && member.target === completed?.oid)) {
    members.delete(key);
    if (member.goesBack) governed.isChanged = true;
    return;
  }
  // Those that are gone are in the order in which they went.
  members.delete(key);
  members.set(key, member);
  member.connected = false;
  member.lostAt = now;
  member.leftover = false;
  governed.isChanged = true;
  makeRoom(governed);
}
