import type { RunConfig } from '../config/run-config.ts';
import { asSidecarError, messageOf, SidecarError } from '../model/error.ts';
import type { BytePath } from '../platform/byte-path.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Exit } from '../platform/process.ts';
import { type Published, readPublished } from './follow-link.ts';
import type { Launch } from './launch.ts';
import type { Mirror } from './mirror.ts';
import { type Releases, UnfitRevision } from './releases.ts';
import type { Release, RunState, StateFile } from './state.ts';
import type { Outcome, RunObserver } from './status.ts';
import type { Switchover } from './switchover.ts';

export interface DeployerOptions {
  readonly config: RunConfig;
  readonly state: StateFile;
  readonly releases: Releases;
  readonly launch: Launch;
  /** undefined: each release runs in its own directory. */
  readonly mirror: Mirror | undefined;
  readonly switchover: Switchover;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: RunObserver;
}

/** Pause after a failure that is not the revision's: a full disk, say. */
const RETRY_MS = 5000;

/** Brings each published revision to life, one at a time, and never leaves the service worse than it was. */
export class Deployer {
  readonly #options: DeployerOptions;
  readonly #stopping = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #isQueued = false;
  #retryAt = 0;

  constructor(options: DeployerOptions) {
    this.#options = options;
  }

  /** Starts what ran last, so that the service is back before anything new is tried. */
  async resume(): Promise<void> {
    const { state, mirror, log, releases, switchover } = this.#options;
    await mirror?.restore();
    await releases.prune(state.state.releases);
    const last = state.current;
    if (!last) return;
    log.info(0, 'starting what ran last', { hash: last.id });
    await this.#enqueue(async () => {
      try {
        const owned = await this.#mirrorRelease(last);
        await switchover.resume(last);
        await this.#settle({}, owned);
      } catch (error) {
        await mirror?.restore();
        log.error(error, 'what ran last cannot be started');
      }
    });
  }

  /** Something may have been published: looks, and deploys it if it is new. */
  consider(): void {
    if (this.#isQueued || this.#stopping.signal.aborted) return;
    this.#isQueued = true;
    void this.#enqueue(async () => {
      this.#isQueued = false;
      await this.#deployNewest();
    });
  }

  /**
   * Goes back to the release before, or to the one of commit `id`, and leaves the present one out until a newer comes.
   * @throws SidecarError ERR_RUN_ROLLBACK, ERR_RUN_*
   */
  async rollBack(id: string | undefined): Promise<Release> {
    let target: Release | undefined;
    await this.#enqueue(async () => {
      const { state, mirror, switchover } = this.#options;
      const bad = switchover.running;
      target = state.state.releases.findLast((each) =>
        id === undefined ? each.id !== bad?.id : each.id.startsWith(id),
      );
      if (!target || !bad || target.id === bad.id) {
        const detail = id === undefined ? 'there is no release before this one' : `there is no other release ${id}`;
        throw new SidecarError('ERR_RUN_ROLLBACK', { op: 'roll back', detail });
      }
      try {
        const owned = await this.#mirrorRelease(target);
        await switchover.to(target, this.#stopping.signal);
        await this.#settle({}, owned);
      } catch (error) {
        await mirror?.restore();
        await this.#comeBack(error, target.id);
        throw error;
      }
      await this.#quarantine(bad.id, 'rolled back by hand');
      const others = state.state.releases.filter((each) => each.path !== target?.path && each.path !== bad.path);
      await state.save({ releases: [...others, target] });
      await this.#tellRollback(bad.id, target, 'rolled back by hand');
      this.#note(target.id, 'rolled-back', 'by hand', performance.now());
    });
    if (!target) throw new SidecarError('ERR_RUN_ROLLBACK', { op: 'roll back', detail: 'run is ending' });
    return target;
  }

  /** Ends the process; resolves with how it ended, if there was one. */
  async stop(): Promise<Exit | undefined> {
    this.#stopping.abort();
    await this.#work.catch(() => undefined);
    return await this.#options.switchover.stop();
  }

  #enqueue(step: () => Promise<void>): Promise<void> {
    const done = this.#work
      .catch(() => undefined)
      .then(async () => {
        if (!this.#stopping.signal.aborted) await step();
      });
    this.#work = done;
    done.catch(() => undefined);
    return done;
  }

  async #deployNewest(): Promise<void> {
    const { config, state, log, clock, switchover } = this.#options;
    if (clock.monotonic() < this.#retryAt) return;
    let published: Published | undefined;
    try {
      published = await readPublished(config.link);
    } catch (error) {
      log.error(error, 'the link cannot be followed');
    }
    if (!published || published.id === switchover.running?.id) return;
    if (state.state.quarantined[published.id] !== undefined) return;
    const before = performance.now();
    log.info(0, 'deploying', { hash: published.id });
    try {
      const outcome = await this.#deploy(published);
      if (outcome === 'superseded') this.consider();
      else this.#note(published.id, outcome, undefined, before, published.since);
    } catch (error) {
      if (!this.#stopping.signal.aborted) await this.#failed(published.id, asSidecarError(error, 'deploy'), before);
    }
  }

  async #failed(id: string, error: SidecarError, before: number): Promise<void> {
    const { log, clock, switchover } = this.#options;
    const isItsFault = error.code !== 'ERR_RUN_COPY' || error instanceof UnfitRevision;
    if (isItsFault) await this.#quarantine(id, error.detail);
    else {
      this.#retryAt = clock.monotonic() + RETRY_MS;
      setTimeout(() => this.consider(), RETRY_MS + 1).unref();
    }
    const still = switchover.running === undefined ? 'nothing runs' : `${switchover.running.id} runs on`;
    log.error(error, `the revision is not deployed; ${still}`, { hash: id });
    this.#note(id, error.code === 'ERR_RUN_BUILD' ? 'build-failed' : 'failed', error.detail, before);
  }

  async #deploy(published: Published): Promise<Outcome | 'superseded'> {
    const { releases, mirror, launch, state, config, switchover } = this.#options;
    const release = await releases.make(published, this.#stopping.signal);
    if (!release) return 'superseded';
    const isPart = config.place.kind === 'into' || config.place.path !== '.';
    if (isPart && switchover.running?.digest === release.digest && switchover.isAlive) {
      await this.#keepRunningAs(release);
      return 'unchanged';
    }
    try {
      await mirror?.requireInnerLinks(release.path);
      await launch.build(release, this.#stopping.signal);
      const owned = await this.#mirrorRelease(release);
      await switchover.to(release, this.#stopping.signal);
      await this.#noteDeployed(release, owned);
      return 'deployed';
    } catch (error) {
      await mirror?.restore();
      await this.#comeBack(error, published.id);
      await releases.prune(state.state.releases);
      throw error;
    }
  }

  /** The release runs by now, and that stands whatever happens here. */
  async #noteDeployed(release: Release, owned: readonly BytePath[]): Promise<void> {
    const { state, releases, config, log } = this.#options;
    const kept = [...state.state.releases, release].slice(-config.keepReleases);
    try {
      await this.#settle({ releases: kept, quarantined: {} }, owned);
      await releases.prune(kept);
    } catch (error) {
      log.error(error, 'the revision runs, but that could not be noted', { hash: release.id });
    }
  }

  /**
   * Notes what is deployed, and gives up the way back. Until that is given up, a kill makes the next start undo the
   * mirroring and do it again, so the files of before are ours until then as well: none may be lost track of.
   */
  async #settle(changes: Partial<RunState>, owned: readonly BytePath[]): Promise<void> {
    const { state, mirror } = this.#options;
    if (!mirror) {
      if (Object.keys(changes).length > 0) await state.save(changes);
      return;
    }
    await state.save({ ...changes, owned: [...new Set([...state.state.owned, ...owned])] });
    await mirror.settle();
    await state.save({ owned });
  }

  /** Nothing that is deployed changed: the process goes on under the new commit, in the directory that it works in. */
  async #keepRunningAs({ id }: Release): Promise<void> {
    const { state, releases, switchover } = this.#options;
    const running = switchover.running;
    if (!running) return;
    const renamed: Release = { ...running, id };
    const kept = [...state.state.releases.filter(({ path }) => path !== running.path), renamed];
    switchover.rename(renamed);
    await state.save({ releases: kept });
    await releases.prune(kept);
  }

  /** @returns the paths that are ours afterwards */
  async #mirrorRelease(release: Release): Promise<readonly BytePath[]> {
    const { mirror, state, switchover } = this.#options;
    if (!mirror) return [];
    const plan = await mirror.plan(release.path, new Set(state.state.owned));
    if (plan.changes.length > 0) await switchover.makeWay(this.#stopping.signal);
    await mirror.apply(plan);
    return plan.owned;
  }

  async #comeBack(error: unknown, badId: string): Promise<void> {
    const back = await this.#options.switchover.comeBack(error, this.#stopping.signal);
    if (back) await this.#tellRollback(badId, back, error instanceof SidecarError ? error.detail : messageOf(error));
  }

  async #tellRollback(badId: string, to: Release, reason: string): Promise<void> {
    const { config, launch, log } = this.#options;
    log.warn('rolled back', { from: badId, to: to.id, reason });
    if (config.rollbackExec === undefined) return;
    const env = { GIT_SIDECAR_BAD_OID: badId, GIT_SIDECAR_REASON: reason };
    const failure = await launch.shell(config.rollbackExec, to, env, config.readyTimeoutMs, this.#stopping.signal);
    if (failure !== undefined) log.warn('--rollback-exec failed', { reason: failure });
  }

  async #quarantine(id: string, reason: string): Promise<void> {
    const { state } = this.#options;
    await state.save({ quarantined: { ...state.state.quarantined, [id]: reason } });
  }

  #note(id: string, outcome: Outcome, reason: string | undefined, before: number, since?: number): void {
    const { log, observer } = this.#options;
    const ms = Math.round(performance.now() - before);
    const sincePublishMs = since === undefined ? undefined : Math.max(0, Date.now() - since);
    log.info(0, 'deployment', { hash: id, outcome, ms, ...(reason !== undefined && { reason }) });
    observer.onDeployment({ id, outcome, reason, ms, sincePublishMs, at: Date.now() });
  }
}
