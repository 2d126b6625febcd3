import { messageOf } from '../../model/error.ts';
import type { Hint } from '../../model/hint.ts';
import type { Logger } from '../../platform/log.ts';
import { isSameRef, type Refs } from '../protocol/refs.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { Board, Watch } from './board.ts';

export interface BoardNoting {
  begin(): (refs: Refs) => void;
  close(): void;
}

export interface BoardNotingOptions {
  readonly board: Board;
  readonly repository: RepositoryName;
  /** The refs as this relay has them. */
  readonly refs: () => Refs;
  /** The board has a note that we do not have. */
  readonly onNews: (hint: Hint) => void;
  readonly log: Logger;
}

/** Notes on the board what a relay found out about one repository, and hears what others noted. */
export function noteOnBoard({ board, repository, refs, onNews, log }: BoardNotingOptions): BoardNoting {
  const watch = board.watch(repository, (name, noted) => {
    if (noted.ref && !isSameRef(noted.ref, refs().get(name))) onNews({ ref: name, to: noted.ref.oid });
  });
  // Only the last one: while NATS is unreachable there would be more and more.
  let next: { readonly after: Refs; readonly before: Watch['notes'] } | undefined;
  let isWriting = false;
  const write = async (): Promise<void> => {
    if (isWriting) return;
    isWriting = true;
    for (let job = next; job; job = next) {
      next = undefined;
      try {
        await board.note(repository, job.after, job.before);
      } catch (error) {
        log.warn('the note could not be written to NATS; it is tried again after the next poll', {
          repository,
          reason: messageOf(error),
        });
      }
    }
    isWriting = false;
  };
  return {
    begin: () => {
      const before = watch.notes;
      return (after) => {
        next = { after, before };
        void write();
      };
    },
    close: () => watch.close(),
  };
}
