import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Below, inParent } from '../../platform/below.ts';
import { removeFileBelow } from '../../platform/files-below.ts';

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

/** Bytes that one writes once and many read while they come: the beginning in memory, more than that in a file. */
export class Spool {
  readonly #place: Below;
  readonly #mostInMemory: number;
  readonly #chunks: Buffer[] = [];
  #inMemory = 0;
  #size = 0;
  #file: Promise<FileHandle> | undefined;
  #state: 'growing' | 'whole' | 'failed' = 'growing';
  #failure: unknown;
  #waiting: (() => void)[] = [];
  #readers = 0;
  #isDisposed = false;

  /**
   * @param path of the file, which is made when it is needed
   * @param root the trusted directory that it lies in, however deep
   */
  constructor(path: string, mostInMemory: number, root = dirname(path)) {
    this.#place = { root, path };
    this.#mostInMemory = mostInMemory;
  }

  get size(): number {
    return this.#size;
  }

  get inMemory(): number {
    return this.#inMemory;
  }

  /** The first bytes, as text. */
  get head(): string {
    return this.#chunks[0]?.toString('latin1', 0, 16) ?? '';
  }

  get isGrowing(): boolean {
    return this.#state === 'growing';
  }

  get failure(): unknown {
    return this.#failure;
  }

  async append(chunk: Buffer): Promise<void> {
    if (this.#file === undefined && this.#inMemory + chunk.length <= this.#mostInMemory) {
      this.#chunks.push(chunk);
      this.#inMemory += chunk.length;
    } else {
      this.#file ??= this.#create();
      const file = await this.#file;
      await file.write(chunk, 0, chunk.length, this.#size - this.#inMemory);
    }
    this.#size += chunk.length;
    this.#wake();
  }

  finish(): void {
    this.#state = 'whole';
    this.#wake();
  }

  fail(error: unknown): void {
    this.#state = 'failed';
    this.#failure = error;
    this.#wake();
  }

  /** The bytes from the first on, as they come. @throws what {@link fail} was given */
  async *read(): AsyncGenerator<Buffer> {
    this.#readers += 1;
    try {
      let index = 0;
      let at = 0;
      for (;;) {
        if (this.#state === 'failed') throw this.#failure;
        const next = this.#chunks[index];
        if (next) {
          index += 1;
          at += next.length;
          yield next;
        } else if (at < this.#size) {
          const chunk = await this.#readFile(at);
          at += chunk.length;
          yield chunk;
        } else if (this.#state === 'whole') return;
        else await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      this.#readers -= 1;
      if (this.#isDisposed) await this.#remove();
    }
  }

  /** Lets go of the bytes as soon as nobody reads them any more. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    await this.#remove();
  }

  async #readFile(at: number): Promise<Buffer> {
    const file = await this.#file;
    const buffer = Buffer.allocUnsafe(Math.min(64 * 1024, this.#size - at));
    const { bytesRead } = (await file?.read(buffer, 0, buffer.length, at - this.#inMemory)) ?? { bytesRead: 0 };
    if (bytesRead === 0) throw new Error(`${this.#place.path} is shorter than it was`);
    return buffer.subarray(0, bytesRead);
  }

  async #remove(): Promise<void> {
    if (this.#readers > 0 || this.#state === 'growing' || !this.#file) return;
    const file = await this.#file;
    this.#file = undefined;
    await file.close();
    // What cannot be removed is removed by the next start, or kept; those who read it have had all of it.
    await removeFileBelow(this.#place).catch(() => undefined);
  }

  #create(): Promise<FileHandle> {
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    return inParent(this.#place, async (parent, name) => await open(parent.at(name), flags, 0o600));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
