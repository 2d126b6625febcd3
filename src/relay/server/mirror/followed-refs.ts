import { SidecarError } from '../../../model/error.ts';
import type { AdvertisedRef } from '../../../model/ref.ts';
import { inTurns } from '../../../platform/in-turns.ts';
import type { Limited } from '../../../platform/limited.ts';
import { type Refs, stepsBetween } from '../../protocol/refs.ts';
import { coveringSteps } from '../streams/covered-refs.ts';
import { prepareRefs } from '../streams/prepare-refs.ts';
import { type RefView, refsIn } from '../streams/ref-view.ts';
import type { ChangeTimes } from './change-spans.ts';
import type { FollowerLimits, FollowerOptions } from './follower-options.ts';
import type { Asker } from './host-budget.ts';
import type { MirrorCare } from './mirror-care.ts';
import { ReleaseMarks } from './release-marks.ts';

/** How each step of a turn is taken. */
export interface Steps {
  readonly limited: Limited;
  readonly limits: FollowerLimits;
  readonly care: MirrorCare;
  /** On whose share of the budget the git server is asked, at the moment. */
  readonly payer: () => string;
  /** Fires when nothing is followed any more. */
  readonly signal: AbortSignal;
}

/** Where the refs of a repository are, as the git server said it last, and the mirror that has what they point at. */
export class FollowedRefs {
  readonly #options: FollowerOptions;
  readonly #steps: Steps;
  readonly #allowed: RefView;
  readonly #marks = new ReleaseMarks();
  #isOpen = false;
  #known = false;
  #asOf = 0;
  #covered: { readonly of: readonly AdvertisedRef[]; readonly refs: Refs } | undefined;

  constructor(options: FollowerOptions, steps: Steps) {
    this.#options = options;
    this.#steps = steps;
    this.#allowed = { id: 'allowed', shows: options.upstream.covers };
  }

  /** Those that are passed on; empty until {@link isKnown}. */
  get refs(): Refs {
    return this.#known ? this.#marks.on(refsIn(this.#options.mirror.refs, this.#allowed)) : new Map();
  }

  get isKnown(): boolean {
    return this.#known;
  }

  /** When the git server last confirmed them; milliseconds since the epoch, 0 for never. */
  get asOf(): number {
    return this.#asOf;
  }

  /** The mirror has gone. */
  forget(): void {
    this.#known = false;
  }

  /** Takes up the mirror as it is on disk; once. @param asOf when an earlier process last asked with success */
  async open(asOf = this.#asOf): Promise<void> {
    if (this.#isOpen) return;
    this.#asOf = asOf;
    const { mirror } = this.#options;
    const work = async (signal: AbortSignal) => await mirror.open(signal);
    this.#known = await this.#steps.limited.run(this.#named('open the mirror'), this.#steps.limits.open, work);
    if (!this.#known) this.#asOf = 0;
    this.#isOpen = true;
  }

  /**
   * Asks once, and mirrors what is new.
   * @throws SidecarError why that was not possible; TimeoutError where a step did not end in its time
   */
  async ask(): Promise<void> {
    const { remote, upstream, budget, mirror, gate, clock, log } = this.#options;
    await this.#steps.care.discardIfUnsound(() => {
      this.#known = false;
    });
    if (remote.costs) await budget.take(upstream.host, this.#asker, this.#steps.signal);
    const note = this.#options.noting?.begin();
    const asked = clock.now();
    const list = async (signal: AbortSignal) => await remote.list(upstream.questions, signal);
    const told = await this.#steps.limited.run(this.#named('ask where the refs are'), this.#steps.limits.ask, list);
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
      this.#covered = { of: told, refs: await inTurns(coveringSteps(told, this.#options.upstream)) };
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
    const { signal } = this.#steps;
    const leave = this.#known ? undefined : await copies.enter(this.#asker.owner, upstream.name, signal);
    try {
      await this.#update(wanted, asOf, times);
    } finally {
      leave?.();
    }
  }

  async #update(wanted: Refs, asOf: number, times: Omit<ChangeTimes, 'mirrored'>): Promise<void> {
    const { remote, upstream, budget, mirror, clock, log, prepare, onChange } = this.#options;
    if (remote.costs) await budget.take(upstream.host, this.#asker, this.#steps.signal);
    const startedAt = clock.monotonic();
    const shown = this.refs;
    const update = async (signal: AbortSignal) => await mirror.update(wanted, remote.source, signal);
    await this.#steps.limited.run(this.#named('fetch what is new'), this.#steps.limits.update, update);
    this.#requireSome();
    this.#known = true;
    this.#asOf = asOf;
    await prepareRefs(this.#options.mirror.refs, this.#allowed);
    const changes = await inTurns(stepsBetween(shown, this.refs));
    if (changes.length === 0) return;
    await prepare(changes.length);
    const ms = Math.round(clock.monotonic() - startedAt);
    const [{ ref, to } = { ref: '', to: undefined }] = changes.filter((change) => change.ref !== 'HEAD');
    log.info(0, 'mirrored', { repository: upstream.name, changes: changes.length, ref, hash: to?.oid, ms });
    onChange(changes, { ...times, mirrored: clock.now() });
  }

  get #asker(): Asker {
    return { owner: this.#steps.payer(), repository: this.#options.upstream.name };
  }

  #named(step: string): string {
    return `${this.#options.upstream.name}: ${step}`;
  }
}
