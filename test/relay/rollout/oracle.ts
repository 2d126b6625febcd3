import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { Policy } from '../../../src/config/rollout-policy.ts';
import type { Oid } from '../../../src/model/oid.ts';
import type { Changes, GovernedRef } from '../../../src/relay/rollout/governed-ref.ts';
import type { GovernedView } from '../../../src/relay/rollout/governed-view.ts';
import type { Instance } from '../../../src/relay/rollout/instance.ts';

/** What happened, as the world outside of the relay knows it. */
export interface Happened {
  readonly what: string;
  /** The order of a person, by its word. */
  readonly order?: string;
  /** The instance that has just opened its stream. */
  readonly joined?: string;
  /** The instance that has just reported that the revision it was given failed. */
  readonly failed?: string;
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
  /** Those who had to go back, until they have. */
  readonly #sentBack = new Set<string>();
  /** Who was given the revision of the rollout while its first stage was open. */
  #firstStage = new Set<string>();
  #standIns = new Set<string>();
  #state = '';
  #rollout = '';
  readonly #joinedAt = new Map<string, number>();
  readonly #isStrict: boolean;

  constructor(policy: Policy, fleet: ReadonlyMap<string, Instance>) {
    this.#policy = policy;
    this.#fleet = fleet;
    this.#isStrict = [policy, ...policy.stages].every(({ failures }) => (failures ?? 1) === 1);
  }

