import type { JournalEntry } from '../rollout/journal.ts';

export type Outcome = 'completed' | 'halted' | 'aborted' | 'replaced' | 'reverted' | 'pinned' | 'under way';

/** One revision's way through the fleet. Times are milliseconds since the epoch. */
export interface Passage {
  readonly oid: string;
  readonly from: number;
  /** undefined: it is not over. */
  readonly to: number | undefined;
  readonly outcome: Outcome;
}

const ENDS: Readonly<Partial<Record<JournalEntry['what'], Outcome>>> = {
  completed: 'completed',
  halted: 'halted',
  aborted: 'aborted',
  replaced: 'replaced',
  reverted: 'reverted',
  pinned: 'pinned',
};

/**
 * What the journal says about whole rollouts.
 * @param journal the newest first, as the relay sends it
 * @returns the newest first
 */
export function passagesOf(journal: readonly JournalEntry[]): Passage[] {
  const passages: Passage[] = [];
  let open: { oid: string; from: number } | undefined;
  const close = (outcome: Outcome, to: number | undefined): void => {
    if (open) passages.push({ oid: open.oid, from: open.from, to, outcome });
    open = undefined;
  };
  for (const { what, at, oid } of [...journal].reverse()) {
    const last = passages.at(-1);
    if (what === 'started') {
      // One that all went back from begins again.
      if (open?.oid === oid) continue;
      close('replaced', at);
      open = oid === undefined ? undefined : { oid, from: at };
    } else if ((what === 'resumed' || what === 'promoted') && !open && last?.outcome === 'halted' && last.oid === oid) {
      open = passages.pop();
    } else {
      const outcome = ENDS[what];
      if (outcome !== undefined) close(outcome, at);
    }
  }
  close('under way', undefined);
  return passages.reverse();
}

/** Commits that a person may want to go back to, each once, the newest first. */
export function formerCommits(journal: readonly JournalEntry[], except: readonly (string | null)[]): string[] {
  const kinds: readonly JournalEntry['what'][] = ['completed', 'first', 'reverted', 'pinned'];
  const oids = journal.flatMap(({ what, oid }) => (kinds.includes(what) && oid !== undefined ? [oid] : []));
  return [...new Set<string>(oids)].filter((oid) => !except.includes(oid));
}
