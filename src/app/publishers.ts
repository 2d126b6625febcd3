import type { Publisher, RunFacts } from '../service/publisher.ts';

/** A publisher by its name: it stays the same while the service behind it is ended and opened again. */
class NamedPublisher implements Publisher {
  readonly #listeners = new Set<() => void>();
  #now: Publisher | undefined;
  /** What a run said last: a service that is opened again has not heard it. */
  #facts: RunFacts | undefined;

  attach(publisher: Publisher | undefined): void {
    this.#now = publisher;
    if (this.#facts) publisher?.reportRun?.(this.#facts);
    publisher?.onPublish(() => {
      for (const listener of this.#listeners) listener();
    });
  }

  onPublish(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get hasRelay(): boolean {
    return this.#now?.hasRelay ?? false;
  }

  async reported(): Promise<void> {
    await this.#now?.reported();
  }

  readonly reportRun = (facts: RunFacts): void => {
    this.#facts = facts;
    this.#now?.reportRun?.(facts);
  };
}

/** Those that publish in this process, for those that follow them. */
export class Publishers {
  readonly #byName = new Map<string, NamedPublisher>();

  /** The service of unit `name` is open, or open again. */
  attach(name: string, publisher: Publisher | undefined): void {
    this.#at(name).attach(publisher);
  }

  find(name: string): Publisher {
    return this.#at(name);
  }

  #at(name: string): NamedPublisher {
    const known = this.#byName.get(name) ?? new NamedPublisher();
    this.#byName.set(name, known);
    return known;
  }
}
