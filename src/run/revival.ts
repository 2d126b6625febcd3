import type { DeployerOptions } from './deployer-options.ts';
import { RetryPlan } from './retry-plan.ts';

type Needs = Pick<DeployerOptions, 'state' | 'files' | 'switchover' | 'clock' | 'random' | 'log'>;

/** Brings back what was deployed last, where it does not run. */
export class Revival {
  readonly #options: Needs;
  readonly #signal: AbortSignal;
  readonly #retries: RetryPlan;
  readonly #again: (ms: number) => void;

  /** @param again has it tried once more in so many milliseconds: it can fail for reasons which pass */
  constructor(options: Needs, signal: AbortSignal, again: (ms: number) => void) {
    this.#options = options;
    this.#signal = signal;
    this.#retries = new RetryPlan(options.clock, options.random);
    this.#again = again;
  }

  /** What cannot be started is tried again later. @throws SidecarError when the files of before cannot be put back */
  async startLast(): Promise<void> {
    const { state, files, log, switchover } = this.#options;
    const last = state.current;
    if (!last || this.#retries.isTooSoon(last.id)) return;
    log.info(0, 'starting what ran last', { hash: last.id });
    try {
      const owned = await files.bring(last, this.#signal);
      await switchover.resume(last);
      await files.settle({}, owned);
    } catch (error) {
      await files.restore();
      log.error(error, 'what ran last cannot be started', { hash: last.id });
      this.#again(this.#retries.failed(last.id));
    }
  }
}
