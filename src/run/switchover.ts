import type { RestartPolicy, RunConfig } from '../config/run-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Exit } from '../platform/process/runner.ts';
import { Departures } from './departures.ts';
import type { Front } from './front.ts';
import { describeExit, type Instance } from './instance.ts';
import { Keeper } from './keeper.ts';
import type { Launch } from './launch.ts';
import { Present } from './present.ts';
import type { Proven } from './process-state.ts';
import { ReadyProcesses } from './ready-processes.ts';
import type { Release } from './state.ts';
import { Trial, type Verdict } from './trial.ts';

export interface SwitchoverOptions {
  readonly config: RunConfig;
  readonly launch: Launch;
  readonly front: Front | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** The process ended and is not started again. */
  readonly onGone: (exit: Exit) => void;
  /** {@link Present.state} may be another one. It must not throw. */
  readonly onState?: () => void;
}

/** The release that serves from now on, while it still has to prove itself. */
export interface Probation {
  /** Never rejects. When it resolves, the traffic is where it belongs. */
  readonly verdict: Promise<Verdict>;
}

function isFinal(policy: RestartPolicy, exit: Exit): boolean {
  return policy === 'never' || (policy === 'on-failure' && exit.code === 0);
}

/**
 * The process of the moment, and the ways from it to the next one: reload it, start beside it, start after it.
 *
 * A new process serves from the moment it is ready, on probation. What has proven itself stays until the probation is
 * over: with `--listen` as a process that gets the traffic back at once, otherwise as a release to start again.
 */
