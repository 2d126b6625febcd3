import { asSidecarError, messageOf, SidecarError } from '../../model/error.ts';
import { bounded, settledWithin } from '../../platform/bounded.ts';
import type { Clock, Random } from '../../platform/clock.ts';
import { deadline } from '../../platform/deadline.ts';
import type { Logger } from '../../platform/log.ts';
import type { Identity, Obtained } from './identity.ts';
import { PartyFailure } from './party.ts';

export interface KeptTokenOptions {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Called after each question to the party. */
  readonly onRefresh: (success: boolean) => void;
  readonly limits?: KeptTokenLimits;
}

/** In milliseconds. */
export interface KeptTokenLimits {
  /** How long the party may take. */
  readonly ask: number;
  /** How long it is waited for while what is kept is still valid; then it goes on beside. */
  readonly patience: number;
}

const LIMITS: KeptTokenLimits = { ask: 30_000, patience: 1000 };
/** What is left of a token when another one is asked for: this share of its life, and no less than this time. */
const SPARE_SHARE = 0.2;
const LEAST_SPARE_MS = 30_000;
/** What nobody gave an end is asked for again after this time. */
const ENDLESS_MS = 300_000;
/** Share by which times vary, so that processes that were started together do not ask together. */
const JITTER = 0.1;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** A token that is younger was just given out: another one would be refused as well. */
const YOUNG_MS = 5000;
/** How long a party may take to hear what became of what it gave. */
const TELL_MS = 10_000;

interface Kept {
  readonly obtained: Obtained;
  /** Milliseconds on the monotonic clock. */
  readonly since: number;
  /** Milliseconds since the epoch. */
  readonly renewAt: number;
  isAccepted: boolean;
}

/** A question that is under way. */
interface Question {
  readonly answer: Promise<Obtained>;
  readonly giveUp: AbortController;
  waiting: number;
}

/** The last failure of the party, and when it may be asked again on the monotonic clock. */
interface Trouble {
  readonly error: SidecarError;
  readonly at: number;
  readonly until: number;
}

/**
 * Keeps what an identity obtained, for all who need it: asks for another one before it ends, one question at a time,
 * with growing pauses while the party fails. What is at hand is used as long as it is valid. What a git server refused is
 * forgotten.
 */
export class KeptToken {
  readonly #options: KeptTokenOptions;
  readonly #limits: KeptTokenLimits;
  #kept: Kept | undefined;
  #trouble: Trouble | undefined;
  #failures = 0;
  #question: Question | undefined;
  #telling: Promise<void> = Promise.resolve();

  constructor(options: KeptTokenOptions) {
    this.#options = options;
    this.#limits = options.limits ?? LIMITS;
  }

  /** @throws SidecarError ERR_REMOTE_CREDENTIAL_SOURCE when nothing valid is at hand and the party gives nothing */
  async get(signal: AbortSignal): Promise<Obtained> {
    const { clock } = this.#options;
    const kept = this.#kept;
    if (kept && clock.now() < kept.renewAt) return kept.obtained;
    const valid = kept && this.#isValid(kept) ? kept : undefined;
    const trouble = this.#trouble;
    if (trouble && clock.monotonic() < trouble.until) {
      if (valid) return valid.obtained;
      throw again(trouble, clock.monotonic());
    }
    if (!valid) return await this.#shared(signal);
    await settledWithin(this.#ask().answer, this.#limits.patience);
    return this.#kept?.obtained ?? valid.obtained;
  }

  /** Ends a question that is under way beside the work. */
  close(): void {
    this.#question?.giveUp.abort();
  }

  /** The git server accepted it. */
  accepted(): void {
    const kept = this.#kept;
    if (!kept || kept.isAccepted) return;
    kept.isAccepted = true;
    this.#tell('accepted', kept.obtained);
  }

  /**
   * The git server refused it: the next one who needs it gets another one.
   * @returns false where that would not help: nothing is kept, or it is too young
   */
  refused(): boolean {
    const { clock, identity, log } = this.#options;
    const kept = this.#kept;
    if (!kept || clock.monotonic() - kept.since < YOUNG_MS) return false;
    this.#kept = undefined;
    log.info(0, 'the git server refused the credential; another one is asked for', { identity: identity.name });
    this.#tell('refused', kept.obtained);
    return true;
  }

  #isValid({ obtained: { expiresAt } }: Kept): boolean {
    return expiresAt === undefined || this.#options.clock.now() < expiresAt;
  }

