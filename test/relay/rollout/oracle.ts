import { createHash } from 'node:crypto';
import type { Policy } from '../../../src/config/rollout-policy.ts';
import type { Oid } from '../../../src/model/oid.ts';
import type { Changes, GovernedRef } from '../../../src/relay/rollout/governed-ref.ts';
import type { GovernedView } from '../../../src/relay/rollout/governed-view.ts';
import type { Instance } from '../../../src/relay/rollout/instance.ts';
import { MINUTE } from './kit.ts';

/** What happened, as the world outside of the relay knows it. */
export interface Happened {
  readonly what: string;
  /** The order of a person, by its word. */
  readonly order?: string;
  /** The instance that has just opened its stream. */
  readonly joined?: string;
  /** The instances that have just reported that the revision they were given failed. */
  readonly failed?: readonly string[];
}

/** Thousands of looks at thousands of fleets: `expect` is too slow for that. */
function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(what);
}

const NOBODY = 'nobody has this key';

function placeOf(policy: Policy, name: string): number {
  const digest = createHash('sha256').update(`${policy.name}\0${name}`).digest('hex');
  return Number.parseInt(digest.slice(0, 12), 16) / 16 ** 12;
}

function glob(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('*', '[^/]*')}$`);
}

/**
 * Looks at a governed ref from outside, through what instances are shown, and knows the rules of docs/rollouts.md. It
 * shares no code with the rules that it checks.
 */
export class Oracle {
  readonly #policy: Policy;
  readonly #fleet: ReadonlyMap<string, Instance>;
  #targets = new Map<string, Oid | undefined>();
  #completed: Oid | undefined;
  #view: GovernedView | undefined;
  /** Who was ever given which revision: `key oid`. */
  readonly #given = new Set<string>();
  /** Those whose stage ended without them. */
  readonly #excused = new Set<string>();
  /** Those whose process failed with what they were given, after the last call. */
  #failing = new Set<string>();
  /** Who was given the revision of the rollout while its first stage was open. */
  #firstStage = new Set<string>();
  #standIns = new Set<string>();
  #state: string | undefined;
  #looks = 0;
  #before = '';
  /** Those who were connected when the relay stopped during a rollout, and when the next one did its first work. */
  #awaited = new Set<string>();
  #restartedAt: number | undefined;
  /** In which stage an instance was given the revision of the rollout. */
  #givenIn = new Map<string, string>();
  /** Since when the stage is open. */
  #openSince = 0;
  #rollout = '';
  readonly #joinedAt = new Map<string, number>();
  /** How often processes had ended at the last look, and how often with the revision since the stage opened. */
  readonly #ended = new Map<string, { readonly oid: Oid; readonly times: number }>();
  #crashes = new Map<string, number>();
  readonly #isStrict: boolean;

  constructor(policy: Policy, fleet: ReadonlyMap<string, Instance>) {
    this.#policy = policy;
    this.#fleet = fleet;
    this.#isStrict = [policy, ...policy.stages].every(({ failures }) => (failures ?? 1) === 1);
  }

  /** The relay stops, and `state` is what it leaves. */
  remember(state: string): void {
    const { rollout } = JSON.parse(state) as { readonly rollout?: unknown };
    const there = [...this.#fleet].filter(([, { connected, silent }]) => rollout && connected && silent !== true);
    this.#awaited = new Set(there.map(([key]) => key));
    this.#restartedAt = undefined;
    this.#before = state;
    this.#state = undefined;
  }

  /** After each call, and after each restart. @param changes what the call returned; undefined after a restart */
  look(ref: GovernedRef, now: number, happened: Happened, changes: Changes | undefined): void {
    const view = ref.describe(now);
    if (changes) this.#restartedAt ??= now;
    // These end the rollout for which they were awaited.
    if (happened.order === 'pin' || happened.order === 'revert') this.#awaited.clear();
    if (happened.joined !== undefined) {
      this.#joinedAt.set(happened.joined, now);
      this.#awaited.delete(happened.joined);
    }
    const before = { view: this.#view, targets: this.#targets, completed: this.#completed };
    const completed = ref.target(NOBODY);
    const targets = new Map([...this.#fleet.keys()].map((key) => [key, ref.target(key)]));
    const moved = [...targets].filter(([key, target]) => before.targets.get(key) !== target);
    this.#checkAnswer(ref, moved, happened, changes);
    const released = moved.flatMap(([key, to]) => (to !== undefined && to !== completed ? [[key, to] as const] : []));
    const broken = this.#countEnds(before.targets, before.view, now);
    this.#excuse(before.view, view, before.targets);
    for (const [key] of moved) this.#crashes.delete(key);
    if (happened.order === 'resume') this.#crashes = new Map();
    const kept = [...this.#excused].filter((key) => !this.#isFine(key, targets.get(key)));
    this.#excused.clear();
    for (const key of kept) this.#excused.add(key);
    const isRollout = view.oid !== completed && view.oid !== null;
    // They were awaited for a rollout that is over.
    if (!isRollout) this.#awaited.clear();
    const rollout = `${view.oid} ${view.journal.find(({ what }) => what === 'started')?.at}`;
    // The same commit may begin again in the same moment.
    const begins = changes?.notes.some(({ what }) => what === 'started') === true;
    if (begins || rollout !== this.#rollout) {
      this.#firstStage = new Set();
      this.#standIns = new Set();
      this.#givenIn = new Map();
      this.#crashes = new Map();
      this.#openSince = now;
    } else if (before.view) this.#checkPassing(before.view, view, now, happened);
    this.#rollout = rollout;
    for (const [key, to] of released) {
      check(isRollout && to === view.oid, `${key} was given ${to}, which is not being rolled out`);
      this.#checkRelease(key, to, view, before.view, happened);
    }
    // Who was still on the way to another revision was unavailable before.
    const isOnItsWay = (key: string): boolean => {
      const target = before.targets.get(key);
      return target !== undefined && target !== before.completed && !this.#isFine(key, target);
    };
    const isJudged = (key: string): boolean => this.#fleet.get(key)?.silent !== true && !isOnItsWay(key);
    if (released.some(([key]) => isJudged(key))) this.#checkRoom(targets, view);
    this.#checkCompletion(before, completed, targets, view, happened, changes);
    this.#checkFailures([...(happened.failed ?? []), ...broken], before.view, view);
    if (before.view?.stage !== view.stage) this.#crashes = new Map();
    const most = { queue: 20, finish: 1, replace: 0 }[this.#policy.push];
    check(view.queued.length <= most, `${view.queued.length} pushes wait`);
    check(completed === undefined || !view.refused.includes(completed), 'the completed revision is refused');
    check(before.completed === undefined || completed !== undefined, 'the completed revision was forgotten');
    const isFailing = ([key, to]: readonly [string, Oid | undefined]): boolean =>
      to !== undefined && this.#progress(key, to) === 'failed';
    this.#failing = new Set([...targets].filter(isFailing).map(([key]) => key));
    for (const [key, to] of targets) this.#given.add(`${key} ${to}`);
    this.#view = view;
    this.#targets = targets;
    this.#completed = completed;
  }

  /** A change that is not announced is never written, and an instance that is not named is never notified. */
  #checkAnswer(
    ref: GovernedRef,
    moved: readonly (readonly [string, Oid | undefined])[],
    { joined }: Happened,
    changes: Changes | undefined,
  ): void {
    if (!changes) {
      const state = JSON.stringify(ref.state());
      check(state === this.#before, `another state after a restart: ${this.#before} ${state}`);
      for (const [key] of moved) check(this.#fleet.get(key)?.silent === true, `a restart gave ${key} something else`);
      return;
    }
    this.#looks += 1;
    // To compare each state with the one before takes longer than all the rest.
    const isCompared = this.#looks % 5 < 2;
    const state = isCompared ? JSON.stringify(ref.state()) : undefined;
    const isSame = state === undefined || this.#state === undefined || state === this.#state;
    check(changes.changed || isSame, `another state, and the answer does not say so: ${this.#state} ${state}`);
    this.#state = state;
    for (const [key] of moved)
      if (key !== joined && this.#fleet.get(key)?.connected)
        check(changes.retargeted.includes(key), `${key} may be shown another revision and is not named`);
  }

  #progress(key: string, oid: Oid): 'done' | 'failed' | 'waiting' {
    const stage = this.#policy.stages.find(({ name }) => name === this.#view?.stage);
    const most = stage?.restarts ?? this.#policy.restarts;
    if (oid === this.#view?.oid && (this.#crashes.get(key) ?? 0) >= most) return 'failed';
    const { published, running, runs } = this.#fleet.get(key) ?? {};
    const isThis = running?.oid === oid;
    if (isThis && (running.state === 'failed' || running.state === 'rolled-back')) return 'failed';
    if (this.#policy.done === 'ready' && (running || runs))
      return isThis && running.state === 'ready' ? 'done' : 'waiting';
    return published === oid ? 'done' : 'waiting';
  }

  #isFine(key: string, target: Oid | undefined): boolean {
    const instance = this.#fleet.get(key);
    return target !== undefined && instance?.connected === true && this.#progress(key, target) === 'done';
  }

  /** When the stage that was open has ended or soaks, those who were not done are not waited for. */
  #excuse(before: GovernedView | undefined, view: GovernedView, targets: ReadonlyMap<string, Oid | undefined>): void {
    const open = before?.stages.find(({ state }) => state === 'open' || state === 'soaking');
    if (!before || !open) return;
    const now = view.oid === before.oid ? view.stages.find(({ name }) => name === open.name) : undefined;
    const hasEnded = now?.state === 'over' || (open.state === 'open' && now?.state === 'soaking');
    if (!hasEnded) return;
    for (const [key, target] of targets)
      if (target === before.oid && !this.#isFine(key, target)) this.#excused.add(key);
  }

  #stageIndex(view: GovernedView): number {
    return view.stages.findIndex(({ name }) => name === view.stage);
  }

  #checkRelease(
    key: string,
    oid: Oid,
    view: GovernedView,
    before: GovernedView | undefined,
    { what, order, joined }: Happened,
  ): void {
    const who = `${key} was given ${oid}`;
    check(!view.refused.includes(oid) || this.#given.has(`${key} ${oid}`), `${who}, which is refused`);
    check(view.paused === null, `${who} during a pause`);
    check(view.pinned === null, `${who} although the ref is pinned`);
    if (view.frozen) {
      const opened = view.journal.findIndex((entry) => entry.what === 'opened');
      check(view.journal[opened + 1]?.what === 'promoted', `${who} in a freeze window`);
    }
    check(joined !== undefined || this.#fleet.get(key)?.connected === true, `${who}, and is not connected`);
    check(view.status !== 'halted' && view.status !== 'reverting', `${who} after ${what}, and it is halted`);
    this.#checkStage(key, oid, view, before, order);
    this.#givenIn.set(key, view.stage ?? '');
  }

  /** The first stage that can have chosen the instance is open or over. */
  #checkStage(key: string, oid: Oid, view: GovernedView, before: GovernedView | undefined, order?: string): void {
    const instance = this.#fleet.get(key);
    const open = this.#stageIndex(view);
    const skips = view.journal.find(({ what }) => what === 'started')?.why !== undefined;
    check(!skips || this.#policy.skipAhead !== undefined, `${key} was given ${oid} as a hotfix`);
    if (!instance || skips || open === view.stages.length - 1) return;
    check(instance.silent !== true, `${key} was given ${oid} before the last stage`);
    const selecting = this.#policy.stages.slice(0, open + 1).filter(({ select: { instances, labels } }) => {
      if (instances && !instances.some((pattern) => glob(pattern).test(instance.name))) return false;
      return Object.entries(labels ?? {}).every(([name, value]) => instance.labels[name] === value);
    });
    check(selecting.length > 0, `${key} was given ${oid} before its stage opened`);
    const place = placeOf(this.#policy, instance.name);
    // A percentage that has nobody takes one instance instead.
    if (!selecting.some(({ select: { percent } }) => percent === undefined || place < percent / 100))
      this.#standIns.add(key);
    const percentages = this.#policy.stages.slice(0, open + 1).filter(({ select }) => select.percent !== undefined);
    check(this.#standIns.size <= percentages.length, `${key} is one too many for a percentage`);
    const first = this.#policy.stages[0]?.select.count;
    if (open !== 0 || first === undefined || order !== undefined || before?.stage !== view.stage) return;
    this.#firstStage.add(key);
    check(this.#firstStage.size <= first, `${key} is one too many for the count of the first stage`);
  }

  /** A stage ends only when all who were given the revision in it are done, and never while nobody may get it. */
  #checkPassing(before: GovernedView, view: GovernedView, now: number, { order }: Happened): void {
    for (const { instance, reason } of view.failures) {
      const key = [...this.#fleet.values()].find(({ name }) => name === instance)?.key;
      const isOwn = !/process|former revision/.test(reason) || this.#given.has(`${key} ${view.oid}`);
      check(isOwn, `${instance} failed with what it was not given`);
    }
    const since = this.#openSince;
    if (view.stage !== before.stage) this.#openSince = now;
    if (view.stage === before.stage || order === 'promote' || view.stage === null) return;
    const isSkipped = view.journal.some((entry) => entry.what === 'skipped' && entry.at === now);
    if (!isSkipped) this.#checkSoak(before, view, now - since);
    const what = `stage ${view.stage} opened`;
    check(!view.frozen && view.paused === null, `${what} while nobody may get the revision`);
    const isBack = this.#awaited.size === 0 || now >= (this.#restartedAt ?? now) + MINUTE;
    check(isBack, `${what} before ${[...this.#awaited]} had time to come back`);
    const started = view.journal.find((entry) => entry.what === 'started')?.at ?? 0;
    // Those of the stage that was promoted come later, and hold no other stage up.
    const isPromoted = view.journal.some((entry) => entry.what === 'promoted' && entry.at >= started);
    if (!this.#isStrict || view.oid === null || isPromoted) return;
    for (const [key, stage] of this.#givenIn) {
      if (stage !== before.stage || (this.#joinedAt.get(key) ?? 0) >= started) continue;
      check(this.#progress(key, view.oid) === 'done', `${what} before ${key} was done`);
    }
  }

  /** A stage whose instances got the revision in it is open at least as long as it has to soak. */
  #checkSoak(before: GovernedView, view: GovernedView, openMs: number): void {
    const stage = this.#policy.stages.find(({ name }) => name === before.stage);
    const isUsed = [...this.#givenIn.values()].includes(before.stage ?? '');
    if (!stage || !isUsed || view.stages.every(({ state }) => state === 'waiting')) return;
    check(openMs >= (stage.soakMs ?? this.#policy.soakMs), `stage ${before.stage} ended before its soak`);
  }

  #checkRoom(targets: ReadonlyMap<string, Oid | undefined>, view: GovernedView): void {
    const stage = this.#policy.stages[this.#stageIndex(view)];
    const limit = stage?.maxUnavailable ?? this.#policy.maxUnavailable;
    const connected = [...this.#fleet.values()].filter((each) => each.connected && each.silent !== true).length;
    const most = typeof limit === 'number' ? limit : Math.max(1, Math.floor((connected * limit.percent) / 100));
    const unavailable = [...targets].filter(
      ([key, target]) =>
        target === view.oid &&
        this.#fleet.get(key)?.silent !== true &&
        !this.#isFine(key, target) &&
        !this.#excused.has(key),
    );
    const names = unavailable.map(([key]) => key).join();
    check(unavailable.length <= most, `${names} are unavailable at a time, and only ${most} may be`);
  }

  /** A rollout that completed reached everybody who is there, and was not passed off as complete. */
  #checkCompletion(
    before: { readonly completed: Oid | undefined },
    completed: Oid | undefined,
    targets: ReadonlyMap<string, Oid | undefined>,
    view: GovernedView,
    { order }: Happened,
    changes: Changes | undefined,
  ): void {
    if (completed === before.completed) return;
    const isHeld = view.frozen || view.paused !== null;
    check(!isHeld || order !== undefined || before.completed === undefined, 'a held rollout was completed');
    for (const [key, target] of targets)
      check(target === completed || target === view.oid, `${key} was left out, it has ${target}`);
    if (before.completed === undefined || order === 'revert' || order === 'pin') return;
    check(changes?.notes.some(({ what }) => what === 'completed') === true, 'it was completed without a note');
    this.#checkProof(completed, view);
  }

  /** Where no failure is allowed, all who were there from the beginning are done when the rollout is complete. */
  #checkProof(completed: Oid | undefined, { journal }: GovernedView): void {
    const started = journal.find(({ what, oid }) => what === 'started' && oid === completed);
    const isOrdered = journal.some(({ what, at }) => what === 'promoted' && at >= (started?.at ?? 0));
    if (!this.#isStrict || !started || isOrdered || completed === undefined) return;
    for (const [key, { connected, silent }] of this.#fleet) {
      const since = this.#joinedAt.get(key);
      if (!connected || silent || since === undefined || since >= started.at) continue;
      check(this.#progress(key, completed) === 'done', `${key} was not done when the rollout was complete`);
    }
  }

  /** Where no failure is allowed, the first one ends the rollout. */
  /**
   * Counts how often processes ended with the revision of the rollout while its stage is open. Each end is trouble from
   * which the soak begins anew.
   * @returns those that ended too often just now
   */
  #countEnds(targets: ReadonlyMap<string, Oid | undefined>, view: GovernedView | undefined, now: number): string[] {
    const stage = this.#policy.stages.find(({ name }) => name === view?.stage);
    const most = stage?.restarts ?? this.#policy.restarts;
    const broken: string[] = [];
    for (const [key, { running }] of this.#fleet) {
      if (!running) continue;
      const known = this.#ended.get(key);
      const { oid, ended: times = 0 } = running;
      this.#ended.set(key, { oid, times });
      const more = known?.oid === oid ? times - known.times : 0;
      if (more === 0 || this.#policy.done !== 'ready' || oid !== view?.oid || targets.get(key) !== oid) continue;
      const crashes = (this.#crashes.get(key) ?? 0) + more;
      this.#crashes.set(key, crashes);
      if (crashes >= most) broken.push(key);
      if (crashes <= most && this.#givenIn.get(key) === view.stage) this.#openSince = now;
    }
    return broken;
  }

  #checkFailures(failed: readonly string[], before: GovernedView | undefined, view: GovernedView): void {
    if (!before || !this.#isStrict) return;
    const { oid, status, completed, stage } = before;
    const isOpen = ['running', 'soaking', 'paused', 'frozen'].includes(status) && stage !== null;
    if (!isOpen || oid === null || oid === completed) return;
    // A stage that went on without one that fails does not end because it still does.
    for (const key of failed)
      if (this.#targets.get(key) === oid && !(this.#excused.has(key) && this.#failing.has(key)))
        check(view.refused.includes(oid), `${key} failed with ${oid}, and the rollout went on`);
  }
}
