import { FanOut } from './fan-out.ts';
import type { EventBytes, StreamSubscriber } from './stream-subscriber.ts';

/** With `--stagger`: subscribers whose turns are within so many milliseconds get the event together. */
const TURN_MS = 20;

/** Brings events to subscribers, those of one principal no sooner than those of another, and counts what came of it. */
export class Delivery {
  readonly #staggerMs: number;
  readonly #fanOut = new FanOut<StreamSubscriber>();
  #sent = 0;
  #dropped = 0;

  /** @param staggerMs news of changes is spread over this time */
  constructor(staggerMs: number) {
    this.#staggerMs = staggerMs;
  }

  /** Events. */
  get sent(): number {
    return this.#sent;
  }

  /** Subscribers that were let go because they took nothing. */
  get dropped(): number {
    return this.#dropped;
  }

  /** At once. */
  toOne(subscriber: StreamSubscriber, bytes: EventBytes): void {
    this.#note(subscriber.send(bytes));
  }

  /** Soon; `run` sends it, when all that belongs together was put in. */
  toAll(subscribers: readonly StreamSubscriber[], bytes: EventBytes): void {
    for (const [owner, all] of byOwner(subscribers))
      this.#fanOut.add(owner, all, (subscriber) => this.toOne(subscriber, bytes));
  }

  /** The same for a sign of life. */
  beat(subscribers: readonly StreamSubscriber[], bytes: Buffer): void {
    for (const [owner, all] of byOwner(subscribers))
      this.#fanOut.add(owner, all, (subscriber) => this.#note(subscriber.beat(bytes)));
  }

  /** News of a change: to each in its turn where they are to be spread, else as {@link toAll}. */
  spread(subscribers: readonly StreamSubscriber[], bytes: EventBytes): void {
    if (this.#staggerMs <= 0) {
      this.toAll(subscribers, bytes);
      return;
    }
    const turns = new Map<number, StreamSubscriber[]>();
    for (const subscriber of subscribers) {
      const at = Math.floor((subscriber.place * this.#staggerMs) / TURN_MS) * TURN_MS;
      const due = turns.get(at);
      if (due) due.push(subscriber);
      else turns.set(at, [subscriber]);
    }
    for (const [at, due] of turns) {
      const send = (): void => {
        for (const subscriber of due) this.toOne(subscriber, bytes);
      };
      setTimeout(send, at).unref();
    }
  }

  run(): void {
    this.#fanOut.run();
  }

  #note(outcome: ReturnType<StreamSubscriber['send']>): void {
    if (outcome === 'sent') this.#sent += 1;
    if (outcome === 'dropped') this.#dropped += 1;
  }
}

/** By the id of the principal. */
function byOwner(subscribers: readonly StreamSubscriber[]): ReadonlyMap<string, readonly StreamSubscriber[]> {
  const owners = new Map<string, StreamSubscriber[]>();
  for (const subscriber of subscribers) {
    const ofOwner = owners.get(subscriber.principal.id);
    if (ofOwner) ofOwner.push(subscriber);
    else owners.set(subscriber.principal.id, [subscriber]);
  }
  return owners;
}
