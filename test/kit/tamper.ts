/** What is done to one step: it never ends, it fails, or the kernel kills it (processes only). */
export type Fault = 'hangs' | 'fails' | 'is killed';

/**
 * Lets every step of some work through, but for one that a test chose. A step's name says where and what:
 * `fetch: fs readFile`. The first step of the name is the one.
 */
export class Tamper {
  /** Names of the steps since the last {@link arm}. */
  readonly seen = new Set<string>();
  /** The chosen step has come. */
  isHit = false;
  /** Where the work is: the beginning of a step's name; empty between cycles, when nothing is tampered with. */
  stage = '';
  #chosen: string | undefined;
  #fault: Fault | undefined;
  #let: () => void = () => undefined;
  #released: Promise<void> = Promise.resolve();

  arm(fault: Fault, name: string): void {
    this.release();
    this.seen.clear();
    this.#fault = fault;
    this.#chosen = name;
    this.isHit = false;
    this.#released = new Promise((resolve) => {
      this.#let = resolve;
    });
  }

  /** The cause is over: what hangs goes on, and everything works. */
  release(): void {
    this.#chosen = undefined;
    this.#let();
  }

  /** Resolves with {@link release}. */
  get released(): Promise<void> {
    return this.#released;
  }

  /** @returns what to do to this step; undefined: nothing */
  step(what: string): Fault | undefined {
    if (this.stage === '') return undefined;
    const name = `${this.stage}: ${what}`;
    this.seen.add(name);
    if (this.isHit || name !== this.#chosen) return undefined;
    this.isHit = true;
    return this.#fault;
  }
}
