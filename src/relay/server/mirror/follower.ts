import { asSidecarError, SidecarError } from '../../../model/error.ts';
import type { Hint } from '../../../model/hint.ts';
import type { Oid } from '../../../model/oid.ts';
import type { AdvertisedRef } from '../../../model/ref.ts';
import { nextPause } from '../../../platform/backoff.ts';
import { inTurns } from '../../../platform/in-turns.ts';
import { Limited } from '../../../platform/limited.ts';
import { Together } from '../../../platform/together.ts';
import { WakeUps } from '../../../platform/wake-ups.ts';
import { Hints, type Shown } from '../../../poll/hints.ts';
import { type Refs, stepsBetween } from '../../protocol/refs.ts';
import type { Upstream } from '../access/allow.ts';
import { coveringSteps, shownBy } from '../streams/covered-refs.ts';
import { prepareRefs } from '../streams/prepare-refs.ts';
import { type RefView, refsIn } from '../streams/ref-view.ts';
import type { ChangeTimes } from './change-spans.ts';
import { type FollowerLimits, type FollowerOptions, LIMITS } from './follower-options.ts';
import type { Asker } from './host-budget.ts';
import type { CommitLine, Mirror } from './mirror.ts';
import { MirrorCare } from './mirror-care.ts';
import { MirrorReader } from './mirror-reader.ts';
import { ReleaseMarks } from './release-marks.ts';
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
  readonly #allowed: RefView;
  readonly #marks = new ReleaseMarks();
  readonly #reader: MirrorReader;
  readonly #care: MirrorCare;
  /** A whole fleet wants the same thing at the same time. */
  readonly #wanted = new Together<string, boolean>();
  /** On whose share of the budget the git server is asked. */
  payer: string;
  #isOpen = false;
  #known = false;
  #asOf = 0;
  #failures = 0;
  #trouble: SidecarError | undefined;
  #covered: { readonly of: readonly AdvertisedRef[]; readonly refs: Refs } | undefined;
  #done: Promise<void> | undefined;

  constructor(options: FollowerOptions) {
    const { signal } = this.#stopping;
    const { clock, watchdog } = options;
    this.#options = options;
    this.payer = options.payer;
    this.#limits = options.limits ?? LIMITS;
    this.#allowed = { id: 'allowed', shows: options.upstream.covers };
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
    this.#care = new MirrorCare({ ...read, clock, log: options.log, signal, onUnsound: () => this.wake() });
  }

  get upstream(): Upstream {
    return this.#options.upstream;
  }

  get mirror(): Mirror {
    return this.#options.mirror;
  }

  /** The refs that are passed on; empty until {@link isKnown}. */
  get refs(): Refs {
    return this.#known ? this.#marks.on(refsIn(this.mirror.refs, this.#allowed)) : new Map();
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

  /** Tips that are not passed on, by the names of their refs. */
  get refused(): ReadonlyMap<string, RefusedTip> {
    return this.#options.gate?.refused ?? NONE;
  }

  get requestsSent(): number {
    return this.#options.remote.requestsSent;
  }

  /** @param asOf when an earlier process last asked with success */
  async start(asOf: number): Promise<void> {
    this.#asOf = asOf;
    try {
      await this.#open();
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
    await this.#turns.until(() => this.#known || this.#trouble !== undefined, ms);
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
        await this.#open();
        await this.#ask();
        return undefined;
      } catch (failure) {
        const error = failure instanceof DOMException ? tooLong(failure) : asSidecarError(failure, 'follow');
        if (this.#stopping.signal.aborted || heals >= MOST_HEALS) return error;
        const isRenewed = error.is('refused') && heals === 0 && this.#options.remote.renewCredentials();
        if (!isRenewed && !(await this.#heal(error))) return error;
      }
    }
  }

  async #heal(error: SidecarError): Promise<boolean> {
    const isHealed = await this.#care.heal(error, this.#failures);
    if (!this.mirror.exists) this.#known = false;
    return isHealed;
  }

  get #asker(): Asker {
    return { owner: this.payer, repository: this.upstream.name };
  }

  #named(step: string): string {
    return `${this.upstream.name}: ${step}`;
  }

  /** Takes up the mirror as it is on disk; once. */
  async #open(): Promise<void> {
    if (this.#isOpen) return;
    const { mirror } = this.#options;
    const work = async (signal: AbortSignal) => await mirror.open(signal);
    this.#known = await this.#limited.run(this.#named('open the mirror'), this.#limits.open, work);
    if (!this.#known) this.#asOf = 0;
    this.#isOpen = true;
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
    const { remote, upstream, budget, mirror, gate, clock, log } = this.#options;
    await this.#care.discardIfUnsound(() => {
      this.#known = false;
    });
    if (remote.costs) await budget.take(upstream.host, this.#asker, this.#stopping.signal);
    const note = this.#options.noting?.begin();
    const asked = clock.now();
    const list = async (signal: AbortSignal) => await remote.list(upstream.questions, signal);
    const told = await this.#limited.run(this.#named('ask where the refs are'), this.#limits.ask, list);
    const covered = await this.#cover(told.refs);
    this.#marks.note(told.refs);
    if (covered.size === 0 && !this.#known) {
      const detail = 'it has no branch or tag that may be passed on';
      throw new SidecarError('ERR_REMOTE_REF', { op: 'follow', target: upstream.name, detail });
    }
    // All that the mirror has: what may no longer be passed on has to go.
    const before: Refs = this.#known ? mirror.refs : new Map();
    const wanted = gate ? await gate.withoutRefused(covered, before) : covered;
    if ((await inTurns(stepsBetween(before, wanted))).length > 0)
      await this.#bringAll(wanted, told.asOf, { asked, known: clock.now() });
    this.#requireSome();
    this.#known = true;
    this.#asOf = told.asOf;
    note?.(this.refs);
    log.info(4, 'asked the git server', { repository: upstream.name, refs: wanted.size });
  }

  /** The same map for the same list: there may be very many refs, and most of the time none has moved. */
  async #cover(told: readonly AdvertisedRef[]): Promise<Refs> {
    if (this.#covered?.of !== told)
      this.#covered = { of: told, refs: await inTurns(coveringSteps(told, this.upstream)) };
    return this.#covered.refs;
  }

  /** A repository of which nothing may be shown is not known: the first refusal says why. */
  #requireSome(): void {
    const { gate, mirror } = this.#options;
    const [first] = gate?.refused.values() ?? [];
    if (first && mirror.refs.size === 0) {
      this.#known = false;
      throw first.error;
    }
  }

  /** A first copy waits for a place; what is known already is brought up to date at once. */
  async #bringAll(wanted: Refs, asOf: number, times: Omit<ChangeTimes, 'mirrored'>): Promise<void> {
    const { copies, upstream } = this.#options;
    const { signal } = this.#stopping;
    const leave = this.#known ? undefined : await copies.enter(this.payer, upstream.name, signal);
    try {
      await this.#update(wanted, asOf, times);
    } finally {
      leave?.();
    }
  }

  async #update(wanted: Refs, asOf: number, times: Omit<ChangeTimes, 'mirrored'>): Promise<void> {
    const { remote, upstream, budget, mirror, clock, log, prepare, onChange } = this.#options;
    if (remote.costs) await budget.take(upstream.host, this.#asker, this.#stopping.signal);
    const startedAt = clock.monotonic();
    const shown = this.refs;
    const update = async (signal: AbortSignal) => await mirror.update(wanted, remote.source, signal);
    await this.#limited.run(this.#named('fetch what is new'), this.#limits.update, update);
    this.#requireSome();
    this.#known = true;
    this.#asOf = asOf;
    await prepareRefs(this.mirror.refs, this.#allowed);
    const changes = await inTurns(stepsBetween(shown, this.refs));
    if (changes.length === 0) return;
    await prepare(changes.length);
    const ms = Math.round(clock.monotonic() - startedAt);
    const [{ ref, to } = { ref: '', to: undefined }] = changes.filter((change) => change.ref !== 'HEAD');
    log.info(0, 'mirrored', { repository: upstream.name, changes: changes.length, ref, hash: to?.oid, ms });
    onChange(changes, { ...times, mirrored: clock.now() });
  }
}

/** A step that did not end in its time, whatever it waited for. */
function tooLong(cause: DOMException): SidecarError {
  return new SidecarError('ERR_REMOTE_UNREACHABLE', { op: 'follow', detail: 'no complete answer in time', cause });
}
