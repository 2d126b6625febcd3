import type { RepositoryName } from '../protocol/repository-name.ts';
import { type FleetMessage, type SeatedStream, splitChanges, streamKey } from './messages.ts';

/** The streams of this relay's own instances, and what of them the relay that decides does not know yet. */
export class LocalRoster {
  readonly #from: string;
  readonly #streams = new Map<string, SeatedStream>();
  readonly #changed = new Set<string>();
  #number = 0;
  #lists = 0;

  /** @param from the name of this relay */
  constructor(from: string) {
    this.#from = from;
  }

  set(stream: SeatedStream): void {
    const key = streamKey(stream.owner, stream.report.stream);
    this.#streams.set(key, stream);
    this.#changed.add(key);
  }

  of(owner: string, stream: string): SeatedStream | undefined {
    return this.#streams.get(streamKey(owner, stream));
  }

  remove(owner: string, stream: string): void {
    const key = streamKey(owner, stream);
    if (this.#streams.delete(key)) this.#changed.add(key);
  }

  /** Who of a repository has to be shown something when everybody has. */
  ofRepository(name: RepositoryName): readonly SeatedStream[] {
    return [...this.#streams.values()].filter(({ repository }) => repository === name);
  }

  /** What changed since the last call; one message without changes where nothing did: it shows that we are here. */
  takeNews(largest: number): readonly FleetMessage[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    const set = changed.map((key) => this.#streams.get(key)).filter((each) => each !== undefined);
    const gone = changed.filter((key) => !this.#streams.has(key));
    return splitChanges(set, gone, largest).map((part) => ({ from: this.#from, number: this.#next(), ...part }));
  }

  /** All streams, which includes what changed. */
  takeAll(largest: number): readonly FleetMessage[] {
    this.#changed.clear();
    this.#lists += 1;
    const parts = splitChanges([...this.#streams.values()], [], largest);
    return parts.map((each, part) => {
      const all = { id: this.#lists, part, parts: parts.length };
      return { from: this.#from, number: this.#next(), ...each, all };
    });
  }

  #next(): number {
    this.#number += 1;
    return this.#number;
  }
}
