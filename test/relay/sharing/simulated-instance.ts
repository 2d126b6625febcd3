import type { Oid } from '../../../src/model/oid.ts';
import type { Report } from '../../../src/relay/protocol/report.ts';
import type { Dice } from '../../kit/random.ts';
import { REGIONS } from '../rollout/random-policy.ts';
import { MAIN, NAME, OWNER, type SimulatedRelay } from './simulated-relay.ts';

/** A sync, or a run with its process, that follows one relay after the other. */
export class SimulatedInstance {
  readonly name: string;
  readonly #dice: Dice;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #runs: boolean;
  readonly #isFrail: boolean;
  #streams = 0;
  #running: Oid | undefined;
  #failed: Oid | undefined;
  published: Oid | undefined;
  /** Where its stream is open; undefined: nowhere. */
  relay: SimulatedRelay | undefined;

  constructor(name: string, dice: Dice) {
    this.name = name;
    this.#dice = dice;
    this.#labels = dice.chance(0.6) ? { region: dice.pick(REGIONS) } : {};
    this.#runs = dice.chance(0.5);
    this.#isFrail = dice.chance(0.5);
  }

  /** It publishes `oid`, and what it runs is that. */
  isAt(oid: Oid): boolean {
    return this.published === oid && (!this.#runs || this.#running === oid);
  }

  report(replaces?: string): Report {
    const revision = (oid: Oid | undefined) => oid && { ref: MAIN, oid, at: 0 };
    const failed = revision(this.#failed);
    return {
      ...{ stream: `${this.name}-${this.#streams}`, replaces, instance: this.name, labels: this.#labels },
      ...{ published: revision(this.published), running: revision(this.#running) },
      failed: failed && { ...failed, reason: 'it is bad' },
    };
  }

  /** @returns what ends the stream before, as a relay that did not notice yet would do it */
  open(relay: SimulatedRelay): { readonly leave: () => void; readonly join: () => void } {
    const before = this.relay;
    const ended = this.report();
    this.#streams += 1;
    this.relay = relay;
    return {
      leave: () => void before?.rollouts.leave(OWNER, NAME, ended),
      join: () => relay.join(this.report(ended.stream)),
    };
  }

  close(): void {
    void this.relay?.rollouts.leave(OWNER, NAME, this.report());
    this.relay = undefined;
  }

  /** The next thing that it does with what it is shown. @returns what that is; undefined: nothing */
  work(isBad: (oid: Oid) => boolean): string | undefined {
    const shown = this.relay?.shown(this.name);
    if (shown === undefined) return undefined;
    const what = this.#next(shown, isBad(shown));
    if (what === undefined) return undefined;
    void this.relay?.rollouts.report(OWNER, NAME, this.report());
    return `${this.name} ${what} ${shown.slice(0, 2)}`;
  }

  #next(shown: Oid, isBad: boolean): string | undefined {
    const fails = isBad && (this.#isFrail || this.#dice.chance(0.1));
    if (this.published !== shown) {
      this.published = shown;
      if (!this.#runs) this.#failed = fails ? shown : undefined;
      return 'publishes';
    }
    if (!this.#runs || this.#running === shown) return undefined;
    if (this.#failed === shown && (isBad ? this.#dice.chance(0.9) : false)) return undefined;
    this.#failed = fails ? shown : undefined;
    if (!fails) this.#running = shown;
    return fails ? 'fails with' : 'runs';
  }
}
