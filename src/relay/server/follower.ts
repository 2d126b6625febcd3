import { asSidecarError, SidecarError } from '../../model/error.ts';
import type { AdvertisedRef } from '../../model/ref.ts';
import { nextPause } from '../../platform/backoff.ts';
import type { Clock, Random } from '../../platform/clock.ts';
import { deadline } from '../../platform/deadline.ts';
import type { Logger } from '../../platform/log.ts';
import { WakeUps } from '../../platform/wake-ups.ts';
import { changesBetween, type RefChange, type Refs } from '../protocol/refs.ts';
import type { Upstream } from './allow.ts';
import type { HostBudget } from './host-budget.ts';
import type { Mirror, ObjectSource } from './mirror.ts';
import { Turns } from './turns.ts';

/** Who tells a follower where the refs are: the git server, or a relay nearer to it. */
export interface UpstreamRefs {
  /** @throws SidecarError ERR_REMOTE_*, ERR_RELAY_* */
  list(questions: readonly string[], signal: AbortSignal): Promise<{ refs: readonly AdvertisedRef[]; asOf: number }>;
  readonly source: ObjectSource;
  /** Asking costs the git server a request. */
  readonly costs: boolean;
  readonly requestsSent: number;
  close(): void;
}

/** Where others read what we found out. */
export interface Noting {
  /** The git server is about to be asked. @returns what takes the refs that it had then, once they are mirrored */
  begin(): (refs: Refs) => void;
  close(): void;
}

export interface FollowerOptions {
  readonly upstream: Upstream;
  readonly remote: UpstreamRefs;
  readonly mirror: Mirror;
  readonly budget: HostBudget;
  readonly periodMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly noting: Noting | undefined;
  readonly onChange: (changes: readonly RefChange[]) => void;
  /** @param isNew it was in no such trouble before */
  readonly onTrouble: (error: SidecarError, isNew: boolean) => void;
  readonly onRecovery: () => void;
}

/** Asking must not take longer: the next try may get through. */
const LONGEST_ASK_MS = 30_000;
/** A first copy of a large repository takes its time; one that stalls is noticed sooner. */
const LONGEST_UPDATE_MS = 3_600_000;

