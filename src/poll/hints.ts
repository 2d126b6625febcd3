import type { Hint } from '../model/hint.ts';
import type { Clock } from '../platform/clock.ts';
import { RateLimit } from '../platform/rate-limit.ts';
import type { WakeReason, WakeUps } from '../platform/wake-ups.ts';

/**
 * The commits and tag objects that a ref shows; without a name, those of all refs that are followed. undefined: this
 * ref is not followed.
 */
export type Shown = (ref: string | undefined) => readonly string[] | undefined;

interface Followed extends Hint {
  /** What the ref showed when the hint came. */
  readonly had: string;
  /** On the monotonic clock. */
  readonly since: number;
  tries: number;
  nextAt: number;
}

const FIRST_PAUSE_MS = 500;
const GROWTH = 1.5;
const LONGEST_PAUSE_MS = 10_000;
/** How long we wait for a commit that was named: replicas of git servers are seconds behind, seldom a minute. */
const NAMED_MS = 120_000;
/** A hint that names no commit may be about nothing new. */
const UNNAMED_MS = 7000;
/** Questions beside the first one that hints may cost, however many come: so many at once, and then one every 10 s. */
const MOST_AT_ONCE = 20;
const A_SECOND = 0.1;
/** Commits named earlier that are remembered. */
const MOST_REMEMBERED = 256;

const asText = (tips: readonly string[]): string => [...tips].sort().join(' ');

/**
 * Follows hints until they come true. A git server answers from replicas and caches, so the first question after a
 * notification can get the old ref. The server is asked again with growing pauses until the ref shows the commit that
 * was named, or something newer than what we had; for a limited time, and within a budget of requests. The order in
 * which hints come makes no difference.
 */
export class Hints {
  readonly #clock: Clock;
  readonly #wakeUps: WakeUps;
  readonly #budget: RateLimit;
  #followed: Followed[] = [];
  /** Commits that were named, and what the ref showed before them, as far as the hints said it. */
  readonly #named = new Map<string, string | undefined>();
  /** Commits that never came. */
  readonly #givenUp = new Set<string>();

  constructor(clock: Clock, wakeUps: WakeUps) {
    this.#clock = clock;
    this.#wakeUps = wakeUps;
    this.#budget = new RateLimit(clock, MOST_AT_ONCE, A_SECOND);
  }

  /** The server was asked, after all hints that {@link wait} took; `shown` is its answer, undefined when it gave none. */
  asked(shown: Shown | undefined): void {
    const now = this.#clock.monotonic();
    if (shown) this.#followed = this.#followed.filter((hint) => !this.#isTrue(hint, shown));
    for (const hint of this.#followed) {
      hint.nextAt = now + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * GROWTH ** hint.tries);
      hint.tries += 1;
    }
    this.#followed = this.#followed.filter((hint) => !this.#isOver(hint, now));
  }

  /**
   * Waits `ms`, or until a wake-up, or until it is time to ask again because of a hint.
   * @param shown what the server answered last
   * @param isRefused it gave no answer: it is not asked sooner because of a hint that came earlier
   */
  async wait(ms: number, shown: Shown, isRefused = false): Promise<WakeReason> {
    this.#take(shown);
    const pause = isRefused ? ms : Math.min(ms, this.#untilNext());
    const reason = await this.#wakeUps.wait(pause);
    if (reason === 'period' && pause < ms) this.#budget.take();
    this.#take(shown);
    return reason;
  }

  #untilNext(): number {
    if (this.#followed.length === 0) return Number.POSITIVE_INFINITY;
    const due = Math.min(...this.#followed.map(({ nextAt }) => nextAt)) - this.#clock.monotonic();
    return Math.max(0, due, this.#budget.waitMs);
  }

  #take(shown: Shown): void {
    for (const hint of this.#wakeUps.takeHints()) {
      const { ref, to } = hint;
      const tips = shown(ref);
      if (!tips) continue;
      const isFollowed = this.#followed.some((each) => each.to === to && each.ref === ref);
      if (to !== undefined) this.#remember(to, hint.from);
      if (isFollowed || (to !== undefined && (tips.includes(to) || this.#givenUp.has(to)))) continue;
      const since = this.#clock.monotonic();
      this.#followed.push({ ...hint, had: asText(tips), since, tries: 0, nextAt: since });
    }
  }

  #remember(to: string, from: string | undefined): void {
    const before = from ?? this.#named.get(to);
    this.#named.delete(to);
    this.#named.set(to, before);
    const [oldest] = this.#named.keys();
    if (this.#named.size <= MOST_REMEMBERED || oldest === undefined) return;
    this.#named.delete(oldest);
    this.#givenUp.delete(oldest);
  }

  #isOver({ to, since }: Followed, now: number): boolean {
    const isOver = now - since >= (to === undefined ? UNNAMED_MS : NAMED_MS);
    if (isOver && to !== undefined) this.#givenUp.add(to);
    return isOver;
  }

  #isTrue({ ref, from, to, had }: Followed, shown: Shown): boolean {
    const tips = shown(ref);
    if (!tips || (to !== undefined && tips.includes(to))) return true;
    if (asText(tips) === had) return false;
    if (to === undefined || tips.some((tip) => this.#cameAfter(to, tip))) return true;
    // A commit other than the one we had is newer, unless it is on the way to the named one, or was named as well: then
    // we cannot know which of the two came last.
    return ref !== undefined && !tips.some((tip) => tip === from || this.#named.has(tip));
  }

  /** Whether `tip` came after `oid`, as far as hints said. */
  #cameAfter(oid: string, tip: string): boolean {
    let each = this.#named.get(tip);
    for (let steps = 0; each !== undefined && steps < MOST_REMEMBERED; steps += 1) {
      if (each === oid) return true;
      each = this.#named.get(each);
    }
    return false;
  }
}
