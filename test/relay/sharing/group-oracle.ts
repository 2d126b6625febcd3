import type { Policy } from '../../../src/config/rollout-policy.ts';
import type { Oid } from '../../../src/model/oid.ts';
import type { GovernedState, MemberState } from '../../../src/relay/rollout/governed-state.ts';
import type { JournalEntry } from '../../../src/relay/rollout/journal.ts';
import type { DecisionRecord } from '../../../src/relay/sharing/record.ts';
import { MINUTE, MONDAY } from '../rollout/kit.ts';
import { MAIN } from './simulated-relay.ts';

const LATE_MS = 30_000;

function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(what);
}

/** Looks at each record that is written, at what relays show, and at what they note. It knows only the rules. */
export class GroupOracle {
  readonly #policy: Policy;
  readonly #former = new Set<string>();
  readonly #given = new Map<string, Set<Oid>>();
  readonly #everybody = new Set<Oid>();
  readonly #noted = new Set<string>();
  #last: DecisionRecord | undefined;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  get state(): GovernedState | undefined {
    return this.#last?.refs[MAIN]?.state;
  }

  /** A record was written over the last one. */
  written(record: DecisionRecord, now: number): void {
    const before = this.#last;
    this.#last = record;
    const state = record.refs[MAIN]?.state;
    const former = before?.refs[MAIN]?.state;
    if (before && before.writer !== record.writer) {
      this.#former.add(before.writer);
      const isSame = JSON.stringify(before.refs) === JSON.stringify(record.refs);
      check(isSame, `${record.writer} began with something else than what ${before.writer} left`);
    }
    check(!this.#former.has(record.writer), `${record.writer} wrote after another relay had decided`);
    if (!state) return;
    this.#checkReleases(state, former, now);
    if (state.completed) this.#everybody.add(state.completed.oid);
    for (const { key, target } of state.members) this.#given.set(key, (this.#given.get(key) ?? new Set()).add(target));
  }

  #checkReleases(state: GovernedState, former: GovernedState | undefined, now: number): void {
    const { rollout, completed } = state;
    const before = new Map<string, MemberState>(former?.members.map((member) => [member.key, member]) ?? []);
    const targetBefore = (key: string): Oid | undefined => before.get(key)?.target ?? former?.completed?.oid;
    const released = state.members.filter(
      ({ key, target }) => target !== targetBefore(key) && target !== completed?.oid,
    );
    if (released.length === 0) return;
    const names = released.map(({ name }) => name).join();
    check(rollout !== undefined, `${names} were given something that is not rolled out`);
    if (!rollout) return;
    // What replaced it may have been decided a moment later, and is written together with it.
    const isNew = ({ at, what }: JournalEntry): boolean => at >= (former?.changedAt ?? 0) && what === 'replaced';
    const replaced = state.journal.filter(isNew).map(({ oid }) => oid);
    for (const { name, target } of released)
      check(target === rollout.oid || replaced.includes(target), `${name} was given ${target}`);
    // A halt that is decided in the moment of a release is written with it; one from before is not passed over.
    const wasHalted = former?.rollout?.oid === rollout.oid && former.rollout.halt !== undefined;
    check(!(wasHalted && rollout.halt), `${names} were given a halted revision`);
    check(state.paused === undefined || former?.paused === undefined, `${names} were given it during a pause`);
    const isThawed = rollout.thawed === rollout.stage || former?.rollout?.thawed === rollout.stage;
    check(isThawed || !this.#isFrozen(now), `${names} were given it in a freeze window`);
    // One that was on its way to a revision that was replaced is unavailable already.
    const wasOnItsWay = ({ target, progress, leftover, writtenOff }: MemberState): boolean =>
      leftover || (target === former?.rollout?.oid && target !== rollout.oid && progress === 'waiting' && !writtenOff);
    const isJudged = released.some((member) => {
      const earlier = before.get(member.key);
      return !member.leftover && !(earlier && wasOnItsWay(earlier));
    });
    // Who was released in the moment of the replacement cannot be seen.
    const isReplaced = former?.rollout !== undefined && former.rollout.oid !== rollout.oid;
    if (!isJudged || isReplaced) return;
    // Some may have disconnected between the decision and its writing.
    const limit = this.#limit(rollout.stage, Math.max(state.fleet, former?.fleet ?? 0, state.members.length));
    // One that was done, and reported something else since, made room for another one in between.
    const busy = state.members.filter(
      ({ target, progress, wasDone, writtenOff, lostAt }) =>
        target === rollout.oid && progress !== 'done' && !wasDone && !writtenOff && lostAt === undefined,
    );
    const isOne = rollout.halt === undefined;
    check(!isOne || busy.length <= limit, `${busy.map(({ name }) => name)} are unavailable, and ${limit} may be`);
  }

  /** With more than one relay, what was decided before the window may be written a moment later. */
  #isFrozen(now: number): boolean {
    return this.#policy.freeze.some((window) => {
      if (window.kind === 'span') return now >= window.from + LATE_MS && now < window.to;
      const minute = (now - MONDAY) / MINUTE;
      return minute >= window.from + LATE_MS / MINUTE && minute < window.to;
    });
  }

  #limit(stage: number, fleet: number): number {
    const limit = this.#policy.stages[stage]?.maxUnavailable ?? this.#policy.maxUnavailable;
    return typeof limit === 'number' ? limit : Math.max(1, Math.floor((fleet * limit.percent) / 100));
  }

  /** An instance is shown `oid` by some relay. */
  shown(key: string, oid: Oid | undefined): void {
    if (oid === undefined) return;
    const isGiven = this.#everybody.has(oid) || this.#given.get(key)?.has(oid) === true;
    check(isGiven, `${key} is shown ${oid}, and nobody wrote that it may be`);
  }

  /** A relay passes on what happened, so that people get a message about it. */
  noted(noted: JournalEntry): void {
    const { at, what, oid } = noted;
    const text = JSON.stringify(noted);
    check(!this.#noted.has(text), `${text} was noted twice`);
    this.#noted.add(text);
    const isWritten = this.state?.journal.some((entry) => entry.at === at && entry.what === what && entry.oid === oid);
    check(isWritten === true, `${text} was noted, and not written`);
  }
}
