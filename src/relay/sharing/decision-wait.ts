import type { Clock } from '../../platform/clock.ts';
import { Together } from '../../platform/together.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';

/** Less than a subscriber waits for the head of an answer. */
const LONGEST_MS = 10_000;
const LOOK_EVERY_MS = 50;

/** Lets streams wait until something was decided about their repository. Those of one repository wait together. */
export class DecisionWait {
  readonly #waits = new Together<RepositoryName, void>();
  readonly #isDecided: (name: RepositoryName) => boolean;
  readonly #clock: Clock;

  constructor(isDecided: (name: RepositoryName) => boolean, clock: Clock) {
    this.#isDecided = isDecided;
    this.#clock = clock;
  }

  async for(name: RepositoryName): Promise<void> {
    if (this.#isDecided(name)) return;
    await this.#waits.run(name, async () => await this.#wait(name));
  }

  async #wait(name: RepositoryName): Promise<void> {
    const end = this.#clock.monotonic() + LONGEST_MS;
    while (!this.#isDecided(name) && this.#clock.monotonic() < end) await this.#clock.sleep(LOOK_EVERY_MS);
  }
}
