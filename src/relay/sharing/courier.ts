import type { Clock } from '../../platform/clock.ts';
import type { Report } from '../protocol/report.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import { instanceKey } from '../server/rollouts/rollouts.ts';
import type { Closing, Wire } from './bucket.ts';
import { LocalRoster } from './local-roster.ts';
import { type FleetMessage, readFleetMessage, readFleetQuestion, writeMessage } from './messages.ts';

export interface CourierOptions {
  /** The name of this relay. */
  readonly relay: string;
  readonly wire: Wire;
  readonly clock: Clock;
  /** Takes messages where this relay decides itself; undefined: another one does, or none. */
  readonly own: () => ((message: FleetMessage) => void) | undefined;
  /** This relay has begun to decide, and is not ready for messages. */
  readonly isWaiting: () => boolean;
}

/** Between two signs of life of a relay. */
const SIGN_EVERY_MS = 2000;
/** What got lost on the way is repaired after so long at the latest. */
const LIST_EVERY_MS = 60_000;
const FLEET = 'fleet';
const QUESTIONS = 'questions';

/** Brings what is known of the instances of this relay to the relay that decides, and there what all others bring. */
export class Courier {
  readonly #options: CourierOptions;
  readonly #roster: LocalRoster;
  #isScheduled = false;
  #isListDue = true;
  #signAt = 0;
  #listAt = 0;

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#roster = new LocalRoster(options.relay);
  }

  open(): readonly Closing[] {
    const { wire, relay, own } = this.#options;
    return [
      wire.listen(FLEET, (bytes) => {
        const take = own();
        const message = take && readFleetMessage(bytes);
        if (message) take?.(message);
      }),
      wire.listen(QUESTIONS, (bytes) => {
        const question = readFleetQuestion(bytes);
        if (question && (question.of === undefined || question.of === relay)) this.sendList();
      }),
    ];
  }

  join(owner: string, repository: RepositoryName, report: Report, names: readonly string[] | undefined): void {
    if (report.replaces !== undefined) this.#roster.remove(owner, report.replaces);
    this.#roster.set({ owner, repository, report, names });
    this.#schedule();
  }

  report(owner: string, repository: RepositoryName, report: Report): void {
    const known = this.#roster.of(owner, report.stream);
    if (!known) return;
    this.#roster.set({ owner, repository, report, names: known.names });
    this.#schedule();
  }

  leave(owner: string, stream: string): void {
    this.#roster.remove(owner, stream);
    this.#schedule();
  }

  /** The keys of all instances here that follow the repository. */
  instances(name: RepositoryName): readonly string[] {
    return this.#roster.ofRepository(name).map(({ owner, report }) => instanceKey(owner, report.instance));
  }

  /** The relay that decides may not know our instances. */
  sendList(): void {
    this.#isListDue = true;
    this.#schedule();
  }

  /** Asks for the lists of all relays, or of one. */
  ask(of: string | undefined): void {
    this.#options.wire.send(QUESTIONS, writeMessage({ of }));
  }

  /** Time has passed. */
  tick(): void {
    const now = this.#options.clock.monotonic();
    if (now >= this.#listAt) this.#isListDue = true;
    if (this.#isListDue || now >= this.#signAt) this.#deliver();
  }

  /** What happens in the same moment goes out together. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    void Promise.resolve().then(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  /** Where no relay decides, nobody listens: the next one asks. */
  #deliver(): void {
    const { wire, clock, own, isWaiting } = this.#options;
    this.#signAt = clock.monotonic() + SIGN_EVERY_MS;
    const take = own();
    if (take) for (const message of this.#take()) take(message);
    else if (isWaiting()) return;
    // What is said while there is no connection would be kept in memory for it.
    else if (!wire.isConnected) this.#isListDue = true;
    else for (const message of this.#take()) wire.send(FLEET, writeMessage(message));
  }

  #take(): readonly FleetMessage[] {
    const { wire, clock } = this.#options;
    if (!this.#isListDue) return this.#roster.takeNews(wire.largest);
    this.#isListDue = false;
    this.#listAt = clock.monotonic() + LIST_EVERY_MS;
    return this.#roster.takeAll(wire.largest);
  }
}
