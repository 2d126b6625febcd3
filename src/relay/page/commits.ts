import type { CommitDocument } from '../browser/documents.ts';
import type { State } from './state.ts';

/** Of one question. */
const MOST_ASKED = 60;
/** What is asked for together. */
const GATHER_MS = 30;
/** Before what did not come is asked for again. */
const AGAIN_MS = 5000;
/** Answers without a commit: the relay may not have been able to read it just then. */
const MOST_ANSWERS = 3;

type Read = (repository: string, oids: readonly string[]) => Promise<Readonly<Record<string, CommitDocument>>>;

/** Asks for the subject and author of the commits that are shown, several together. */
export class Commits {
  readonly #state: State;
  readonly #read: Read;
  /** How often the relay has answered without it. */
  #answers = new Map<string, number>();
  #wanted = new Map<string, Set<string>>();
  #isDue = false;

  constructor(state: State, read: Read) {
    this.#state = state;
    this.#read = read;
  }

  want(repository: string, oid: string): void {
    if (this.#state.commits.has(oid) || this.#answers.has(oid)) return;
    this.#answers.set(oid, 0);
    this.#add(repository, [oid], GATHER_MS);
  }

  /** Somebody else is logged in. */
  forget(): void {
    this.#answers = new Map();
    this.#wanted = new Map();
  }

  #add(repository: string, oids: Iterable<string>, ms: number): void {
    const wanted = this.#wanted.get(repository) ?? new Set();
    for (const oid of oids) wanted.add(oid);
    this.#wanted.set(repository, wanted);
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => void this.#ask(), ms);
  }

  async #ask(): Promise<void> {
    const all = this.#wanted;
    this.#wanted = new Map();
    this.#isDue = false;
    for (const [repository, oids] of all)
      for (let list = [...oids]; list.length > 0; list = list.slice(MOST_ASKED))
        await this.#askFor(repository, list.slice(0, MOST_ASKED));
  }

  async #askFor(repository: string, oids: readonly string[]): Promise<void> {
    const answers = this.#answers;
    const found = await this.#read(repository, oids).catch(() => undefined);
    // Somebody else is logged in meanwhile.
    if (answers !== this.#answers) return;
    if (found)
      this.#state.update(() => {
        for (const [oid, commit] of Object.entries(found)) this.#state.commits.set(oid, commit);
      });
    const missing = oids.filter((oid) => !found || !Object.hasOwn(found, oid));
    if (found) for (const oid of missing) answers.set(oid, (answers.get(oid) ?? 0) + 1);
    const again = missing.filter((oid) => (answers.get(oid) ?? 0) < MOST_ANSWERS);
    if (again.length > 0) this.#add(repository, again, AGAIN_MS);
  }
}
