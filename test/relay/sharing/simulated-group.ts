import type { FreezeWindow, Policy } from '../../../src/config/rollout-policy.ts';
import { SidecarError } from '../../../src/model/error.ts';
import type { Oid } from '../../../src/model/oid.ts';
import type { Clock } from '../../../src/platform/clock.ts';
import { ORDERS } from '../../../src/relay/rollout/orders.ts';
import { instanceKey } from '../../../src/relay/server/rollouts/rollouts.ts';
import { joinParts, partsOf, readRecord } from '../../../src/relay/sharing/record.ts';
import { Dice } from '../../kit/random.ts';
import { MONDAY, oid } from '../rollout/kit.ts';
import { randomPolicy } from '../rollout/random-policy.ts';
import { GroupOracle } from './group-oracle.ts';
import { SimulatedInstance } from './simulated-instance.ts';
import { SimulatedNats } from './simulated-nats.ts';
import { GROUP, MAIN, NAME, OWNER, SimulatedDisk, SimulatedRelay } from './simulated-relay.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'canary-1', 'canary-2'];
const EVENTS = 45;
const STEP_MS = 2000;

/** A group is simulated for some minutes, not for hours. */
function hurried(policy: Policy): Policy {
  const sooner = (window: FreezeWindow): FreezeWindow =>
    window.kind === 'span'
      ? { ...window, from: MONDAY + (window.from - MONDAY) / 24, to: MONDAY + (window.to - MONDAY) / 12 }
      : { ...window, from: 1, to: 3 };
  return {
    ...policy,
    soakMs: policy.soakMs / 12,
    deadlineMs: policy.deadlineMs / 4,
    freeze: policy.freeze.map(sooner),
    stages: policy.stages.map(({ soakMs, deadlineMs, ...stage }) => ({
      ...stage,
      ...(soakMs !== undefined && { soakMs: soakMs / 12 }),
      ...(deadlineMs !== undefined && { deadlineMs: deadlineMs / 4 }),
    })),
  };
}

