import type { Policy } from '../../../src/config/rollout-policy.ts';
import { SidecarError } from '../../../src/model/error.ts';
import type { Oid } from '../../../src/model/oid.ts';
import type { Clock } from '../../../src/platform/clock.ts';
import type { Report } from '../../../src/relay/protocol/report.ts';
import { ORDERS } from '../../../src/relay/rollout/orders.ts';
import { instanceKey } from '../../../src/relay/server/rollouts.ts';
import { joinParts, partsOf, readRecord } from '../../../src/relay/sharing/record.ts';
import { Dice } from '../../kit/random.ts';
import { MINUTE, MONDAY, oid, policy } from '../rollout/kit.ts';
import { GroupOracle } from './group-oracle.ts';
import { SimulatedNats } from './simulated-nats.ts';
import { GROUP, MAIN, NAME, OWNER, SimulatedDisk, SimulatedRelay } from './simulated-relay.ts';

interface Simulated {
  readonly name: string;
  streams: number;
  /** Where its stream is open; undefined: nowhere. */
  relay: SimulatedRelay | undefined;
  published: Oid | undefined;
  readonly isFrail: boolean;
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'canary-1', 'canary-2'];
const EVENTS = 45;
const STEP_MS = 2000;

function randomPolicy(dice: Dice): Policy {
  const select = dice.pick([{ instances: ['canary*'] }, { percent: 40 }, { count: 2 }] as const);
  return policy({
    stages: dice.chance(0.8) ? [{ name: 'first', select }] : [],
    maxUnavailable: 1 + dice.below(3),
    done: 'published',
    soakMs: dice.pick([0, 5000]),
    deadlineMs: (3 + dice.below(4)) * MINUTE,
    failures: 1 + dice.below(2),
    restarts: 2,
    onFailure: dice.pick(['halt', 'revert']),
    push: dice.pick(['queue', 'finish']),
  });
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
  readonly #fleet: Simulated[];
  readonly #bad = new Set<Oid>();
  /** What a relay has not noticed yet: that a stream ended. */
  #unnoticed: (() => void)[] = [];
  #failure: Error | undefined;
  #now = MONDAY;
  #pushed = 0;
  #tip: Oid = oid(0);
  #started = 0;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
    this.policy = randomPolicy(this.#dice);
    this.#nats = new SimulatedNats(this.#dice);
    this.#oracle = new GroupOracle(this.policy);
    const many = 2 + this.#dice.below(2);
    this.#disks = Array.from({ length: many }, () => new SimulatedDisk());
    this.#relays = this.#disks.map(() => undefined);
    this.#fleet = NAMES.map((name) => {
      return { name, streams: 0, relay: undefined, published: undefined, isFrail: this.#dice.chance(0.5) };
    });
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
    this.#push();
    this.#bad.clear();
    const last = this.#tip;
    const isThere = (one: Simulated): boolean => one.published === last && one.relay?.shown(one.name) === last;
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

  #push(): void {
    this.#pushed += 1;
    this.#tip = oid(this.#pushed);
    if (this.#dice.chance(0.3)) this.#bad.add(this.#tip);
    this.#say(`push ${this.#pushed}${this.#bad.has(this.#tip) ? ', a bad one' : ''}`);
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
    relay.poll(this.#tip);
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

  #report(one: Simulated, replaces: string | undefined): Report {
    const { name, published, isFrail, streams } = one;
    const revision = published && { ref: MAIN, oid: published, at: 0 };
    const failed =
      revision && isFrail && this.#bad.has(revision.oid) ? { ...revision, reason: 'it is bad' } : undefined;
    return { stream: `${name}-${streams}`, replaces, instance: name, published: revision, running: undefined, failed };
  }

  /** Its stream opens at some relay, which may be another one than before. */
  #open(one: Simulated): void {
    if (this.#alive.length === 0) return;
    const before = one.relay;
    const ended = this.#report(one, undefined);
    one.streams += 1;
    one.relay = this.#dice.pick(this.#alive);
    this.#say(`${one.name} opens a stream at ${one.relay.name}`);
    const leave = (): void => void before?.rollouts.leave(OWNER, NAME, ended);
    const when = this.#dice.below(3);
    if (when === 0) leave();
    one.relay.join(this.#report(one, ended.stream));
    if (when === 1) leave();
    if (when === 2) this.#unnoticed.push(leave);
  }

  #move(): void {
    this.#open(this.#dice.pick(this.#fleet));
  }

  #lose(): void {
    const one = this.#dice.pick(this.#fleet);
    const { relay } = one;
    if (!relay) return;
    this.#say(`${one.name} leaves`);
    void relay.rollouts.leave(OWNER, NAME, this.#report(one, undefined));
    one.relay = undefined;
  }

  #workOfSome(): void {
    for (const one of this.#fleet) if (one.relay && this.#dice.chance(0.4)) this.#work(one);
  }

  #work(one: Simulated): void {
    const shown = one.relay?.shown(one.name);
    if (shown === undefined || !one.relay) return;
    const isNew = one.published !== shown;
    one.published = shown;
    if (!isNew) return;
    this.#say(`${one.name} publishes ${shown.slice(0, 2)}`);
    void one.relay.rollouts.report(OWNER, NAME, this.#report(one, undefined));
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
        if (this.#nats.isCalm || this.#dice.chance(0.7)) relay.poll(this.#tip);
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
    this.#oracle.written(record);
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
