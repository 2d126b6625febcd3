import type { FetchRequest } from '../../../remote/wire/fetch-request.ts';
import type { Refs } from '../../protocol/refs.ts';
import type { PackQuestion } from './pack-question.ts';

/** What a question led to before: the bytes of its answer, or what git is asked in its place. */
export type Ready =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | {
      readonly kind: 'question';
      readonly question: Omit<PackQuestion, 'owner' | 'isToBlame'>;
      readonly request: FetchRequest;
    };

interface Entry {
  /** The refs that the client sees; they are never changed in place. */
  readonly refs: Refs;
  readonly ready: Ready;
  readonly size: number;
}

/** Of a question, and of an answer. What follows a branch needs a few hundred bytes. */
const LARGEST_QUESTION = 4096;
const LARGEST_ANSWER = 32 * 1024;
/** Of all of them together. */
const MOST_BYTES = 4 * 2 ** 20;
/** An entry takes about so much besides. */
const ENTRY_BYTES = 1024;

/**
 * Remembers what a question of certain bytes led to, as long as the refs are the same: a whole fleet sends the same
 * bytes after each push. Only what follows from the refs alone is remembered.
 */
export class ReadyAnswers {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** @param scope what besides the refs and the body decides: the repository, the protocol */
  find(scope: string, body: Buffer, refs: Refs): Ready | undefined {
    if (body.length > LARGEST_QUESTION) return undefined;
    const key = keyOf(scope, body);
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (entry.refs === refs) {
      this.#entries.set(key, entry);
      return entry.ready;
    }
    this.#bytes -= entry.size;
    return undefined;
  }

  keep(scope: string, body: Buffer, refs: Refs, ready: Ready): void {
    const bytes = ready.kind === 'bytes' ? ready.bytes.length : ready.question.body.length;
    if (body.length > LARGEST_QUESTION || bytes > LARGEST_ANSWER) return;
    const key = keyOf(scope, body);
    const size = key.length + bytes + ENTRY_BYTES;
    this.#drop(key);
    this.#entries.set(key, { refs, ready, size });
    this.#bytes += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= MOST_BYTES) return;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
  }
}

/** The exact bytes, not a digest of them. */
function keyOf(scope: string, body: Buffer): string {
  return `${scope}\n${body.toString('latin1')}`;
}
