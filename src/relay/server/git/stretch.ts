/** Bytes of one that flows past its readers, in memory: git waits while this much has not gone by. */
const MOST_BYTES = 256 * 1024;

/** The part of a stream that its slowest reader has still to take. */
export class Stretch {
  readonly #chunks: Buffer[] = [];
  /** Where in the stream the first of them begins. */
  #start: number;
  #size = 0;

  constructor(start: number) {
    this.#start = start;
  }

  get isFull(): boolean {
    return this.#size > MOST_BYTES;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  /**
   * The bytes from `at` on, as far as they are in one piece; undefined when they have not come.
   * @throws Error when they were forgotten, so that later bytes are not taken for them
   */
  from(at: number): Buffer | undefined {
    let start = this.#start;
    if (at < start) throw new Error(`the bytes from ${at} on are gone; what is left begins at ${start}`);
    for (const chunk of this.#chunks) {
      if (at < start + chunk.length) return chunk.subarray(at - start);
      start += chunk.length;
    }
    return undefined;
  }

  /** What comes before `at` is no longer needed. @returns whether anything was forgotten */
  forget(at: number): boolean {
    let isLess = false;
    for (let [first] = this.#chunks; first && this.#start + first.length <= at; [first] = this.#chunks) {
      this.#chunks.shift();
      this.#start += first.length;
      this.#size -= first.length;
      isLess = true;
    }
    return isLess;
  }
}