  /** One question for all who wait for its answer; it ends when none of them is left. */
  async #shared(signal: AbortSignal): Promise<Obtained> {
    const question = this.#ask();
    question.waiting += 1;
    try {
      return await bounded(question.answer, signal);
    } finally {
      question.waiting -= 1;
      if (question.waiting === 0) {
        this.#forget(question);
        question.giveUp.abort();
      }
    }
  }

  /** The question that is under way, or a new one. */
  #ask(): Question {
    if (this.#question) return this.#question;
    const giveUp = new AbortController();
    const question = { answer: this.#obtain(giveUp.signal), giveUp, waiting: 0 };
    this.#question = question;
    const forget = (): void => this.#forget(question);
    question.answer.then(forget, forget);
    return question;
  }

  #forget(question: Question): void {
    if (this.#question === question) this.#question = undefined;
  }

  async #obtain(signal: AbortSignal): Promise<Obtained> {
    const { identity, clock, onRefresh } = this.#options;
    await bounded(this.#telling, signal);
    const limit = deadline(signal, this.#limits.ask);
    const startedAt = clock.now();
    try {
      const obtained = await bounded(identity.obtain(limit.signal), limit.signal, 1000);
      this.#keep(obtained, startedAt);
      onRefresh(true);
      return obtained;
    } catch (cause) {
      // Nobody waits any more: that says nothing about the party.
      if (signal.aborted) throw cause;
      const error = limit.signal.aborted
        ? late(identity.name, this.#limits.ask, cause)
        : asSidecarError(cause, 'get a credential');
      onRefresh(false);
      this.#noteFailure(error);
      this.#warn(error);
      throw error;
    } finally {
      limit.dispose();
    }
  }

  #keep(obtained: Obtained, startedAt: number): void {
    const { clock, random } = this.#options;
    const life = obtained.expiresAt === undefined ? ENDLESS_MS : obtained.expiresAt - startedAt;
    const spare = obtained.expiresAt === undefined ? 0 : Math.max(life * SPARE_SHARE, LEAST_SPARE_MS);
    const early = (spare || life) * JITTER * random();
    const renewAt = startedAt + life - spare - early;
    this.#kept = { obtained, since: clock.monotonic(), renewAt, isAccepted: false };
    this.#failures = 0;
    this.#trouble = undefined;
  }

  /** While something valid is at hand, nobody else says that the party fails. */
  #warn(error: SidecarError): void {
    const { clock, identity, log } = this.#options;
    const kept = this.#kept;
    if (!kept || !this.#isValid(kept)) return;
    const { expiresAt } = kept.obtained;
    log.warn('the credential could not be renewed; it is used as long as it is valid', {
      identity: identity.name,
      reason: error.message,
      ...(expiresAt !== undefined && { seconds: Math.round((expiresAt - clock.now()) / 1000) }),
    });
  }

  /** What is wrong on this side, such as a file that is missing, may be mended at any moment. */
  #noteFailure(error: SidecarError): void {
    if (!(error instanceof PartyFailure)) return;
    const { clock, random } = this.#options;
    const grown = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    const pause = Math.max(grown * (1 - JITTER + 2 * JITTER * random()), error.retryAfterMs ?? 0);
    const at = clock.monotonic();
    this.#trouble = { error, at, until: at + pause };
  }

  /** Tells the party, after everything that it heard before; it never disturbs the sync. */
  #tell(what: 'accepted' | 'refused', obtained: Obtained): void {
    const { identity, log } = this.#options;
    if (!identity[what]) return;
    this.#telling = this.#telling.then(async () => {
      const limit = deadline(new AbortController().signal, TELL_MS);
      try {
        await identity[what]?.(obtained, limit.signal);
      } catch (error) {
        log.info(0, 'what became of the credential could not be passed on', {
          identity: identity.name,
          reason: messageOf(error),
        });
      } finally {
        limit.dispose();
      }
    });
  }
}

function late(name: string, ms: number, cause: unknown): SidecarError {
  if (cause instanceof PartyFailure) return cause;
  const hint = 'See whether it is reachable from here: `git-sidecar doctor` with the same options.';
  const detail = `no answer within ${ms / 1000} s`;
  return new PartyFailure({ party: name, target: 'its service', detail, cause, hint });
}

/** The same failure, for somebody who comes before the party is asked again. */
function again({ error, at, until }: Trouble, now: number): SidecarError {
  const { op, target, hint } = error;
  const [ago, left] = [now - at, until - now].map((ms) => Math.max(1, Math.round(ms / 1000)));
  return new SidecarError(error.code, {
    op,
    ...(target !== undefined && { target }),
    detail: `${error.detail} (asked ${ago} s ago; it is asked again in ${left} s)`,
    cause: error,
    hint,
    retryAfterMs: until - now,
  });
}
