import type { Policy } from '../../config/rollout-policy.ts';
import type { Oid } from '../../model/oid.ts';
import { FreezeCalendar } from './freeze.ts';
import type { GovernedState, HaltState, Progress, PushedRevision, RolloutState, Said } from './governed-state.ts';
import { type JournalEntry, withEntries } from './journal.ts';
import { judge, type Member, stateOfMember } from './member.ts';
import { restore, takeUp } from './restore.ts';
import { type FullStage, fullStages } from './stage-of.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A rollout under way or halted; see {@link RolloutState}. */
export type Rollout = Mutable<Omit<RolloutState, 'halt'>> & { halt: HaltState | undefined };

const MOST_REFUSED = 100;
const MOST_HISTORY = 20;

/**
 * All that is known of a governed ref, and what the current call has changed of it. The rules are in the files beside
 * it; here are the steps that all of them are made of.
 */
export class Governed {
  readonly policy: Policy;
  readonly stages: readonly FullStage[];
  readonly calendar: FreezeCalendar;
  readonly members = new Map<string, Member>();
  /** Milliseconds since the epoch, as the current call says. */
  now = Number.NEGATIVE_INFINITY;
  tip: Oid | undefined;
  completed: PushedRevision | undefined;
  history: readonly Oid[] = [];
  rollout: Rollout | undefined;
  queue: readonly PushedRevision[] = [];
  refused: readonly Oid[] = [];
  paused: Said | undefined;
  pinned: Said | undefined;
  journal: readonly JournalEntry[] = [];
  /** Until then the instances from before a restart of the relay are expected back. */
  settleUntil: number | undefined;
  /** Those that have not come back. */
  readonly unsettled = new Set<Member>();
  /** When the next instance that disconnected is no longer expected; undefined: none is. */
  nextGrace: number | undefined;
  /** The current call changed something that has to be remembered. */
  isChanged = false;
  /** When the last change was made. */
  changedAt: number | undefined;
  /** How many instances were connected then. */
  fleet = 0;
  /** The same before the relay restarted. */
  expected = 0;
  notes: JournalEntry[] = [];
  readonly retargeted = new Set<Member>();

  constructor(policy: Policy, state: GovernedState | undefined) {
    this.policy = policy;
    this.stages = fullStages(policy);
    this.calendar = new FreezeCalendar(policy.freeze);
    if (state) restore(this, state);
  }

  get lastStage(): number {
    return this.stages.length - 1;
  }

  /** The rollout that goes on: not one that is halted. */
  get underWay(): Rollout | undefined {
    return this.rollout?.halt === undefined ? this.rollout : undefined;
  }

  get isSettling(): boolean {
    if (this.settleUntil === undefined || this.now >= this.settleUntil) return false;
    return this.unsettled.size > 0 || this.#connected < this.expected;
  }

  get #connected(): number {
    let count = 0;
    for (const { connected, silent } of this.members.values()) if (connected && !silent) count += 1;
    return count;
  }

  begin(now: number): void {
    this.now = now;
    this.isChanged = false;
    this.notes = [];
    this.retargeted.clear();
    if (this.settleUntil === undefined) takeUp(this);
  }

  /** The end of the current call. */
  end(): void {
    if (!this.isChanged) return;
    this.changedAt = this.now;
    this.fleet = this.#connected;
  }

  note(what: JournalEntry['what'], more: Omit<JournalEntry, 'at' | 'what'> = {}): void {
    const entry = { at: this.now, what, ...more };
    this.notes.push(entry);
    this.journal = withEntries(this.journal, [entry]);
    this.isChanged = true;
  }

  /** From now on `member` may be shown `oid`. */
  retarget(member: Member, oid: Oid): void {
    if (member.target === oid) return;
    member.target = oid;
    member.writtenOff = false;
    member.goesBack = false;
    member.leftover = false;
    this.judgeAnew(member);
    this.retargeted.add(member);
    this.isChanged = true;
  }

  /** Writes down how far `member` has come with the revision of the rollout, if it was given that. */
  judge(member: Member): void {
    const { rollout, policy } = this;
    const isReleased = rollout !== undefined && member.target === rollout.oid;
    const progress = isReleased ? this.#progressOf(member, rollout) : 'waiting';
    const { target } = member;
    if (member.leftover && target !== undefined && judge(member, target, policy.done) !== 'waiting') {
      member.leftover = false;
      this.isChanged = true;
    }
    if (progress === 'done') member.writtenOff = false;
    if (progress !== member.progress) this.isChanged = true;
    member.progress = progress;
    if (progress !== 'done' || member.wasDone) return;
    member.wasDone = true;
    if (!member.late && member.stage !== undefined) this.restartDeadline();
  }

  /** One that ended too often in the open stage has failed there, also when it is ready at the moment. */
  #progressOf(member: Member, { oid, stage }: Rollout): Progress {
    const most = this.stages[stage]?.restarts ?? Number.POSITIVE_INFINITY;
    return member.crashes >= most ? 'failed' : judge(member, oid, this.policy.done);
  }

  /** The open stage has all of its time from now on. */
  restartDeadline(): void {
    const { rollout, now, stages } = this;
    if (!rollout) return;
    rollout.deadlineAt = now + (stages[rollout.stage]?.deadlineMs ?? 0);
    if (rollout.heldFrom !== undefined) rollout.heldFrom = now;
    this.isChanged = true;
  }

  /** As `judge`, for a rollout or a release that begins: a failure that was reported before is none of it. */
  judgeAnew(member: Member): void {
    member.crashes = 0;
    this.judge(member);
    if (member.progress === 'failed') member.progress = 'waiting';
  }

  complete(oid: Oid): void {
    if (this.completed && this.completed.oid !== oid)
      this.history = [...this.history, this.completed.oid].slice(-MOST_HISTORY);
    this.completed = { oid, at: this.now };
    this.isChanged = true;
  }

  refuse(oid: Oid): void {
    this.refused = [...this.refused.filter((each) => each !== oid), oid].slice(-MOST_REFUSED);
    this.isChanged = true;
  }

  allow(oid: Oid): void {
    if (this.refused.includes(oid)) this.isChanged = true;
    this.refused = this.refused.filter((each) => each !== oid);
  }

  state(): GovernedState {
    const { tip, completed, history, rollout, queue, refused, paused, pinned, journal } = this;
    const members = [...this.members.values()].flatMap((member) => {
      const { target, silent, goesBack } = member;
      if (silent || target === undefined) return [];
      const isNeeded = rollout !== undefined || target !== completed?.oid || goesBack;
      return isNeeded ? [stateOfMember(member, target)] : [];
    });
    const stages = this.stages.map(({ name }) => name);
    return {
      ...{ version: 1, changedAt: this.changedAt, fleet: this.fleet, stages, tip, completed, history },
      ...{ rollout: rollout && { ...rollout }, queue, refused, paused, pinned, members, journal },
    };
  }
}