/** Relays that decide as one, and their instances, which do what dice say on a clock that they move themselves. */
export class SimulatedGroup {
  readonly policy: Policy;
  readonly log: string[] = [];
  readonly #dice: Dice;
  readonly #nats: SimulatedNats;
  readonly #oracle: GroupOracle;
  readonly #disks: SimulatedDisk[];
  readonly #relays: (SimulatedRelay | undefined)[];
  readonly #fleet: readonly SimulatedInstance[];
  readonly #bad = new Set<Oid>();
  /** What a relay has not noticed yet: that a stream ended. */
  #unnoticed: (() => void)[] = [];
  #failure: Error | undefined;
  #now = MONDAY;
  #pushed = 0;
  #tip: Oid = oid(0);
  #hotfix: Oid | undefined;
  #started = 0;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
    this.policy = hurried(randomPolicy(this.#dice));
    this.#nats = new SimulatedNats(this.#dice);
    this.#oracle = new GroupOracle(this.policy);
    const many = 2 + this.#dice.below(2);
    this.#disks = Array.from({ length: many }, () => new SimulatedDisk());
    this.#relays = this.#disks.map(() => undefined);
    this.#fleet = NAMES.map((name) => new SimulatedInstance(name, this.#dice));
    this.#nats.onWrite = (key, value) => this.#judge(() => this.#written(key, value));
  }

  async run(): Promise<void> {
    this.#push();
    for (const index of this.#relays.keys()) await this.#start(index);
    for (const one of this.#fleet) this.#open(one);
    for (let event = 0; event < EVENTS; event += 1) {
      await this.#event();
      await this.#pass(1 + this.#dice.below(4));
    }
  }

  /** From now on nothing goes wrong: what is pushed now has to reach everybody through every relay. */
  async settle(): Promise<void> {
    this.#nats.isCalm = true;
    for (const [index, relay] of this.#relays.entries()) {
      if (!relay) await this.#start(index);
      else relay.link.connect(this.#nats, true);
    }
    for (const leave of this.#unnoticed.splice(0)) leave();
    await this.#pass(8);
    const order = async (verb: 'unpin' | 'resume'): Promise<void> => await this.#order(verb, true);
    if (this.#oracle.state?.pinned) await order('unpin');
    if (this.#oracle.state?.paused) await order('resume');
    this.#bad.clear();
    this.#push(true);
    const last = this.#tip;
    const isThere = (one: SimulatedInstance): boolean => one.isAt(last) && one.relay?.shown(one.name) === last;
    for (let turn = 0; turn < 600 && !this.#fleet.every(isThere); turn += 1) {
      for (const one of this.#fleet)
        if (one.relay) this.#work(one);
        else this.#open(one);
      await this.#pass(2);
      if (/no instance that stage/.test(this.#why)) await this.#order('promote', true);
    }
    const missing = this.#fleet.filter((one) => !isThere(one)).map(({ name }) => name);
    if (missing.length > 0) throw new Error(`${missing} do not have the last revision: ${this.#why}`);
    await this.#pass(4);
    const views = this.#alive.map(({ rollouts }) => JSON.stringify([...rollouts.describe(() => () => true)]));
    if (new Set(views).size !== 1) throw new Error(`relays show different things: ${views.join('\n')}`);
    if (this.#alive.filter(({ rollouts }) => rollouts.isDeciding).length !== 1)
      throw new Error('not one relay decides');
  }

  get #why(): string {
    const [relay] = this.#alive;
    const [entry] = relay?.rollouts.describe(() => () => true) ?? [];
    return `${entry?.status}: ${entry?.why} ${entry?.stage}`;
  }

  get #alive(): readonly SimulatedRelay[] {
    return this.#relays.filter((each) => each !== undefined);
  }

  async #event(): Promise<void> {
    const dice = this.#dice;
    const roll = dice.below(100);
    if (roll < 50) this.#workOfSome();
    else if (roll < 60) this.#push();
    else if (roll < 70) this.#move();
    else if (roll < 74) this.#lose();
    else if (roll < 82) await this.#killOrStart();
    else if (roll < 92) this.#cut();
    else await this.#order(dice.pick(ORDERS), false);
  }

  /** Now and then the ref goes back to where it was, or a hotfix is there as well. */
  #push(isLast = false): void {
    if (isLast || this.#pushed === 0 || this.#dice.chance(0.85)) {
      this.#pushed += 1;
      this.#tip = oid(this.#pushed);
      if (!isLast && this.#dice.chance(0.3)) this.#bad.add(this.#tip);
    } else this.#tip = oid(1 + this.#dice.below(this.#pushed));
    this.#hotfix = !isLast && this.#dice.chance(0.2) ? this.#tip : undefined;
    const remarks = `${this.#bad.has(this.#tip) ? ', a bad one' : ''}${this.#hotfix ? ', a hotfix' : ''}`;
    this.#say(`push ${this.#tip.slice(0, 2)}${remarks}`);
  }

  async #start(index: number): Promise<void> {
    this.#started += 1;
    const disk = this.#disks[index];
    if (!disk) return;
    const relay = new SimulatedRelay({
      ...{ name: `relay-${index}-${this.#started}`, nats: this.#nats, disk, policy: this.policy },
      clock: this.#clock(),
      onNote: (_relay, entry) => this.#judge(() => this.#oracle.noted(entry)),
      onError: (text) => this.#say(text),
    });
    this.#relays[index] = relay;
    this.#say(`${relay.name} starts`);
    relay.poll(this.#tip, this.#hotfix);
    await relay.open();
  }

  /** No two clocks run at the same rate. Nobody sleeps: a relay that waits is done at once. */
  #clock(): Clock {
    const rate = 0.95 + this.#dice.below(100) / 1000;
    const from = this.#now;
    return {
      now: () => this.#now,
      monotonic: () => (this.#now - from) * rate,
      sleep: async () => undefined,
    };
  }

  async #killOrStart(): Promise<void> {
    const index = this.#dice.below(this.#relays.length);
    const relay = this.#relays[index];
    if (!relay) return await this.#start(index);
    if (this.#alive.length === 1 && this.#dice.chance(0.7)) return;
    this.#say(`${relay.name} ends`);
    if (this.#dice.chance(0.3)) await relay.rollouts.close();
    relay.kill();
    this.#relays[index] = undefined;
    for (const one of this.#fleet) if (one.relay === relay) one.relay = undefined;
  }

  #cut(): void {
    if (this.#alive.length === 0) return;
    const relay = this.#dice.pick(this.#alive);
    const isConnected = !relay.link.isConnected;
    this.#say(`${relay.name} ${isConnected ? 'reaches NATS again' : 'is cut off'}`);
    relay.link.connect(this.#nats, isConnected);
  }

  /** Its stream opens at some relay, which may be another one than before. */
  #open(one: SimulatedInstance): void {
    if (this.#alive.length === 0) return;
    const { leave, join } = one.open(this.#dice.pick(this.#alive));
    this.#say(`${one.name} opens a stream at ${one.relay?.name}`);
    const when = this.#dice.below(3);
    if (when === 0) leave();
    join();
    if (when === 1) leave();
    if (when === 2) this.#unnoticed.push(leave);
  }

  #move(): void {
    this.#open(this.#dice.pick(this.#fleet));
  }

  #lose(): void {
    const one = this.#dice.pick(this.#fleet);
    if (!one.relay) return;
    this.#say(`${one.name} leaves`);
    one.close();
  }

  #workOfSome(): void {
    for (const one of this.#fleet) if (this.#dice.chance(0.4)) this.#work(one);
  }

  #work(one: SimulatedInstance): void {
    const what = one.work((shown) => this.#bad.has(shown));
    if (what !== undefined) this.#say(what);
  }

  async #order(order: (typeof ORDERS)[number], isSure: boolean): Promise<void> {
    const to =
      (order === 'revert' || order === 'pin') && this.#dice.chance(0.5)
        ? oid(1 + this.#dice.below(this.#pushed))
        : undefined;
    const relay = this.#alive[0];
    if (!relay) return;
    try {
      await relay.rollouts.order(NAME, MAIN, { order, to, who: 'ada', why: 'dice' });
      this.#say(`${order} at ${relay.name}`);
    } catch (error) {
      if (!(error instanceof SidecarError) || isSure) throw error;
      this.#say(`${order} at ${relay.name}: ${error.detail}`);
    }
  }

  async #pass(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      this.#now += STEP_MS;
      for (const relay of this.#alive) {
        if (this.#nats.isCalm || this.#dice.chance(0.7)) relay.poll(this.#tip, this.#hotfix);
        await relay.rollouts.tick();
      }
      if (this.#dice.chance(0.3)) for (const leave of this.#unnoticed.splice(0)) leave();
      await this.#rest();
      this.#nats.arrive();
      await this.#rest();
      this.#judge(() => {
        for (const { name, relay } of this.#fleet) this.#oracle.shown(instanceKey(OWNER, name), relay?.shown(name));
      });
      if (this.#failure) throw this.#failure;
    }
  }

  /** What was begun goes on until it waits for something. */
  async #rest(): Promise<void> {
    for (let turn = 0; turn < 2; turn += 1) await new Promise((done) => setImmediate(done));
  }

  #written(key: string, value: Uint8Array): void {
    if (!key.startsWith(`${GROUP}.state.`)) return;
    const list = partsOf(value);
    const keys = Array.from({ length: list?.count ?? 0 }, (_, index) => `${GROUP}.part.${list?.base}.${index}`);
    const parts = keys.map((part) => this.#nats.values.get(part)?.value ?? new Uint8Array());
    const packed = list ? joinParts(list, parts) : value.subarray(1);
    if (!packed) throw new Error('a head was written, and its parts are others');
    const record = readRecord(packed);
    const state = record.refs[MAIN]?.state;
    const at = state?.journal.at(-1);
    this.#say(`${record.writer} writes: ${at?.what} ${at?.oid?.slice(0, 2) ?? ''} ${at?.why ?? ''}`);
    this.#oracle.written(record, this.#now);
  }

  /** What is thrown inside of a relay would be taken for a failure of NATS. */
  #judge(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#failure ??= error as Error;
    }
  }

  #say(text: string): void {
    this.log.push(`${this.#now - MONDAY} ${text}`);
  }
}
