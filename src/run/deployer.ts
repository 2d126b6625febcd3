import { asSidecarError, messageOf, SidecarError } from '../model/error.ts';
import type { BytePath } from '../platform/byte-path.ts';
import type { Exit } from '../platform/process/runner.ts';
import { isRevisionsFault } from './blame.ts';
import type { DeployerOptions } from './deployer-options.ts';
import { BY_HAND, DeploymentNotes } from './deployment-notes.ts';
import { type Published, readPublished } from './follow-link.ts';
import { UnfitRevision } from './releases.ts';
import { requireProven } from './require-proven.ts';
import { RetryPlan } from './retry-plan.ts';
import { Revival } from './revival.ts';
import type { Release } from './state.ts';
import type { Probation } from './switchover.ts';

/** What is published may be torn, until sync has read it: how soon that is looked at again. */
const DOUBT_MS = 200;

/** A deployment under way. */
interface Attempt {
  readonly published: Published;
  readonly startedAt: number;
  /** Revisions that were left out when it began. */
  readonly leftOut: readonly string[];
}

/** What is known when a release serves. */
interface Served {
  readonly ms: number;
  readonly sincePublishMs: number;
  /** Paths below `--into` that are ours. */
  readonly owned: readonly BytePath[];
}

/** Brings each published revision to life, one at a time, and never leaves the service worse than it was. */
export class Deployer {
  readonly #options: DeployerOptions;
  readonly #stopping = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #isQueued = false;
  /** A release is being made that is not in use yet. */
  #isMaking = false;
  /** When a revision that failed is tried again. */
  readonly #retries: RetryPlan;
  readonly #notes: DeploymentNotes;
  readonly #revival: Revival;

  constructor(options: DeployerOptions) {
    this.#options = options;
    this.#retries = new RetryPlan(options.clock, options.random);
    const { signal } = this.#stopping;
    this.#notes = new DeploymentNotes(options, signal);
    this.#revival = new Revival(options, signal, (ms) => this.#considerIn(ms));
  }

