const FIRST_BYTES = 4096;

/** Bytes that arrive in pieces. They are copied: a million tiny pieces would take far more memory than their bytes. */
export class GrowingBuffer {
  readonly #most: number;
  #room = Buffer.alloc(0);
  #size = 0;

  /** @param most bytes that it takes */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes that were added. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory that it takes: up to twice its size. */
  get held(): number {
    return this.#room.length;
  }

  /** The bytes so far, not a copy. */
  get content(): Buffer {
    return this.#room.subarray(0, this.#size);
  }

  /** @returns false when it would be too long; then nothing is added */
  add(chunk: Buffer): boolean {
    const size = this.#size + chunk.length;
    if (size > this.#most) return false;
    if (size > this.#room.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.#most, Math.max(FIRST_BYTES, this.#room.length * 2, size)));
      this.#room.copy(larger, 0, 0, this.#size);
      this.#room = larger;
    }
    chunk.copy(this.#room, this.#size);
    this.#size = size;
    return true;
  }
}
