import { asSidecarError, SidecarError } from '../../../model/error.ts';
import type { Hint } from '../../../model/hint.ts';
import type { Oid } from '../../../model/oid.ts';
import { nextPause } from '../../../platform/backoff.ts';
import { Limited } from '../../../platform/limited.ts';
import { Together } from '../../../platform/together.ts';
import { WakeUps } from '../../../platform/wake-ups.ts';
import { Hints, type Shown } from '../../../poll/hints.ts';
import type { Refs } from '../../protocol/refs.ts';
import type { Upstream } from '../access/allow.ts';
import { shownBy } from '../streams/covered-refs.ts';
import { FollowedRefs } from './followed-refs.ts';
import { type FollowerLimits, type FollowerOptions, LIMITS } from './follower-options.ts';
import type { Mirror } from './mirror.ts';
import { MirrorCare } from './mirror-care.ts';
import type { CommitLine } from './mirror-commits.ts';
import { MirrorReader } from './mirror-reader.ts';
import type { RefusedTip } from './tip-gate.ts';
import { Turns } from './turns.ts';

/** Times a turn may be repeated at once because the cause of its failure was healed. */
const MOST_HEALS = 2;

const NONE: ReadonlyMap<string, RefusedTip> = new Map();

/** Follows one repository: asks where its refs are, mirrors what is new, then says what changed. */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #wakeUps: WakeUps;
  readonly #hints: Hints;
  readonly #turns: Turns;
  readonly #limited: Limited;
  readonly #stopping = new AbortController();
  readonly #limits: FollowerLimits;
  readonly #followed: FollowedRefs;
  readonly #reader: MirrorReader;
  readonly #care: MirrorCare;
  /** A whole fleet wants the same thing at the same time. */
  readonly #wanted = new Together<string, boolean>();
  /** On whose share of the budget the git server is asked. */
  payer: string;
  #failures = 0;
  #trouble: SidecarError | undefined;
  #done: Promise<void> | undefined;

  constructor(options: FollowerOptions) {
    const { signal } = this.#stopping;
    const { clock, watchdog } = options;
    this.#options = options;
    this.payer = options.payer;
    this.#limits = options.limits ?? LIMITS;
    this.#wakeUps = new WakeUps(clock);
    this.#hints = new Hints(clock, this.#wakeUps);
    this.#turns = new Turns({ clock, signal, hurry: () => this.wake() });
    this.#limited = new Limited({ signal, watchdog });
    const read = {
      mirror: options.mirror,
      repository: options.upstream.name,
      limited: this.#limited,
      limits: this.#limits,
    };
    this.#reader = new MirrorReader(read);
    this.#care = new MirrorCare({
      ...{ ...read, clock, log: options.log, signal },
      onUnsound: () => this.wake(),
      onGone: () => this.#followed.forget(),
    });
    this.#followed = new FollowedRefs(options, {
      limited: this.#limited,
      limits: this.#limits,
      care: this.#care,
      payer: () => this.payer,
      signal,
    });
  }

  get upstream(): Upstream {
    return this.#options.upstream;
  }

  get mirror(): Mirror {
    return this.#options.mirror;
  }

  /** The refs that are passed on; empty until {@link isKnown}. */
  get refs(): Refs {
    return this.#followed.refs;
  }

  get isKnown(): boolean {
    return this.#followed.isKnown;
  }

  /** When the git server last confirmed the refs; milliseconds since the epoch, 0 for never. */
  get asOf(): number {
    return this.#followed.asOf;
  }

  /** Why the git server cannot be asked; undefined while it can. */
  get trouble(): SidecarError | undefined {
    return this.#trouble;
  }

  /** Tips that are not passed on, by the names of their refs. */
  get refused(): ReadonlyMap<string, RefusedTip> {
    return this.#options.gate?.refused ?? NONE;
  }

  get requestsSent(): number {
    return this.#options.remote.requestsSent;
  }

  /** @param asOf when an earlier process last asked with success */
  async start(asOf: number): Promise<void> {
    try {
      await this.#followed.open(asOf);
    } catch (error) {
      this.#options.log.error(error, 'the mirror cannot be read yet', { repository: this.upstream.name });
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

  /** A hint that something may have moved. */
  wake(hint?: Hint): void {
    this.#wakeUps.wake('push', hint);
  }

  /**
   * git could not answer from the mirror what is in it. It is looked over, now and then at most and beside everything
   * else; only where something is wrong the loop hears of it.
   */
  suspect(): void {
    this.#care.suspect();
  }

  /**
   * A client wants what is not here. Asks the git server after now, once for all clients that want something, and at
   * most once a second: what they want may not exist.
   */
  async askForMissing(ms: number): Promise<void> {
    await this.#turns.nextForMissing(ms);
  }

  /**
   * A client wants a commit that is not here: another relay learned of it earlier. Asks the git server, again and again
   * where it does not show the commit yet, and within the budget that hints have.
   * @returns whether it came within `ms`
   */
  async bring(oid: string, ms: number): Promise<boolean> {
    return await this.#wanted.run(`bring ${oid}`, async () => await this.#bring(oid, ms));
  }

  async #bring(oid: string, ms: number): Promise<boolean> {
    const { clock } = this.#options;
    const end = clock.monotonic() + ms;
    this.#wakeUps.hint({ to: oid });
    void this.#turns.nextForMissing(ms);
    for (;;) {
      const before = this.mirror.refs;
      if (shownBy(this.refs, this.upstream, undefined)?.includes(oid)) return true;
      if (await this.has(oid)) return true;
      const left = end - clock.monotonic();
      if (left <= 0 || this.#stopping.signal.aborted) return false;
      await this.#turns.until(() => this.mirror.refs !== before, left);
    }
  }

  /** Commits that stay for clients that may see `ref`. */
  keep(ref: string, oids: readonly Oid[]): void {
    this.mirror.keep(ref, oids);
  }

  /** As {@link MirrorReader.trailersOf}. */
  async trailersOf(oid: Oid): Promise<Readonly<Record<string, string>>> {
    return await this.#reader.trailersOf(oid);
  }

  /** As {@link MirrorReader.describeCommits}. */
  async describeCommits(oids: readonly Oid[]): Promise<ReadonlyMap<Oid, CommitLine>> {
    return await this.#reader.describeCommits(oids);
  }

  /** As {@link MirrorReader.has}. */
  async has(oid: string): Promise<boolean> {
    return await this.#reader.has(oid);
  }

  /** Resolves when the git server was asked after now, with whatever result, or after `ms`. */
  async askNow(ms: number): Promise<void> {
    await this.#turns.next(ms);
  }

  /** Resolves when the refs are known or it is known why not, at the latest after `ms`. */
  async whenKnown(ms: number): Promise<void> {
    await this.#turns.until(() => this.isKnown || this.#trouble !== undefined, ms);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let first = true;
    while (!signal.aborted) {
      this.#turns.begin();
      const error = await this.#turn();
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
      this.#hints.asked(error ? undefined : this.#shown);
      // A replica, or a relay, can be behind the one that sent us the hint; any other failure says that it needs time.
      const isRefused = error !== undefined && !error.is('no-ref');
      if ((await this.#hints.wait(pause, this.#shown, isRefused)) === 'stop') break;
    }
  }

  readonly #shown: Shown = (ref) => shownBy(this.refs, this.upstream, ref);

  /** Asks once, and again at once where the cause of a failure could be removed. @returns why it failed */
  async #turn(): Promise<SidecarError | undefined> {
    for (let heals = 0; ; heals += 1) {
      try {
        await this.#followed.open();
        await this.#followed.ask();
        return undefined;
      } catch (failure) {
        const error = failure instanceof DOMException ? tooLong(failure) : asSidecarError(failure, 'follow');
        if (this.#stopping.signal.aborted || heals >= MOST_HEALS) return error;
        const isRenewed = error.is('refused') && heals === 0 && this.#options.remote.renewCredentials();
        if (!isRenewed && !(await this.#care.heal(error, this.#failures))) return error;
      }
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
      serving: this.isKnown,
    });
    onTrouble(error, before?.code !== error.code);
  }
}

/** A step that did not end in its time, whatever it waited for. */
function tooLong(cause: DOMException): SidecarError {
  return new SidecarError('ERR_REMOTE_UNREACHABLE', { op: 'follow', detail: 'no complete answer in time', cause });
}