  /** Starts what ran last, so that the service is back before anything new is tried. */
  async resume(): Promise<void> {
    const { state, files, log, releases, unwritten } = this.#options;
    await files.restore();
    await unwritten.examine(this.#stopping.signal);
    await releases.prune(state.state.releases);
    unwritten.writeOut(this.#stopping.signal);
    for (const [hash, reason] of Object.entries(state.state.quarantined))
      log.warn('a revision is left out until a newer one is deployed, or while nothing runs', { hash, reason });
    if (state.current) await this.#enqueue(async () => await this.#revival.startLast());
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
      const { state, files, switchover } = this.#options;
      const bad = switchover.present.running;
      target = state.state.releases.findLast((each) =>
        id === undefined ? each.id !== bad?.id : each.id.startsWith(id),
      );
      if (!target || !bad || target.id === bad.id) {
        const detail = id === undefined ? 'there is no release before this one' : `there is no other release ${id}`;
        throw new SidecarError('ERR_RUN_ROLLBACK', { op: 'roll back', detail });
      }
      try {
        const owned = await files.bring(target, this.#stopping.signal);
        await requireProven(await switchover.to(target, this.#stopping.signal), target);
        await files.settle({}, owned);
      } catch (error) {
        await files.restore();
        await this.#comeBack(error, target.id);
        throw error;
      }
      await this.#notes.leaveOut(bad.id, BY_HAND);
      const others = state.state.releases.filter((each) => each.path !== target?.path && each.path !== bad.path);
      await state.save({ releases: [...others, target] });
      await this.#notes.tellRollback(bad.id, target, BY_HAND);
      this.#notes.note(target.id, 'rolled-back', 'by hand', 0);
    });
    if (!target) throw new SidecarError('ERR_RUN_ROLLBACK', { op: 'roll back', detail: 'run is ending' });
    return target;
  }

  /** Deploys nothing any more; what runs goes on. */
  async halt(): Promise<void> {
    this.#stopping.abort();
    this.#options.switchover.endProbation();
    await this.#work.catch(() => undefined);
  }

  /** Ends the process; resolves with how it ended, if there was one. */
  async stop(): Promise<Exit | undefined> {
    await this.halt();
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
    const { config, state, log, switchover, publishedBoot } = this.#options;
    let published: Published | undefined;
    try {
      published = await readPublished(config.link);
    } catch (error) {
      log.error(error, 'the link cannot be followed');
    }
    if (switchover.present.running === undefined) await this.#revival.startLast();
    if (!published || published.id === switchover.present.running?.id) return;
    const reason = state.state.quarantined[published.id];
    const isWorthARetry = switchover.present.running === undefined && reason !== BY_HAND;
    if (reason !== undefined && !isWorthARetry) return;
    if (this.#retries.isTooSoon(published.id)) return;
    if (await publishedBoot.isInDoubt(published)) return this.#considerIn(DOUBT_MS);
    const attempt = {
      published,
      startedAt: this.#options.clock.monotonic(),
      leftOut: Object.keys(state.state.quarantined),
    };
    log.info(0, 'deploying', { hash: published.id, ...(reason !== undefined && { again: reason }) });
    try {
      await this.#deploy(attempt);
    } catch (error) {
      await this.#failed(attempt, error);
    }
  }

  async #failed({ published: { id }, startedAt }: Attempt, thrown: unknown): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { log, switchover, redact } = this.#options;
    const error = asSidecarError(thrown, 'deploy');
    const isItsFault = error instanceof UnfitRevision || isRevisionsFault(error);
    const reason = redact(error.detail);
    const { running } = switchover.present;
    const still = running === undefined ? 'nothing runs' : `${running.id} keeps running`;
    log.error(error, `the revision is not deployed; ${still}`, { hash: id });
    if (isItsFault) await this.#notes.leaveOut(id, reason);
    if (!isItsFault || running === undefined) {
      const ms = Math.round(this.#retries.failed(id));
      log.warn('the revision is tried again', { hash: id, ms });
      this.#considerIn(ms);
    }
    const outcome = error.is('build') ? 'build-failed' : 'failed';
    this.#notes.note(id, outcome, reason, Math.round(this.#options.clock.monotonic() - startedAt));
  }

  #considerIn(ms: number): void {
    void this.#options.clock.sleep(ms + 1, this.#stopping.signal).then(() => this.consider());
  }

  async #deploy(attempt: Attempt): Promise<void> {
    const { releases, files, launch, config, switchover, unwritten } = this.#options;
    const { published, startedAt } = attempt;
    this.#isMaking = true;
    let release = await releases.make(published, this.#stopping.signal).catch((error: unknown) => {
      this.#isMaking = false;
      throw error;
    });
    if (!release) {
      this.#isMaking = false;
      this.consider();
      return;
    }
    const isPart = config.place.kind === 'into' || config.place.path !== '.';
    if (isPart && switchover.present.running?.digest === release.digest) await switchover.judged();
    if (isPart && switchover.present.running?.digest === release.digest && switchover.present.isAlive) {
      this.#isMaking = false;
      await this.#keepRunningAs(release);
      this.#notes.note(release.id, 'unchanged', undefined, Math.round(this.#options.clock.monotonic() - startedAt));
      return;
    }
    let owned: readonly BytePath[] = [];
    let probation: Probation;
    try {
      await files.requireInnerLinks(release);
      await launch.build(release, this.#stopping.signal);
      release = await unwritten.require(release, this.#stopping.signal);
      owned = await files.bring(release, this.#stopping.signal);
      probation = await switchover.to(release, this.#stopping.signal);
      this.#isMaking = false;
    } catch (error) {
      this.#isMaking = false;
      await this.#giveUp(error, published.id);
      throw error;
    }
    const ms = Math.round(this.#options.clock.monotonic() - startedAt);
    const served: Served = { ms, sincePublishMs: Math.max(0, this.#options.clock.now() - published.since), owned };
    const judged = this.#judge(attempt, release, probation, served);
    // Files in one place have one way back; releases of their own let the next revision come at any time.
    if (config.place.kind === 'into' || config.readyForMs === 0) await judged;
  }

  async #judge(attempt: Attempt, release: Release, probation: Probation, served: Served): Promise<void> {
    const { config, log } = this.#options;
    if (config.readyForMs > 0)
      log.info(0, 'serving, on probation', { hash: release.id, ms: served.ms, for_ms: config.readyForMs });
    const { kind } = await probation.verdict;
    if (kind === 'proven') {
      await this.#noteDeployed(attempt, release, served.owned);
      this.#notes.note(release.id, 'deployed', undefined, served.ms, served.sincePublishMs);
    } else if (kind === 'superseded') {
      if (!this.#stopping.signal.aborted) this.#notes.note(release.id, 'superseded', undefined, served.ms);
    } else {
      await requireProven(probation, release).catch(async (error: unknown) => {
        await this.#giveUp(error, release.id);
        await this.#failed(attempt, error);
      });
    }
  }

  /** Files and process are those of before again. */
  async #giveUp(error: unknown, badId: string): Promise<void> {
    await this.#options.files.restore();
    await this.#comeBack(error, badId);
    await this.#prune();
  }

  async #prune(): Promise<void> {
    const { releases, state, switchover } = this.#options;
    if (this.#isMaking) return;
    await releases.prune([...state.state.releases, ...switchover.inUse]);
  }

  /** The release runs by now, and that stands whatever happens here. */
  async #noteDeployed({ leftOut }: Attempt, release: Release, owned: readonly BytePath[]): Promise<void> {
    const { state, config, files, log } = this.#options;
    const kept = [...state.state.releases, release].slice(-config.keepReleases);
    const newer = Object.entries(state.state.quarantined).filter(([id]) => !leftOut.includes(id));
    try {
      await files.settle({ releases: kept, quarantined: Object.fromEntries(newer) }, owned);
      await this.#prune();
      this.#options.unwritten.writeOut(this.#stopping.signal);
    } catch (error) {
      log.error(error, 'the revision runs, but that could not be noted', { hash: release.id });
    }
  }

  /** Nothing that is deployed changed: the process goes on under the new commit, in the directory that it works in. */
  async #keepRunningAs({ id }: Release): Promise<void> {
    const { state, switchover } = this.#options;
    const running = switchover.present.running;
    if (!running) return;
    const renamed: Release = { ...running, id };
    const kept = [...state.state.releases.filter(({ path }) => path !== running.path), renamed];
    switchover.rename(renamed);
    await state.save({ releases: kept });
    await this.#prune();
    this.#options.unwritten.writeOut(this.#stopping.signal);
  }

  async #comeBack(error: unknown, badId: string): Promise<void> {
    const { switchover, log } = this.#options;
    try {
      const back = await switchover.comeBack(error, this.#stopping.signal);
      if (back)
        await this.#notes.tellRollback(badId, back, error instanceof SidecarError ? error.detail : messageOf(error));
    } catch (failure) {
      log.error(failure, 'what ran before cannot be started');
    }
  }
}
