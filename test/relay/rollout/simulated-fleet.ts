import type { Policy } from '../../../src/config/rollout-policy.ts';
import type { Oid } from '../../../src/model/oid.ts';
import { type Changes, GovernedRef } from '../../../src/relay/rollout/governed-ref.ts';
import type { Instance } from '../../../src/relay/rollout/instance.ts';
import { ORDERS } from '../../../src/relay/rollout/orders.ts';
import { readGovernedState } from '../../../src/relay/rollout/read-state.ts';
import { Dice } from '../../kit/random.ts';
import { HOUR, MINUTE, MONDAY, oid } from './kit.ts';
import { type Happened, Oracle } from './oracle.ts';
import { REGIONS, randomPolicy } from './random-policy.ts';

type Character = 'good' | 'frail' | 'dead' | 'liar' | 'silent';
type Simulated = { -readonly [K in keyof Instance]: Instance[K] } & {
  readonly character: Character;
  readonly runs: boolean;
};

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'canary-1', 'canary-2', 'i', 'j', 'k', 'l'];
const CHARACTERS: readonly Character[] = [
  ...(['good', 'good', 'good', 'good', 'good', 'good', 'frail', 'frail', 'frail', 'dead', 'liar', 'silent'] as const),
];
const EVENTS = 50;

/** A fleet that does what dice say, on a clock that it moves itself. Every call is looked at by an oracle. */
export class SimulatedFleet {
  readonly policy: Policy;
  readonly #dice: Dice;
  readonly #fleet = new Map<string, Simulated>();
  readonly #oracle: Oracle;
  readonly #bad = new Set<Oid>();
  /** What happened, for a person who looks into a failure. */
  readonly log: string[] = [];
  #ref: GovernedRef;
  #now = MONDAY;
  #pushed = 0;
  #isSettling = false;
  #isTogether = false;
  /** Reports that were not passed on yet. */
  readonly #said: { readonly what: string; readonly instance: Instance; readonly hasFailed: boolean }[] = [];

