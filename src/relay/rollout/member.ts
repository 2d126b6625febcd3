import type { Policy } from '../../config/rollout-policy.ts';
import type { Oid } from '../../model/oid.ts';
import type { MemberState, Progress } from './governed-state.ts';
import type { Instance, InstanceRun } from './instance.ts';
import { placeOf } from './stage-of.ts';

/** An instance of a governed ref. Most of it is described at {@link MemberState}. */
export interface Member {
  readonly key: string;
  name: string;
  labels: Readonly<Record<string, string>>;
  readonly silent: boolean;
  connected: boolean;
  lostAt: number | undefined;
  /** undefined: no revision was ever pushed. */
  target: Oid | undefined;
  stage: number | undefined;
  late: boolean;
  progress: Progress;
  wasDone: boolean;
  writtenOff: boolean;
  goesBack: boolean;
  leftover: boolean;
  runs: boolean;
  crashes: number;
  /** Its last report. */
  published: Oid | undefined;
  running: InstanceRun | undefined;
  /** {@link placeOf} it. */
  place: number;
}

/** How long an instance that disconnected is expected back before its stage goes on without it, and after a restart of the relay. */
export const GRACE_MS = 60_000;

/** An object that is put together of others is slow to read, and all members are read very often. */
export function newMember({ key, name, labels, silent }: Instance, policy: Policy, target: Oid | undefined): Member {
  return {
    key,
    name,
    labels,
    silent: silent === true,
    connected: true,
    lostAt: undefined,
    target,
    stage: undefined,
    late: false,
    progress: 'waiting',
    wasDone: false,
    writtenOff: false,
    goesBack: false,
    leftover: false,
    runs: false,
    crashes: 0,
    published: undefined,
    running: undefined,
    place: placeOf(policy.name, name),
  };
}

/** One of those that were connected when the state was written has no time of loss until the first call. */
export function memberFromState(state: MemberState, policy: Policy): Member {
  const { key, name, labels, target } = state;
  const member = newMember({ key, name, labels, connected: false }, policy, target);
  member.connected = false;
  member.lostAt = state.lostAt;
  member.stage = state.stage;
  member.late = state.late;
  member.progress = state.progress;
  member.wasDone = state.wasDone;
  member.writtenOff = state.writtenOff;
  member.goesBack = state.goesBack;
  member.leftover = state.leftover;
  member.runs = state.runs;
  member.crashes = state.crashes ?? 0;
  return member;
}

export function stateOfMember(member: Member, target: Oid): MemberState {
  const { key, name, labels, lostAt, stage, late, progress, wasDone, writtenOff, goesBack, leftover, runs } = member;
  const crashes = member.crashes > 0 ? member.crashes : undefined;
  return {
    ...{ key, name, labels, target, lostAt, stage, late, progress, wasDone, writtenOff, goesBack, leftover, runs },
    crashes,
  };
}

/** Takes over what the instance says of itself. */
export function takeReport(member: Member, instance: Instance, policy: Policy): void {
  const { name, labels, published, running, runs } = instance;
  if (name !== member.name) member.place = placeOf(policy.name, name);
  member.name = name;
  member.labels = labels;
  member.published = published;
  member.running = running;
  member.runs ||= runs ?? running !== undefined;
  const { target, goesBack } = member;
  if (goesBack && target !== undefined && judge(member, target, policy.done) !== 'waiting') member.goesBack = false;
}

/**
 * How far it has come with `oid`, as it reports. An instance that never reported a process is judged by what it
 * publishes.
 */
export function judge({ runs, published, running }: Member, oid: Oid, done: Policy['done']): Progress {
  const ofThis = running?.oid === oid ? running : undefined;
  if (ofThis?.state === 'failed' || ofThis?.state === 'rolled-back') return 'failed';
  if (done === 'ready' && runs) return ofThis?.state === 'ready' ? 'done' : 'waiting';
  return published === oid ? 'done' : 'waiting';
}

/** How often its process ended by itself with `oid` between two reports of it; nothing where that is not known. */
export function endsBetween(before: InstanceRun | undefined, after: InstanceRun | undefined, oid: Oid): number {
  if (!before || after?.oid !== oid || after.ended === undefined) return 0;
  // Another process of the sidecar counts from the beginning.
  return before.oid === oid ? Math.max(0, after.ended - (before.ended ?? after.ended)) : after.ended;
}

/** It could come back soon, so its stage does not end without it. */
export function isExpected({ connected, lostAt }: Member, now: number): boolean {
  return connected || lostAt === undefined || now < lostAt + GRACE_MS;
}

/** It was given the revision, and it cannot do its work with it as far as is known. */
export function isUnavailable({ writtenOff, progress, connected, silent }: Member): boolean {
  return !silent && !writtenOff && (progress !== 'done' || !connected);
}
