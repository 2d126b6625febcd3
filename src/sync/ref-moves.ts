import type { RepositoryState } from '../fetch/state.ts';
import type { Revision } from '../model/revision.ts';
import type { Logger } from '../platform/log.ts';
import type { RefChoice } from '../poll/ref-choice.ts';

/** Logs what people do not expect of refs: a tag that moves, and a newest ref that is gone. Each once. */
export class RefMoves {
  #logged = '';

  /**
   * @param before what is published, and a later commit of which nothing had to be published
   * @param now what the remote has
   */
  note(
    before: Pick<RepositoryState, 'ref' | 'oid' | 'considered'>,
    now: Revision,
    choice: RefChoice,
    log: Logger,
  ): void {
    const { ref, oid, considered } = before;
    if (considered?.oid === now.oid && considered.published === oid) return;
    if (ref === undefined || oid === undefined || (ref === now.ref && oid === now.oid)) return;
    const what = `${ref} ${oid} ${now.ref} ${now.oid}`;
    if (what === this.#logged) return;
    this.#logged = what;
    const facts = { ref: now.ref, hash: now.oid, before: ref, before_hash: oid };
    if (ref === now.ref) {
      if (ref.startsWith('refs/tags/')) log.info(0, 'the tag has moved', facts);
    } else if (!choice.names) this.#noteOther(ref, now.ref, choice, log, facts);
  }

  #noteOther(
    before: string,
    now: string,
    choice: RefChoice,
    log: Logger,
    facts: Readonly<Record<string, string>>,
  ): void {
    const isNewer = choice.isBefore(now, before);
    if (!choice.covers(before)) log.info(0, 'the ref that is published no longer matches', facts);
    else if (isNewer === false) log.warn('going back: the ref that is published is gone', facts);
    else log.info(0, 'another ref is the newest', facts);
  }
}