/** Follows one repository: asks where its refs are, mirrors what is new, then says what changed. */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #wakeUps: WakeUps;
  readonly #turns: Turns;
  readonly #stopping = new AbortController();
  #known = false;
  #asOf = 0;
  #failures = 0;
  #isSuspect = false;
  #trouble: SidecarError | undefined;
  #done: Promise<void> | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#wakeUps = new WakeUps(options.clock);
    this.#turns = new Turns({ clock: options.clock, signal: this.#stopping.signal, hurry: () => this.wake() });
  }

  get upstream(): Upstream {
    return this.#options.upstream;
  }

  get mirror(): Mirror {
    return this.#options.mirror;
  }

  /** The refs that are passed on; empty until {@link isKnown}. */
  get refs(): Refs {
    return this.#known ? this.mirror.refs : new Map();
  }

  get isKnown(): boolean {
    return this.#known;
  }

  /** When the git server last confirmed the refs; milliseconds since the epoch, 0 for never. */
  get asOf(): number {
    return this.#asOf;
  }

  /** Why the git server cannot be asked; undefined while it can. */
  get trouble(): SidecarError | undefined {
    return this.#trouble;
  }

  get requestsSent(): number {
    return this.#options.remote.requestsSent;
  }

  /** @param asOf when an earlier process last asked with success */
  async start(asOf: number): Promise<void> {
    const { mirror, log } = this.#options;
    try {
      this.#known = await mirror.open(this.#stopping.signal);
      if (this.#known) this.#asOf = asOf;
    } catch (error) {
      log.error(error, 'the mirror cannot be read; it is fetched again', { repository: this.upstream.name });
      await mirror.discard();
    }
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wakeUps.wake('stop');
    await this.#done;
    this.#options.remote.close();
    this.#options.noting?.close();
  }

  /** Somebody says that there is something new. */
  wake(): void {
    this.#wakeUps.wake('push');
  }

  /** git could not answer from the mirror: it is checked before the git server is asked again. */
  suspect(): void {
    this.#isSuspect = true;
    this.wake();
  }

  /**
   * Somebody wants what is not here. Asks the git server after now, once for all who want something, and at most once a
   * second: what they want may not exist.
   */
  async askForMissing(ms: number): Promise<void> {
    await this.#turns.nextForMissing(ms);
  }

  /** Resolves when the git server was asked after now, with whatever result, or after `ms`. */
  async askNow(ms: number): Promise<void> {
    await this.#turns.next(ms);
  }

  /** Resolves when the refs are known or it is known why not, at the latest after `ms`. */
  async whenKnown(ms: number): Promise<void> {
    await this.#turns.until(() => this.#known || this.#trouble !== undefined, ms);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let first = true;
    while (!signal.aborted) {
      this.#turns.begin();
      const error = await this.#ask().then(
        () => undefined,
        (failure: unknown) => asSidecarError(failure, 'follow'),
      );
      if (signal.aborted) break;
      this.#note(error);
      this.#turns.end();
      const pause = nextPause({
        periodMs: this.#options.periodMs,
        failures: this.#failures,
        retryAfterMs: error?.retryAfterMs,
        first,
        random: this.#options.random,
      });
      first = false;
      if ((await this.#wakeUps.wait(pause)) === 'stop') break;
    }
  }

  #note(error: SidecarError | undefined): void {
    const { log, budget, onTrouble } = this.#options;
    const before = this.#trouble;
    this.#trouble = error;
    this.#failures = error ? this.#failures + 1 : 0;
    const repository = this.upstream.name;
    if (!error) {
      if (!before) return;
      log.info(0, 'the git server answers again', { repository });
      this.#options.onRecovery();
      return;
    }
    if (error.retryAfterMs !== undefined) budget.pause(this.upstream.host, error.retryAfterMs);
    log.error(error, 'the git server cannot be followed', {
      repository,
      failures: this.#failures,
      serving: this.#known,
    });
    onTrouble(error, before?.code !== error.code);
  }

  async #ask(): Promise<void> {
    const { remote, upstream, budget, log } = this.#options;
    const { signal } = this.#stopping;
    if (this.#isSuspect) await this.#checkMirror(signal);
    if (remote.costs) await budget.take(upstream.host, signal);
    const note = this.#options.noting?.begin();
    const limit = deadline(signal, LONGEST_ASK_MS);
    let told: Awaited<ReturnType<UpstreamRefs['list']>>;
    try {
      told = await remote.list(upstream.questions, limit.signal);
    } finally {
      limit.dispose();
    }
    const wanted = this.#covered(told.refs);
    if (wanted.size === 0 && !this.#known) {
      const detail = 'it has no branch or tag that may be passed on';
      throw new SidecarError('ERR_REMOTE_REF', { op: 'follow', target: upstream.name, detail });
    }
    const before = this.refs;
    if (changesBetween(before, wanted).length > 0) await this.#update(before, wanted, told.asOf);
    this.#known = true;
    this.#asOf = told.asOf;
    note?.(this.refs);
    log.info(4, 'asked the git server', { repository: upstream.name, refs: wanted.size });
  }

  async #checkMirror(signal: AbortSignal): Promise<void> {
    const { mirror, log, upstream } = this.#options;
    this.#isSuspect = false;
    if (await mirror.isSound(signal)) return;
    log.warn('the mirror is damaged; it is fetched again', { repository: upstream.name });
    this.#known = false;
    await mirror.discard();
  }

  async #update(before: Refs, wanted: Refs, asOf: number): Promise<void> {
    const { remote, upstream, budget, mirror, clock, log, onChange } = this.#options;
    if (remote.costs) await budget.take(upstream.host, this.#stopping.signal);
    const limit = deadline(this.#stopping.signal, LONGEST_UPDATE_MS);
    const startedAt = clock.monotonic();
    try {
      await mirror.update(wanted, remote.source, limit.signal);
    } finally {
      limit.dispose();
    }
    this.#known = true;
    this.#asOf = asOf;
    const changes = changesBetween(before, mirror.refs);
    if (changes.length === 0) return;
    const ms = Math.round(clock.monotonic() - startedAt);
    const [{ ref, to } = { ref: '', to: undefined }] = changes.filter((change) => change.ref !== 'HEAD');
    log.info(0, 'mirrored', { repository: upstream.name, changes: changes.length, ref, hash: to?.oid, ms });
    onChange(changes);
  }

  /** HEAD is passed on where it shows what one of the others does. */
  #covered(refs: readonly AdvertisedRef[]): Refs {
    const { covers } = this.upstream;
    const covered = new Map(refs.filter(({ name }) => covers(name)).map((ref) => [ref.name, ref]));
    const head = refs.find(({ name }) => name === 'HEAD');
    const isShown = head && [...covered.values()].some(({ oid }) => oid === head.oid);
    if (!head || !isShown) return covered;
    const { symref, ...detached } = head;
    return covered.set('HEAD', symref !== undefined && covered.has(symref) ? head : detached);
  }
}
