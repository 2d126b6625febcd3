import type { SidecarError } from '../../../model/error.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';

interface Absence {
  readonly error: SidecarError;
  readonly tries: number;
  /** When the git server may be asked again, on the monotonic clock. */
  readonly until: number;
}

/** Names that are remembered; of more, those that were asked for last. */
const MOST = 10_000;
const GROWTH = 2;
const LONGEST_PAUSE_MS = 60_000;

/** There is nothing here to follow; of an upstream that fails in another way we go on asking. */
export function isAbsence({ facts }: SidecarError): boolean {
  return facts.absence === true;
}

/** Repositories that a git server did not have when it was asked, so that it is not asked again at once. */
export class Absences {
  readonly #clock: Clock;
  readonly #firstPauseMs: number;
  /** The one asked for longest ago first. */
  readonly #absences = new Map<RepositoryName, Absence>();

  constructor(clock: Clock, firstPauseMs: number) {
    this.#clock = clock;
    this.#firstPauseMs = firstPauseMs;
  }

  get size(): number {
    return this.#absences.size;
  }

  note(name: RepositoryName, error: SidecarError): void {
    const tries = (this.#absences.get(name)?.tries ?? 0) + 1;
    const pause = Math.min(LONGEST_PAUSE_MS, this.#firstPauseMs * GROWTH ** Math.min(30, tries - 1));
    this.#absences.delete(name);
    this.#absences.set(name, { error, tries, until: this.#clock.monotonic() + pause });
    const [oldest] = this.#absences.keys();
    if (this.#absences.size > MOST && oldest !== undefined) this.#absences.delete(oldest);
  }

  /**
   * Why there is nothing, and how long the git server is not asked again; undefined when the git server may be asked.
   */
  of(name: RepositoryName): { readonly error: SidecarError; readonly waitMs: number } | undefined {
    const absence = this.#absences.get(name);
    if (!absence) return undefined;
    const waitMs = absence.until - this.#clock.monotonic();
    if (waitMs <= 0) return undefined;
    this.#absences.delete(name);
    this.#absences.set(name, absence);
    return { error: absence.error, waitMs };
  }

  forget(name: RepositoryName): void {
    this.#absences.delete(name);
  }
}