export class Switchover {
  readonly #options: SwitchoverOptions;
  readonly #stopping = new AbortController();
  readonly #ready: ReadyProcesses;
  readonly #departures: Departures;
  /** Which processes there are, and how the current one is. */
  readonly present: Present;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SwitchoverOptions) {
    this.#options = options;
    const { config, launch, front, clock, log } = options;
    const { signal } = this.#stopping;
    this.#ready = new ReadyProcesses({ launch, clock, log, signal, onReady: () => this.present.tell() });
    this.present = new Present({ hasPassed: (instance) => this.#ready.has(instance), onState: options.onState });
    this.#departures = new Departures({ front, drainTimeoutMs: config.drainTimeoutMs, log, signal });
  }

  /** Releases whose directories processes work in. */
  get inUse(): readonly Release[] {
    return [this.present.trial?.release, this.present.proven?.release, ...this.#departures.releases].filter(
      (each) => each !== undefined,
    );
  }

  /** Starts a release that ran before: it is kept even if it takes its time now. */
  async resume(release: Release): Promise<void> {
    await this.#exclusively(() => this.#startKept(release));
  }

  /** The process goes on, under the name of a release that does not differ for it. */
  rename(release: Release): void {
    if (this.present.proven) this.#goOnAs(this.present.proven, release);
    this.present.tell();
  }

  #goOnAs(proven: Proven, release: Release): void {
    proven.release = release;
    proven.endedBefore = proven.keeper?.ended ?? 0;
  }

  /** Resolves when no release is on probation. */
  async judged(): Promise<void> {
    await this.present.trial?.verdict;
  }

  /** Leaves it open whether the release on probation lives; its process goes on. */
  endProbation(): void {
    this.present.trial?.supersede();
  }

  /**
   * From the present process to one of `release`, which is ready then.
   * @throws SidecarError ERR_RUN_*; the old process is still there, or gone
   */
  async to(release: Release, signal: AbortSignal): Promise<Probation> {
    const { config, front } = this.#options;
    const start = async (): Promise<Probation> => {
      const proven = this.present.proven?.keeper?.instance;
      if (config.reload && !this.present.trial && proven && proven.exit === undefined)
        return this.#try(release, await this.#reload(proven, release, signal));
      if (front) await this.#departures.over;
      else await this.#endCurrent();
      return this.#try(release, await this.#startReady(release, signal));
    };
    return await this.#exclusively(() => this.present.whileStarting(release, start));
  }

  /**
   * To be called before files change in a directory that processes share: ends the process that reads them, or, where it
   * stays beside its successor, waits until it has read what it needs to become ready.
   */
  async makeWay(signal: AbortSignal): Promise<void> {
    const { config, front, launch } = this.#options;
    await this.#exclusively(async () => {
      const { running, instance } = this.present;
      if (!running || !instance) return;
      if (front || config.reload) await launch.untilReady(instance, running, signal);
      else await this.#endCurrent();
    });
  }

  /**
   * After a failure: gives the old process its release back, where the failure cost it that.
   * @returns the release that is back, or serves on; undefined when it never went, or there is none
   * @throws SidecarError ERR_RUN_COMMAND when it cannot be started
   */
  async comeBack(error: unknown, signal: AbortSignal): Promise<Release | undefined> {
    const { launch, log, config } = this.#options;
    if (!(error instanceof SidecarError)) return undefined;
    const hasMadeWay = this.present.proven?.keeper?.instance.exit !== undefined;
    if (error.facts.revision !== 'disturbing' && !hasMadeWay) return undefined;
    return await this.#exclusively(async () => {
      if (this.present.trial) return this.present.trial.release;
      const last = this.present.proven;
      if (!last || signal.aborted) return undefined;
      const instance = last.keeper?.instance;
      if (config.reload && instance && instance.exit === undefined)
        await launch.reload(instance, last.release, signal).catch((failure: unknown) => log.error(failure, 'reload'));
      else if (!config.listen || !instance || instance.exit !== undefined) await this.#startKept(last.release);
      return last.release;
    });
  }

  /** Ends all processes; gives how the current one ended, if there was one. */
  async stop(): Promise<Exit | undefined> {
    const { instance } = this.present;
    this.#stopping.abort();
    this.present.trial?.supersede();
    await this.#turn;
    await Promise.all([
      this.present.trial?.instance.stop(),
      this.present.proven?.keeper?.stop(),
      this.#departures.over,
    ]);
    return instance?.exit ?? this.present.instance?.exit;
  }

  /** One way at a time. */
  async #exclusively<T>(way: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(way);
    this.#turn = done.catch(() => undefined);
    return await done;
  }

  #try(release: Release, instance: Instance): Probation {
    const { config, clock } = this.#options;
    const before = this.#closeTrial();
    const trial = new Trial(release, instance, config.readyForMs, clock);
    this.present.trial = trial;
    this.#use(instance);
    if (before) this.#departures.add(before.release, before.instance, before.instance);
    return { verdict: trial.verdict.then((verdict) => this.#conclude(trial, verdict)) };
  }

  #conclude(trial: Trial, verdict: Verdict): Verdict {
    const { config, onGone } = this.#options;
    if (this.present.trial !== trial || verdict.kind === 'superseded') return verdict;
    const { release, instance } = trial;
    const old = this.present.proven;
    this.present.trial = undefined;
    if (verdict.kind === 'proven') {
      if (old?.keeper?.instance === instance) this.#goOnAs(old, release);
      else {
        this.present.proven = { release, keeper: this.#keep(instance, release), endedBefore: 0 };
        if (old?.keeper) this.#departures.add(old.release, old.keeper.instance, old.keeper);
      }
      this.present.tell();
      return verdict;
    }
    if (old?.keeper) this.#use(old.keeper.instance);
    this.present.keepLastWords(release, instance);
    const isOver = isFinal(config.restart, verdict.exit) && (!old || verdict.exit.code === 0);
    const trouble = { reason: describeExit(verdict.exit), output: instance.lastLines };
    if (isOver) this.present.gone = { release, state: 'failed', ended: 1, trouble };
    this.present.tell();
    if (isOver) onGone(verdict.exit);
    return verdict;
  }

  async #reload(instance: Instance, release: Release, signal: AbortSignal): Promise<Instance> {
    await this.#options.launch.reload(instance, release, signal);
    await this.#ready.require(instance, release, signal);
    return instance;
  }

  /** Ends the current process, so that the next can have its port. */
  async #endCurrent(): Promise<void> {
    await this.#closeTrial()?.instance.stop();
    await this.present.proven?.keeper?.stop();
  }

  /**
   * A newer release takes the place of the one on probation. Where something proven is there to go back to, the latter
   * goes; otherwise it is the best there is, and stays for that.
   *
   * @returns the one that goes
   */
  #closeTrial(): Trial | undefined {
    const trial = this.present.trial;
    this.present.trial = undefined;
    if (!trial) return undefined;
    if (this.present.proven || trial.instance.exit !== undefined) {
      trial.supersede();
      return trial;
    }
    const { release, instance } = trial;
    this.present.proven = { release, keeper: this.#keep(instance, release), endedBefore: 0 };
    trial.prove();
    return undefined;
  }

  async #startReady(release: Release, signal: AbortSignal): Promise<Instance> {
    const instance = await this.#options.launch.start(release);
    try {
      await this.#ready.require(instance, release, signal);
      return instance;
    } catch (error) {
      await instance.stop();
      this.present.keepLastWords(release, instance);
      throw error;
    }
  }

  async #startKept(release: Release): Promise<void> {
    await this.present.whileStarting(release, async () => {
      await this.present.proven?.keeper?.stop();
      const proven: Proven = { release, keeper: undefined, endedBefore: 0 };
      this.present.proven = proven;
      try {
        const instance = await this.#options.launch.start(release);
        proven.keeper = this.#keep(instance, release);
        this.#use(instance);
        this.#ready.noteWhenReady(instance, release);
      } catch (error) {
        proven.failure = messageOf(error);
        throw error;
      }
    });
  }

  #keep(instance: Instance, release: Release): Keeper {
    const { config, clock, log, launch, onGone } = this.#options;
    const isCurrent = (): boolean => this.present.trial === undefined && this.present.proven?.keeper === keeper;
    const keeper: Keeper = new Keeper(instance, {
      policy: config.restart,
      clock,
      log,
      start: () => launch.start(release),
      onTrouble: () => this.present.tell(),
      onRestart: (next) => {
        if (isCurrent()) this.#use(next);
        this.present.tell();
        this.#ready.noteWhenReady(next, release);
      },
      onGone: (exit) => {
        if (isCurrent()) onGone(exit);
      },
    });
    return keeper;
  }

  #use({ port }: Instance): void {
    if (port !== undefined) this.#options.front?.use(port);
  }
}
