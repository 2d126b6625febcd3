import { SidecarError } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Instance } from './instance.ts';
import type { Launch } from './launch.ts';
import type { Release } from './state.ts';

export interface ReadyProcessesOptions {
  readonly launch: Pick<Launch, 'untilReady'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** When it fires, no process is waited for any longer. */
  readonly signal: AbortSignal;
  /** One is ready that was waited for by {@link ReadyProcesses.noteWhenReady}. */
  readonly onReady: () => void;
}

/** Pause between two rounds of waiting for a process that takes its time. */
const AGAIN_MS = 1000;

/** Which processes have passed their checks since they were started. */
export class ReadyProcesses {
  readonly #options: ReadyProcessesOptions;
  readonly #ready = new WeakSet<Instance>();

  constructor(options: ReadyProcessesOptions) {
    this.#options = options;
  }

  has(instance: Instance): boolean {
    return this.#ready.has(instance);
  }

  /** @throws SidecarError ERR_RUN_NOT_READY */
  async require(instance: Instance, release: Release, signal: AbortSignal): Promise<void> {
    const reason = await this.#options.launch.untilReady(instance, release, signal);
    if (reason !== undefined) {
      const isLate = instance.exit === undefined;
      throw new SidecarError('ERR_RUN_NOT_READY', { op: 'start', target: release.id, detail: reason, isLate });
    }
    this.#ready.add(instance);
  }

  /** Notes it when the process is ready, however long that takes. */
  noteWhenReady(instance: Instance, release: Release): void {
    const { launch, clock, log, signal, onReady } = this.#options;
    const wait = async (): Promise<void> => {
      while (instance.exit === undefined && !signal.aborted) {
        if ((await launch.untilReady(instance, release, signal)) === undefined) {
          this.#ready.add(instance);
          onReady();
          return;
        }
        await clock.sleep(AGAIN_MS, signal);
      }
    };
    wait().catch((error: unknown) => log.error(error, 'the process cannot be asked whether it is ready'));
  }
}
