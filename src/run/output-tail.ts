/** So many bytes are kept: more than a report has room for, since lines are cut to what can be shown. */
const MOST_BYTES = 16 * 1024;

/** The last bytes of what a process wrote. Lines are looked for only when somebody wants them. */
export class OutputTail {
  #chunks: Buffer[] = [];
  #size = 0;
  #isCut = false;

  take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size <= 2 * MOST_BYTES) return;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [Buffer.from(all.subarray(-MOST_BYTES))];
    this.#size = MOST_BYTES;
    this.#isCut = true;
  }

  /** The last `most` lines that are not empty. One whose beginning is not kept could begin in the middle of a secret. */
  lines(most: number): readonly string[] {
    const lines = Buffer.concat(this.#chunks)
      .toString()
      .split(/[\r\n]+/);
    const whole = this.#isCut ? lines.slice(1) : lines;
    return most === 0 ? [] : whole.filter((line) => line.trim() !== '').slice(-most);
  }
}
