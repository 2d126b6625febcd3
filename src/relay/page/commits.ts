import { readCommits } from './api.ts';
import type { State } from './state.ts';

/** Of one question. */
const MOST_ASKED = 60;
/** What is asked for together. */
const GATHER_MS = 30;

/** Asks for the subject and author of the commits that are shown, several together and each once. */
export class Commits {
  readonly #state: State;
  readonly #asked = new Set<string>();
  #wanted = new Map<string, Set<string>>();
  #isDue = false;

  constructor(state: State) {
    this.#state = state;
  }

  want(repository: string, oid: string): void {
    if (this.#state.commits.has(oid) || this.#asked.has(oid)) return;
    this.#asked.add(oid);
    const wanted = this.#wanted.get(repository) ?? new Set();
    wanted.add(oid);
    this.#wanted.set(repository, wanted);
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => void this.#ask(), GATHER_MS);
  }

  /** Somebody else is logged in. */
  forget(): void {
    this.#asked.clear();
  }

  async #ask(): Promise<void> {
    this.#isDue = false;
    const all = this.#wanted;
    this.#wanted = new Map();
    for (const [repository, oids] of all)
      for (let list = [...oids]; list.length > 0; list = list.slice(MOST_ASKED)) {
        // Without its subject a commit is shown by its id.
        const found = await readCommits(repository, list.slice(0, MOST_ASKED)).catch(() => ({}));
        this.#state.update(() => {
          for (const [oid, commit] of Object.entries(found)) this.#state.commits.set(oid, commit);
        });
      }
  }
}
