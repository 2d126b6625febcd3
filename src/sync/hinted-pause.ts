import { SidecarError } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { WakeReason, WakeUps } from '../platform/wake-ups.ts';
import { Hints } from '../poll/hints.ts';
import type { RefChoice } from '../poll/ref-choice.ts';
import type { Tip } from '../poll/ref-source.ts';
import type { Perhaps } from './findings.ts';

/** The pause between cycles: it is over after its time, at a wake-up, or when it is time to ask again after a hint. */
export class HintedPause {
  readonly #hints: Hints;
  readonly #choice: RefChoice;
  /** What the remote showed in the last cycle that succeeded. */
  #tip: Tip | undefined;

  constructor(clock: Clock, wakeUps: WakeUps, choice: RefChoice) {
    this.#choice = choice;
    this.#hints = new Hints(clock, wakeUps);
  }

  /** @param ms the pause without hints */
  async after(result: Perhaps<'tip' | 'considered'> | SidecarError, ms: number): Promise<WakeReason> {
    const isFailure = result instanceof SidecarError;
    if (!isFailure && result.considered) this.#tip = { ...result.tip, ...result.considered };
    this.#hints.asked(isFailure ? undefined : this.#shown);
    // A relay can be behind the one that announced a commit; any other failure says that the remote needs time.
    return await this.#hints.wait(ms, this.#shown, isFailure && !result.is('no-ref'));
  }

  /**
   * A push to another branch is nothing to wait for; of HEAD we mostly know which branch it shows. A ref that is to be
   * followed instead of this one does not exist yet.
   */
  readonly #shown = (ref: string | undefined): readonly string[] | undefined => {
    if (!this.#tip) return [];
    const { oid, tagOid, ref: followed, symref } = this.#tip;
    const isAny = ref === undefined || (followed === 'HEAD' && symref === undefined);
    if (isAny || ref === followed || ref === symref) return [oid, ...(tagOid ? [tagOid] : [])];
    return this.#choice.isBefore(ref, followed) === false ? undefined : [];
  };
}
