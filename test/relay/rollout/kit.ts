import type { Policy } from '../../../src/config/rollout-policy.ts';
import { type Oid, parseOid } from '../../../src/model/oid.ts';
import { type Changes, GovernedRef } from '../../../src/relay/rollout/governed-ref.ts';
import type { GovernedState } from '../../../src/relay/rollout/governed-state.ts';
import type { Instance, InstanceRun } from '../../../src/relay/rollout/instance.ts';
import type { Order } from '../../../src/relay/rollout/orders.ts';
import type { PushFacts } from '../../../src/relay/rollout/policy.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
/** A Monday, 00:00 UTC. */
export const MONDAY = Date.UTC(2026, 10, 2);

/** An object id that is easy to read: `oid(3)` is forty times 3. */
export function oid(digit: number): Oid {
  const found = parseOid(digit.toString(16).padStart(2, '0').repeat(20));
  if (!found) throw new Error(`no object id of ${digit}`);
  return found;
}

export function policy(own: Partial<Policy> = {}): Policy {
  return {
    ...{ name: 'web', repository: 'git.example.com/team/*', refs: ['main'], stages: [], maxUnavailable: 1 },
    ...{
      done: 'published',
      soakMs: 0,
      deadlineMs: 30 * MINUTE,
      failures: 1,
      restarts: 2,
      onFailure: 'halt',
      push: 'finish',
    },
    ...{ freeze: [], enforce: false, skipAhead: undefined },
    ...own,
  };
}

/** A governed ref with a clock that the test moves, and instances that do as they are asked. */
export class Fleet {
  now = MONDAY;
  ref: GovernedRef;
  readonly policy: Policy;
  /** What the last call changed. */
  last: Changes = { retargeted: [], changed: false, notes: [] };
  readonly #instances = new Map<string, Instance>();

  constructor(own: Partial<Policy> = {}) {
    this.policy = policy(own);
    this.ref = new GovernedRef(this.policy, undefined);
  }

  /** A fleet in which `names` publish the first revision. */
  static of(names: readonly string[], own: Partial<Policy> = {}): Fleet {
    const fleet = new Fleet(own);
    for (const name of names) fleet.join(name);
    fleet.push(1);
    for (const name of names) fleet.publish(name, 1);
    return fleet;
  }

  push(digit: number, facts: PushFacts = {}): Changes {
    return this.#keep(this.ref.pushed(oid(digit), facts, this.now));
  }

  join(name: string, own: Partial<Instance> = {}): Changes {
    const before = this.#instances.get(name);
    const instance = { key: name, name, labels: {}, ...before, connected: true, ...own };
    this.#instances.set(name, instance);
    return this.#keep(this.ref.joined(instance, this.now));
  }

  leave(name: string): Changes {
    return this.#keep(this.ref.left(name, this.now));
  }

  report(name: string, own: Partial<Instance>): Changes {
    const instance = { ...this.instance(name), ...own };
    this.#instances.set(name, instance);
    return this.#keep(this.ref.reported([instance], this.now));
  }

  publish(name: string, digit: number): Changes {
    return this.report(name, { published: oid(digit) });
  }

  run(name: string, digit: number, state: InstanceRun['state'], ended?: number): Changes {
    return this.report(name, { running: { oid: oid(digit), state, ended } });
  }

  order(order: Order['order'], to?: number): Changes {
    const given = { order, to: to === undefined ? undefined : oid(to), who: 'ada', why: 'because' };
    return this.#keep(this.ref.order(given, this.now));
  }

  /** Time passes, and the ref gets each tick that it asks for. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (let at = this.ref.nextTick(); at !== undefined && at <= until; at = this.ref.nextTick()) {
      this.now = Math.max(this.now, at);
      this.#keep(this.ref.tick(this.now));
    }
    this.now = until;
  }

  /** The relay stops, and another process reads what it wrote. All streams are gone. */
  restart(own: Partial<Policy> = {}): void {
    const state = JSON.parse(JSON.stringify(this.ref.state())) as GovernedState;
    this.ref = new GovernedRef({ ...this.policy, ...own }, state);
    this.#keep(this.ref.tick(this.now));
  }

  instance(name: string): Instance {
    const found = this.#instances.get(name);
    if (!found) throw new Error(`no instance ${name}`);
    return found;
  }

  /** Names of those who may be shown this revision. */
  having(digit: number): readonly string[] {
    return [...this.#instances.keys()].filter((name) => this.ref.target(name) === oid(digit)).sort();
  }

  get status(): string {
    return this.ref.describe(this.now).status;
  }

  /** What new instances get: the last digit of the completed revision. */
  get completed(): number | undefined {
    const { completed } = this.ref.describe(this.now);
    return completed === null ? undefined : Number.parseInt(completed.slice(0, 2), 16);
  }

  #keep(changes: Changes): Changes {
    this.last = changes;
    return changes;
  }
}