  constructor(seed: number) {
    this.#dice = new Dice(seed);
    this.policy = randomPolicy(this.#dice);
    this.#ref = new GovernedRef(this.policy, undefined);
    this.#oracle = new Oracle(this.policy, this.#fleet);
  }

  run(): void {
    for (let many = 1 + this.#dice.below(8); many > 0; many -= 1) this.#join();
    this.#push();
    for (let event = 0; event < EVENTS; event += 1) {
      this.#event();
      if (this.#dice.chance(0.4)) this.#pass(this.#dice.pick([1000, 1000, MINUTE, MINUTE, 5 * MINUTE]));
    }
  }

  /** From now on nothing goes wrong: a revision that is pushed now has to reach everybody. */
  settle(): void {
    this.#isSettling = true;
    const { pinned, paused } = this.#ref.describe(this.#now);
    if (pinned) this.#give('unpin');
    if (paused) this.#give('resume');
    for (const { key, character } of [...this.#fleet.values()])
      if (character === 'dead' || character === 'liar') this.#leave(key);
    this.#bad.clear();
    this.#pass(6 * HOUR);
    const last = this.#newOid();
    this.#bad.clear();
    this.#call({ what: 'the last push' }, (ref) => ref.pushed(last, {}, this.#now));
    for (let turn = 0; turn < 400 && this.#ref.describe(this.#now).completed !== last; turn += 1) {
      for (const each of this.#connected()) this.#work(each);
      this.#pass(30_000);
      const { why, status, tip, refused } = this.#ref.describe(this.#now);
      if (/no instance that stage/.test(why)) this.#give('promote');
      // A queued revision from before may have failed; the last one cannot.
      if (status === 'halted' && refused.includes(last)) throw new Error(`the last revision was halted: ${why}`);
      if (tip !== last) throw new Error('the last push was forgotten');
    }
    const { completed, why, status } = this.#ref.describe(this.#now);
    if (completed !== last) throw new Error(`the last revision did not complete: ${status}, ${why}`);
    for (const { key } of this.#connected())
      if (this.#ref.target(key) !== last) throw new Error(`${key} does not have the last revision`);
  }

  #event(): void {
    const dice = this.#dice;
    const roll = dice.below(100);
    if (roll < 40) this.#workOfOne();
    else if (roll < 56) this.#workOfSome();
    else if (roll < 62) this.#push();
    else if (roll < 68) this.#join();
    else if (roll < 73) this.#loseOne();
    else if (roll < 79) this.#restart();
    else if (roll < 85) this.#giveOne();
    else this.#pass(dice.below(10) * MINUTE);
  }

  #newOid(): Oid {
    this.#pushed += 1;
    const found = oid(this.#pushed);
    if (this.#dice.chance(0.4)) this.#bad.add(found);
    return found;
  }

  #push(): void {
    const again = this.#dice.chance(0.2) && this.#pushed > 0;
    const to = again ? oid(1 + this.#dice.below(this.#pushed)) : this.#newOid();
    const skipRef = this.#dice.chance(0.15);
    this.#call({ what: `push ${to.slice(0, 2)}${skipRef ? ' as a hotfix' : ''}` }, (ref) =>
      ref.pushed(to, { skipRef }, this.#now),
    );
  }

  #connected(): readonly Simulated[] {
    return [...this.#fleet.values()].filter(({ connected }) => connected);
  }

  #join(): void {
    const gone = [...this.#fleet.values()].filter(({ connected, silent }) => !connected && !silent);
    const name = NAMES.find((each) => !this.#fleet.has(`owner ${each}`));
    if (gone.length > 0 && (this.#dice.chance(0.6) || name === undefined)) this.#open(this.#dice.pick(gone));
    else if (name !== undefined) this.#open(this.#make(name));
  }

  #make(name: string): Simulated {
    const dice = this.#dice;
    const character = dice.pick(CHARACTERS);
    const made: Simulated = {
      ...{ key: `owner ${name}`, name, labels: dice.chance(0.6) ? { region: dice.pick(REGIONS) } : {} },
      ...{ connected: false, silent: character === 'silent', character, runs: dice.chance(0.6) },
      ...{ published: undefined, running: undefined },
    };
    this.#fleet.set(made.key, made);
    return made;
  }

  #open(one: Simulated): void {
    one.connected = true;
    // Its disk was lost.
    if (this.#dice.chance(0.1)) one.published = undefined;
    this.#call({ what: `${one.key} joins`, joined: one.key }, (ref) => ref.joined({ ...one }, this.#now));
  }

  #leave(key: string): void {
    const one = this.#fleet.get(key);
    if (!one?.connected) return;
    one.connected = false;
    // The stream of a silent subscriber has no name by which it could come back.
    if (one.silent) this.#fleet.delete(key);
    this.#call({ what: `${key} leaves` }, (ref) => ref.left(key, this.#now));
  }

  #loseOne(): void {
    const here = this.#connected();
    if (here.length > 0) this.#leave(this.#dice.pick(here).key);
  }

  #workOfOne(): void {
    const here = this.#connected();
    const behind = here.filter(({ key, published, runs, running }) => {
      const target = this.#ref.target(key);
      return published !== target || (runs && (running?.oid !== target || running?.state !== 'ready'));
    });
    const some = behind.length > 0 && this.#dice.chance(0.8) ? behind : here;
    if (some.length > 0) this.#work(this.#dice.pick(some));
  }

  #report(one: Simulated, what: string): void {
    this.#said.push({ what: `${one.key} ${what}`, instance: { ...one }, hasFailed: what === 'fails' });
    if (!this.#isTogether) this.#passReports();
  }

  /** Reports that came at the same time are looked at together. */
  #workOfSome(): void {
    this.#isTogether = true;
    for (let many = 2 + this.#dice.below(4); many > 0; many -= 1) this.#workOfOne();
    this.#isTogether = false;
    this.#passReports();
  }

  #passReports(): void {
    const said = this.#said.splice(0);
    if (said.length === 0) return;
    const failed = said.flatMap(({ hasFailed, instance }) => (hasFailed ? [instance.key] : []));
    const what = said.map((each) => each.what).join(', ');
    const instances = said.map(({ instance }) => instance);
    this.#call({ what, failed }, (ref) => ref.reported(instances, this.#now));
  }

  /** The next thing that an instance of this character does. */
  #work(one: Simulated): void {
    const dice = this.#dice;
    const target = this.#ref.target(one.key);
    if (target === undefined || one.character === 'dead' || one.character === 'silent') return;
    if (one.character === 'liar') {
      one.published = oid(1 + dice.below(this.#pushed));
      if (one.runs) one.running = { oid: one.published, state: dice.pick(['ready', 'ready', 'failed'] as const) };
      this.#report(one, `claims ${one.published.slice(0, 2)}`);
    } else if (one.published !== target) {
      one.published = target;
      this.#report(one, `publishes ${target.slice(0, 2)}`);
    } else if (one.runs && one.running?.oid !== target) {
      one.running = { oid: target, state: 'starting', ended: 0 };
      this.#report(one, `starts ${target.slice(0, 2)}`);
    } else if (one.running && one.running.state !== 'ready' && one.running.state !== 'failed') {
      const fails = this.#bad.has(target) && (one.character === 'frail' || dice.chance(0.6));
      const { ended } = one.running;
      one.running = { oid: target, state: fails ? dice.pick(['failed', 'rolled-back'] as const) : 'ready', ended };
      this.#report(one, fails ? 'fails' : 'is ready');
    } else if (one.running?.state === 'failed' && (!this.#bad.has(target) || dice.chance(0.2))) {
      one.running = { ...one.running, state: 'restarting' };
      this.#report(one, 'tries again');
    } else if (one.running && dice.chance(this.#isSettling ? 0 : 0.25)) {
      // The relay may hear of it only when it is ready again.
      const state = dice.chance(0.3) ? 'ready' : 'restarting';
      one.running = { oid: target, state, ended: (one.running.ended ?? 0) + 1 };
      this.#report(one, 'restarts');
    }
  }

  /** What is pinned or paused does not stay so for long. */
  #giveOne(): void {
    const { pinned, paused } = this.#ref.describe(this.#now);
    const isOver = this.#dice.chance(0.8);
    if (pinned && isOver) this.#give('unpin');
    else if (paused && isOver) this.#give('resume');
    else this.#give(this.#dice.pick(ORDERS));
  }

  #give(order: (typeof ORDERS)[number]): void {
    const known = this.#pushed > 0 ? oid(1 + this.#dice.below(this.#pushed)) : undefined;
    const to = (order === 'revert' || order === 'pin') && this.#dice.chance(0.7) ? known : undefined;
    const before = JSON.stringify(this.#ref.state().journal);
    try {
      this.#call({ what: order, order }, (ref) => ref.order({ order, to, who: 'ada', why: 'dice' }, this.#now));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith(`${order}: `)) throw error;
      if (JSON.stringify(this.#ref.state().journal) !== before) throw new Error(`${order} is impossible and was noted`);
      this.#call({ what: `${order} was impossible` }, (ref) => ref.tick(this.#now));
    }
  }

  /** Another process reads the state. Its streams are gone, and many come back soon. */
  #restart(): void {
    const text = JSON.stringify(this.#ref.state());
    this.#oracle.remember(text);
    this.#ref = new GovernedRef(this.policy, readGovernedState(JSON.parse(text)));
    for (const one of [...this.#fleet.values()]) {
      one.connected = false;
      if (one.silent) this.#fleet.delete(one.key);
    }
    this.log.push(`${this.#now - MONDAY} restart`);
    this.#oracle.look(this.#ref, this.#now, { what: 'restart' }, undefined);
    if (this.#dice.chance(0.3)) this.#now += this.#dice.below(120) * MINUTE;
    this.#call({ what: 'the first tick' }, (ref) => ref.tick(this.#now));
    for (const one of [...this.#fleet.values()]) if (this.#dice.chance(0.8)) this.#open(one);
  }

  /** Time passes, and the ref gets each tick that it asks for. A tick that it did not ask for changes nothing. */
  #pass(ms: number): void {
    const until = this.#now + ms;
    for (let turns = 0; ; turns += 1) {
      if (turns > 5000) throw new Error('it asks for ticks without end');
      const next = this.#ref.nextTick();
      const at = Math.max(this.#now, next ?? Number.POSITIVE_INFINITY);
      if (this.#dice.chance(0.15) && Math.min(at, until) - this.#now > 2) this.#tickEarly(Math.min(at, until));
      if (at > until) break;
      this.#now = at;
      this.#call({ what: 'tick' }, (ref) => ref.tick(this.#now));
    }
    this.#now = until;
  }

  #tickEarly(before: number): void {
    this.#now += 1 + this.#dice.below(before - this.#now - 1);
    const { retargeted, notes } = this.#call({ what: 'an early tick' }, (ref) => ref.tick(this.#now));
    if (retargeted.length > 0 || notes.length > 0) throw new Error('a tick that was not asked for changed something');
  }

  #call(happened: Happened, act: (ref: GovernedRef) => Changes): Changes {
    const changes = act(this.#ref);
    const notes = changes.notes.map(({ what, oid: of, why }) => `${what} ${of?.slice(0, 2) ?? ''} ${why ?? ''}`.trim());
    this.log.push(`${this.#now - MONDAY} ${happened.what}: ${changes.retargeted.join()} [${notes.join('; ')}]`);
    this.#oracle.look(this.#ref, this.#now, happened, changes);
    return changes;
  }
}
