import { after, type Clock } from '../platform/clock.ts';
import { collectAll } from '../platform/collect-garbage.ts';

/** From work on, how long until it is over in most cases, spares and hooks included. */
const AFTERWARDS_MS = 10_000;

/**
 * After work the memory that it needed goes back to the system. V8 collects garbage when more memory is wanted; a
 * process that only polls wants none for hours, and would keep what its last large update needed.
 */
export class Rest {
  readonly #clock: Clock;
  #isDue = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** There is something to clean up after. However often it is called, memory is collected once in ten seconds. */
  noteWork(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    after(this.#clock, AFTERWARDS_MS, () => {
      this.#isDue = false;
      collectAll();
    });
  }
}
