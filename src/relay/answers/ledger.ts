import { join } from 'node:path';
import { readText } from '../../platform/atomic-file.ts';
import { writeBelow } from '../../platform/files-below.ts';
import type { Logger } from '../../platform/log.ts';
import { OneAtATime } from '../../platform/one-at-a-time.ts';
import { type Cursor, Marks } from './marks.ts';

/** The last status that a destination took of a commit of a ref. */
export interface LastStatus {
  readonly key: string;
  readonly digest: string;
}

interface StoredRef extends Cursor {
  readonly last?: LastStatus | undefined;
}

interface StoredDestination {
  /** Entries before this time are never delivered to it. */
  readonly since: number;
  readonly refs: Readonly<Record<string, StoredRef>>;
}

const FILE = 'answers.json';
const VERSION = 1;
/** Of one destination. */
const MOST_REFS = 10_000;
const NEVER = new AbortController().signal;

/** What one destination has got, by ref. */
export class DestinationLedger {
  readonly #since: number;
  readonly #stored: Map<string, StoredRef>;
  readonly #marks = new Map<string, Marks>();
  readonly #last = new Map<string, LastStatus>();

  constructor({ since, refs }: StoredDestination) {
    this.#since = since;
    this.#stored = new Map(Object.entries(refs));
    for (const [ref, { last }] of this.#stored) if (last) this.#last.set(ref, last);
  }

  marksOf(ref: string): Marks {
    const known = this.#marks.get(ref);
    if (known) return known;
    const { at, digest } = this.#stored.get(ref) ?? { at: this.#since, digest: '' };
    const marks = new Marks({ at, digest });
    this.#marks.set(ref, marks);
    return marks;
  }

  get last(): Iterable<LastStatus> {
    return this.#last.values();
  }

  setLast(ref: string, last: LastStatus): void {
    this.#last.set(ref, last);
  }

  toJSON(): StoredDestination {
    const all = new Map<string, StoredRef>(this.#stored);
    for (const [ref, { cursor }] of this.#marks) all.set(ref, { ...cursor, last: this.#last.get(ref) });
    // What is forgotten must not be delivered again.
    const newest = [...all].sort(([, a], [, b]) => b.at - a.at);
    const since = Math.max(this.#since, ...newest.slice(MOST_REFS).map(([, { at }]) => at));
    return { since, refs: Object.fromEntries(newest.slice(0, MOST_REFS)) };
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readRef(value: unknown): StoredRef | undefined {
  if (!isRecord(value) || typeof value.at !== 'number' || typeof value.digest !== 'string') return undefined;
  const { at, digest, last } = value;
  const isLast = isRecord(last) && typeof last.key === 'string' && typeof last.digest === 'string';
  return { at, digest, last: isLast ? { key: String(last.key), digest: String(last.digest) } : undefined };
}

function readDestination(value: unknown): StoredDestination | undefined {
  if (!isRecord(value) || typeof value.since !== 'number' || !isRecord(value.refs)) return undefined;
  const refs = Object.entries(value.refs).map(([ref, stored]) => [ref, readRef(stored)] as const);
  return refs.every(([, stored]) => stored !== undefined)
    ? { since: value.since, refs: Object.fromEntries(refs) as StoredDestination['refs'] }
    : undefined;
}

/**
 * What each destination has got is a place in the journal of each ref. The journals are kept with the rollouts, so
 * after a restart everything behind that place is delivered, and nothing before it.
 */
export class Ledger {
  readonly #root: string;
  readonly #log: Logger;
  readonly #destinations = new Map<string, DestinationLedger>();
  readonly #turns = new OneAtATime();
  #stored: Readonly<Record<string, unknown>> = {};
  #isFailing = false;

  /** @param root the directory that is trusted */
  constructor(root: string, log: Logger) {
    this.#root = root;
    this.#log = log;
  }

  /** A file that is damaged is as good as none: what was not delivered before is not delivered then. */
  async open(): Promise<void> {
    const text = await readText(join(this.#root, FILE));
    if (text === undefined) return;
    try {
      const { version, destinations } = JSON.parse(text) as Record<string, unknown>;
      if (version !== VERSION || !isRecord(destinations)) throw new Error('it is not what this release writes');
      this.#stored = destinations;
    } catch (error) {
      this.#log.error(error, 'it is not known which answers were delivered; what is pending from before is left out', {
        path: join(this.#root, FILE),
      });
    }
  }

  /** @param now since when it is there, in milliseconds since the epoch, if it is new */
  destination(id: string, now: number): DestinationLedger {
    const known = this.#destinations.get(id);
    if (known) return known;
    const ledger = new DestinationLedger(readDestination(this.#stored[id]) ?? { since: now, refs: {} });
    this.#destinations.set(id, ledger);
    return ledger;
  }

  /** The destination begins anew where its ledger stands: what was on its way is not in it. */
  reopen(id: string, now: number): DestinationLedger {
    const known = this.#destinations.get(id);
    if (known) this.#destinations.set(id, new DestinationLedger(known.toJSON()));
    return this.destination(id, now);
  }

  /** Forgets every destination that is none of `ids`. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#destinations.keys()) if (!ids.has(id)) this.#destinations.delete(id);
    this.#stored = {};
  }

  async save(): Promise<void> {
    try {
      await this.#turns.run(async () => {
        const text = `${JSON.stringify({ version: VERSION, destinations: Object.fromEntries(this.#destinations) })}\n`;
        await writeBelow({ root: this.#root, path: join(this.#root, FILE) }, text, { mode: 0o600 });
      }, NEVER);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing)
        this.#log.error(error, 'it cannot be noted which answers were delivered; some may come twice after a restart');
      this.#isFailing = true;
    }
  }
}