  /** After each call, and after each restart. @param changes what the call returned; undefined after a restart */
  look(ref: GovernedRef, now: number, happened: Happened, changes: Changes | undefined): void {
    const view = ref.describe(now);
    if (happened.joined !== undefined) this.#joinedAt.set(happened.joined, now);
    const before = { view: this.#view, targets: this.#targets, completed: this.#completed };
    const completed = ref.target(NOBODY);
    const targets = new Map([...this.#fleet.keys()].map((key) => [key, ref.target(key)]));
    const moved = [...targets].filter(([key, target]) => before.targets.get(key) !== target);
    this.#checkAnswer(ref, moved, happened, changes);
    const released = moved.flatMap(([key, to]) => (to !== undefined && to !== completed ? [[key, to] as const] : []));
    this.#excuse(before.view, view, before.targets);
    const kept = [...this.#excused].filter((key) => !this.#isFine(key, targets.get(key)));
    this.#excused.clear();
    for (const key of kept) this.#excused.add(key);
    const isRollout = view.oid !== completed && view.oid !== null;
    const rollout = `${view.oid} ${view.journal.find(({ what }) => what === 'started')?.at}`;
    if (rollout !== this.#rollout) {
      this.#firstStage = new Set();
      this.#standIns = new Set();
    }
    this.#rollout = rollout;
    for (const [key, to] of released) {
      expect(isRollout && to === view.oid, `${key} was given ${to}, which is not being rolled out`).toBe(true);
      this.#checkRelease(key, to, view, before.view, happened);
    }
    // Who was still on the way to another revision was unavailable before.
    const isOnItsWay = (key: string): boolean => {
      const target = before.targets.get(key);
      const isOther = target !== before.completed || this.#sentBack.has(key);
      return target !== undefined && isOther && !this.#isFine(key, target);
    };
    if (released.some(([key]) => !isOnItsWay(key))) this.#checkRoom(targets, view);
    this.#checkCompletion(before, completed, targets, view, happened, changes);
    this.#checkFailures(happened, before.view, view);
    if (completed !== undefined) expect(view.refused, 'the completed revision is refused').not.toContain(completed);
    if (before.completed !== undefined) expect(completed).toBeDefined();
    for (const [key, to] of targets) this.#given.add(`${key} ${to}`);
    for (const key of this.#sentBack) if (this.#isFine(key, targets.get(key))) this.#sentBack.delete(key);
    for (const [key, to] of moved) {
      const isBack = before.targets.get(key) !== undefined && to === completed;
      if (isBack && !changes?.notes.some(({ what }) => what === 'completed')) this.#sentBack.add(key);
    }
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
    const state = JSON.stringify(ref.state());
    if (!changes) expect(state, 'the state after a restart').toBe(this.#state);
    else if (!changes.changed && this.#state !== '') expect(state, 'the state changed and the answer does not say so').toBe(this.#state);
    this.#state = state;
    if (!changes) {
      const kept = moved.filter(([key]) => !this.#fleet.get(key)?.silent);
      expect(kept, 'targets changed by a restart').toEqual([]);
      return;
    }
    for (const [key] of moved)
      if (key !== joined && this.#fleet.get(key)?.connected)
        expect(changes.retargeted, `${key} may be shown another revision`).toContain(key);
  }

  #progress(key: string, oid: Oid): 'done' | 'failed' | 'waiting' {
    const { published, running } = this.#fleet.get(key) ?? {};
    const isThis = running?.oid === oid;
    if (isThis && (running.state === 'failed' || running.state === 'rolled-back')) return 'failed';
    if (this.#policy.done === 'ready' && running) return isThis && running.state === 'ready' ? 'done' : 'waiting';
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
    if (view.refused.includes(oid)) expect(this.#given.has(`${key} ${oid}`), `${who}, which is refused`).toBe(true);
    expect(view.paused, `${who} during a pause`).toBeNull();
    expect(view.pinned, `${who} although the ref is pinned`).toBeNull();
    if (view.frozen) {
      const opened = view.journal.findIndex((entry) => entry.what === 'opened');
      expect(view.journal[opened + 1]?.what, `${who} in a freeze window`).toBe('promoted');
    }
    if (joined === undefined) expect(this.#fleet.get(key)?.connected, `${who}, and is not connected`).toBe(true);
    expect(['halted', 'reverting'], `${who} after ${what}`).not.toContain(view.status);
    this.#checkStage(key, oid, view, before, order);
  }

  /** The first stage that can have chosen the instance is open or over. */
  #checkStage(key: string, oid: Oid, view: GovernedView, before: GovernedView | undefined, order?: string): void {
    const instance = this.#fleet.get(key);
    const open = this.#stageIndex(view);
    const skips = view.journal.find(({ what }) => what === 'started')?.why !== undefined;
    if (!instance || skips || open === view.stages.length - 1) return;
    expect(instance.silent, `${key} has no stage of its own before the last`).not.toBe(true);
    const selecting = this.#policy.stages.slice(0, open + 1).filter(({ select: { instances, labels } }) => {
      if (instances && !instances.some((pattern) => glob(pattern).test(instance.name))) return false;
      return Object.entries(labels ?? {}).every(([name, value]) => instance.labels[name] === value);
    });
    expect(selecting.length, `${key} was given ${oid} before its stage opened`).toBeGreaterThan(0);
    const place = placeOf(this.#policy, instance.name);
    // A percentage that has nobody takes one instance instead.
    if (!selecting.some(({ select: { percent } }) => percent === undefined || place < percent / 100))
      this.#standIns.add(key);
    const percentages = this.#policy.stages.slice(0, open + 1).filter(({ select }) => select.percent !== undefined);
    expect(this.#standIns.size, 'instances beyond the percentages').toBeLessThanOrEqual(percentages.length);
    const first = this.#policy.stages[0]?.select.count;
    if (open !== 0 || first === undefined || order !== undefined || before?.stage !== view.stage) return;
    this.#firstStage.add(key);
    expect(this.#firstStage.size, 'more than the count of the first stage').toBeLessThanOrEqual(first);
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
    expect(unavailable.length, `unavailable at a time: ${unavailable.map(([key]) => key)}`).toBeLessThanOrEqual(most);
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
    for (const [key, target] of targets)
      expect(target === completed || target === view.oid, `${key} was left out, it has ${target}`).toBe(true);
    if (before.completed === undefined || order === 'revert' || order === 'pin') return;
    expect(changes?.notes.map(({ what }) => what)).toContain('completed');
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
      expect(this.#progress(key, completed), `${key} when the rollout was complete`).toBe('done');
    }
  }

  /** Where no failure is allowed, the first one ends the rollout. */
  #checkFailures({ failed }: Happened, before: GovernedView | undefined, view: GovernedView): void {
    if (failed === undefined || !before || !this.#isStrict) return;
    const { oid, status, completed, stage } = before;
    const isOpen = ['running', 'soaking', 'paused', 'frozen'].includes(status) && stage !== null;
    if (!isOpen || oid === null || oid === completed || this.#targets.get(failed) !== oid) return;
    expect(view.refused, `${failed} failed with ${oid}, and the rollout went on`).toContain(oid);
  }
}
