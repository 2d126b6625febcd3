import type { RunConfig } from '../config/run-config.ts';
import { SidecarError } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Exit } from '../platform/process.ts';
import type { Front } from './front.ts';
import type { Instance } from './instance.ts';
import { Keeper } from './keeper.ts';
import type { Launch } from './launch.ts';
import type { Release } from './state.ts';

export interface SwitchoverOptions {
  readonly config: RunConfig;
  readonly launch: Launch;
  readonly front: Front | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** The process ended and is not started again. */
  readonly onGone: (exit: Exit) => void;
}

/** After these the old process had to go, or was told to reload, and needs its release back. */
const DISTURBING = ['ERR_RUN_NOT_READY', 'ERR_RUN_RELOAD', 'ERR_RUN_COMMAND'];

/** The process of the moment, and the ways from it to the next one: reload it, start beside it, start after it. */
export class Switchover {
  readonly #options: SwitchoverOptions;
  #keeper: Keeper | undefined;
  #running: Release | undefined;

  constructor(options: SwitchoverOptions) {
    this.#options = options;
  }

  /** The release whose process is the current one. */
  get running(): Release | undefined {
    return this.#running;
  }

  get instance(): Instance | undefined {
    return this.#keeper?.instance;
  }

  get isAlive(): boolean {
    return this.#keeper !== undefined && this.#keeper.instance.exit === undefined;
  }

  get restarts(): number {
    return this.#keeper?.restarts ?? 0;
  }

  /** Starts a release that ran before: it is kept even if it takes its time now. */
  async resume(release: Release): Promise<void> {
    this.#keep(await this.#options.launch.start(release), release);
  }

  /** The process goes on, under the name of a release that does not differ for it. */
  rename(release: Release): void {
    this.#running = release;
  }

  /**
   * From the present process to one of `release`, which is ready then.
   * @throws SidecarError ERR_RUN_*; the old process is still there, or gone
   */
  async to(release: Release, signal: AbortSignal): Promise<void> {
    const { config, front } = this.#options;
    if (config.reload && this.isAlive) await this.#reload(release, signal);
    else if (front) await this.#startBeside(release, front, signal);
    else {
      await this.#keeper?.stop();
      this.#keep(await this.#startReady(release, signal), release);
    }
  }

  /**
   * To be called before files change in a directory that processes share: ends the process that reads them, or, where it
   * stays beside its successor, waits until it has read what it needs to become ready.
   */
  async makeWay(signal: AbortSignal): Promise<void> {
    const { config, front, launch } = this.#options;
    if (!this.#keeper || !this.#running) return;
    if (!front && !config.reload) await this.#keeper.stop();
    else await launch.untilReady(this.#keeper.instance, this.#running, signal);
  }

  /**
   * After a failure: gives the old process its release back, where the failure cost it that.
   * @returns the release that is back; undefined when it never went, or there is none
   */
  async comeBack(error: unknown, signal: AbortSignal): Promise<Release | undefined> {
    const { launch, log, config } = this.#options;
    const last = this.#running;
    const instance = this.#keeper?.instance;
    if (!last || signal.aborted || !(error instanceof SidecarError)) return undefined;
    if (!DISTURBING.includes(error.code) && instance?.exit === undefined) return undefined;
    if (config.reload && instance && instance.exit === undefined) {
      await launch.reload(instance, last, signal).catch((failure: unknown) => log.error(failure, 'reload'));
    } else if (!config.listen || instance?.exit !== undefined) {
      await this.#keeper?.stop();
      await this.resume(last);
    }
    return last;
  }

  /** Ends the process; gives how it ended, if there was one. */
  async stop(): Promise<Exit | undefined> {
    await this.#keeper?.stop();
    return this.#keeper?.instance.exit;
  }

  async #reload(release: Release, signal: AbortSignal): Promise<void> {
    const { launch } = this.#options;
    const instance = this.#keeper?.instance;
    if (!instance) return;
    await launch.reload(instance, release, signal);
    await this.#requireReady(instance, release, signal);
    this.#running = release;
  }

  async #startBeside(release: Release, front: Front, signal: AbortSignal): Promise<void> {
    const { config, log } = this.#options;
    const old = this.#keeper;
    this.#keep(await this.#startReady(release, signal), release);
    if (!old) return;
    const cut = await front.drain(old.instance.port ?? 0, config.drainTimeoutMs);
    if (cut > 0) log.warn('connections were cut after --drain-timeout', { connections: cut });
    await old.stop();
  }

  async #startReady(release: Release, signal: AbortSignal): Promise<Instance> {
    const instance = await this.#options.launch.start(release);
    try {
      await this.#requireReady(instance, release, signal);
      return instance;
    } catch (error) {
      await instance.stop();
      throw error;
    }
  }

  async #requireReady(instance: Instance, release: Release, signal: AbortSignal): Promise<void> {
    const reason = await this.#options.launch.untilReady(instance, release, signal);
    if (reason === undefined) return;
    throw new SidecarError('ERR_RUN_NOT_READY', { op: 'start', target: release.id, detail: reason });
  }

  #keep(instance: Instance, release: Release): void {
    const { config, clock, log, launch, front, onGone } = this.#options;
    const use = ({ port }: Instance): void => {
      if (port !== undefined) front?.use(port);
    };
    this.#running = release;
    this.#keeper = new Keeper(instance, {
      policy: config.restart,
      clock,
      log,
      start: () => launch.start(release),
      onRestart: use,
      onGone,
    });
    use(instance);
  }
}
