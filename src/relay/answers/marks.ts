import type { JournalEntry } from '../rollout/journal.ts';
import { digestOfEntry } from './rollout-event.ts';

/** A place in the journal of a ref: that of an entry. */
export interface Cursor {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Empty: that of no entry, but a time from which on entries are delivered. */
  readonly digest: string;
}

/** An entry of the journal, and how much of what it leads to is not delivered. */
export class Mark {
  readonly cursor: Cursor;
  #open: number;

  constructor(cursor: Cursor, open: number) {
    this.cursor = cursor;
    this.#open = open;
  }

  get isSettled(): boolean {
    return this.#open <= 0;
  }

  /** One thing is delivered, or given up. */
  settle(): void {
    this.#open -= 1;
  }
}

/** The entries behind `cursor`, the oldest first. When its entry has left the journal, its time decides. */
export function entriesAfter(journal: readonly JournalEntry[], { at, digest }: Cursor): readonly JournalEntry[] {
  const isIt = (entry: JournalEntry): boolean => entry.at === at && digestOfEntry(entry) === digest;
  if (digest === '') return journal.filter((entry) => entry.at >= at);
  const found = journal.findLastIndex(isIt);
  return found >= 0 ? journal.slice(found + 1) : journal.filter((entry) => entry.at > at);
}

/** Knows up to which entry of a journal everything is delivered, whatever the order in which that happens. */
export class Marks {
  #cursor: Cursor;
  #open: Mark[] = [];

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  /** The last entry before the first one of which something is open. */
  get cursor(): Cursor {
    this.#pass();
    return this.#cursor;
  }

  /** @param open how much has to be delivered because of the entry */
  add(entry: JournalEntry, open: number): Mark {
    const mark = new Mark({ at: entry.at, digest: digestOfEntry(entry) }, open);
    this.#open.push(mark);
    this.#pass();
    return mark;
  }

  #pass(): void {
    const first = this.#open.findIndex(({ isSettled }) => !isSettled);
    const passed = first < 0 ? this.#open : this.#open.slice(0, first);
    if (passed.length === 0) return;
    this.#cursor = passed.at(-1)?.cursor ?? this.#cursor;
    this.#open = this.#open.slice(passed.length);
  }
}
