import { messageOf, SidecarError } from '../model/error.ts';
import { bounded, settledWithin } from '../platform/bounded.ts';
import { deadline } from '../platform/deadline.ts';
import type { Finding, Verdict } from './finding.ts';

/** A check that was begun. Checks that need its result name it. */
export interface Check {
  readonly name: string;
  readonly verdict: Promise<Verdict>;
}

export interface CheckPlan {
  readonly name: string;
  readonly target: string;
  /** Where one of these failed, or was not tried, this one is not tried. */
  readonly after?: readonly (Check | undefined)[];
  /** Milliseconds that it may take; default 4000. */
  readonly limitMs?: number;
  /** What mends it where an error has no hint of its own. */
  readonly mend?: string;
  readonly look: (signal: AbortSignal) => Promise<Verdict> | Verdict;
}

export interface ExaminationOptions {
  /** Ends all checks. */
  readonly signal: AbortSignal;
  /** The hint of an error in the words of the configuration. */
  readonly hintOf: (error: SidecarError) => string;
  /** The unit of a document that the checks are about. */
  readonly unit?: string;
}

const LIMIT_MS = 4000;

/** Checks that run at the same time, as far as they do not need each other. */
export class Examination {
  readonly #options: ExaminationOptions;
  readonly #findings: Promise<Finding>[] = [];
  readonly #looks: Promise<unknown>[] = [];

  constructor(options: ExaminationOptions) {
    this.#options = options;
  }

  /** The hint of an error in the words of the configuration. */
  hintOf(error: SidecarError): string {
    return this.#options.hintOf(error);
  }

  check(plan: CheckPlan): Check {
    const { name, target } = plan;
    const { unit } = this.#options;
    const verdict = this.#judge(plan);
    this.#findings.push(
      verdict.then((found) => ({ check: name, ...(unit !== undefined && { unit }), target, ...found })),
    );
    return { name, verdict };
  }

  /** Each check's result, in the order in which they were begun. */
  async findings(): Promise<readonly Finding[]> {
    return await Promise.all(this.#findings);
  }

  /** Waits until what was given up has cleaned up too, at most so long. */
  async settled(ms: number): Promise<void> {
    await settledWithin(Promise.allSettled(this.#looks), ms);
  }

  async #judge({ after = [], limitMs = LIMIT_MS, look, mend }: CheckPlan): Promise<Verdict> {
    for (const before of after) {
      const found = await before?.verdict;
      const because = found?.mark === 'wrong' ? before?.name : found?.because;
      if (because !== undefined) return { mark: 'untried', reason: `not tried, because ${because} failed`, because };
    }
    const limit = deadline(this.#options.signal, limitMs);
    try {
      const looking = Promise.resolve(limit.signal).then(look);
      this.#looks.push(looking);
      return await bounded(looking, limit.signal);
    } catch (error) {
      return this.#failure(error, limit.signal.aborted ? limitMs : undefined, mend);
    } finally {
      limit.dispose();
    }
  }

  #failure(error: unknown, lateMs: number | undefined, mend = 'See the reason.'): Verdict {
    if (error instanceof SidecarError && lateMs === undefined)
      return { mark: 'wrong', reason: error.detail, mend: this.#options.hintOf(error) };
    const reason = lateMs === undefined ? messageOf(error) : `no result within ${lateMs / 1000} s`;
    return { mark: 'wrong', reason, mend };
  }
}
