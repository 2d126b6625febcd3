import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Below, inParent } from '../../../platform/below.ts';
import { removeFileBelow } from '../../../platform/files-below.ts';
import { Stretch } from './stretch.ts';

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

/** Grants memory and disk to spools. What was taken is given back when the spool is gone, not before. */
export interface SpoolRoom {
  takeMemory(bytes: number): boolean;
  takeDisk(bytes: number): boolean;
  giveBack(memory: number, disk: number): void;
  /** @returns true when there may be room now */
  onWriteFailure(error: unknown): Promise<boolean>;
  /** From here on the spool keeps nothing. @throws when that cannot be allowed */
  onFlow(spool: Spool): void;
}

/** A kernel takes so much of an answer at once. */
const SMALL_BYTES = 64 * 1024;

const UNBOUNDED: SpoolRoom = {
  takeMemory: () => true,
  takeDisk: () => true,
  giveBack: () => undefined,
  onWriteFailure: async () => false,
  onFlow: () => undefined,
};

export interface SpoolOptions {
  /** Of the file, which is made when it is needed. */
  readonly path: string;
  /** The trusted directory that it lies in, however deep. Default: its own. */
  readonly root?: string;
  readonly mostInMemory: number;
  readonly room?: SpoolRoom;
  /** A client began or stopped reading. */
  readonly onReaders?: (readers: number) => void;
}

/**
 * Bytes that are written once, and that many clients read while they come: the beginning in memory, the rest in a file.
 * Where there is no room left, the rest is passed to the clients that read at that moment, at the pace of the slowest,
 * and is not kept.
 */
export class Spool {
  readonly #place: Below;
  readonly #options: SpoolOptions;
  readonly #room: SpoolRoom;
  readonly #chunks: Buffer[] = [];
  #head: string | undefined;
  #inMemory = 0;
  #onDisk = 0;
  /** Of what was written to disk: a reader that gets other bytes must not take them for the answer. */
  #checksum = 0;
  #file: Promise<FileHandle> | undefined;
  #stretch: Stretch | undefined;
  #state: 'growing' | 'whole' | 'failed' = 'growing';
  #failure: unknown;
  #waiting: (() => void)[] = [];
  readonly #readers = new Set<{ at: number }>();
  #isDisposed = false;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#place = { root: options.root ?? dirname(options.path), path: options.path };
    this.#room = options.room ?? UNBOUNDED;
  }

  /** Bytes that it holds, in memory and on disk. */
  get size(): number {
    return this.#inMemory + this.#onDisk;
  }

  get inMemory(): number {
    return this.#inMemory;
  }

  get onDisk(): number {
    return this.#onDisk;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /**
   * All of it in one piece, for an answer that is complete, small and in memory; undefined for any other one. Who takes
   * it is no reader, so the bytes may stay in memory a little longer than the spool.
   */
  get small(): Buffer | undefined {
    const isAtHand = this.#state === 'whole' && this.#onDisk === 0 && !this.#isDisposed;
    if (!isAtHand || this.#inMemory > SMALL_BYTES) return undefined;
    // A reader counts chunks.
    if (this.#chunks.length > 1 && this.#readers.size === 0)
      this.#chunks.splice(0, this.#chunks.length, Buffer.concat(this.#chunks));
    return this.#chunks.length === 1 ? this.#chunks[0] : undefined;
  }

  /** The first bytes, as text. */
  get head(): string {
    return this.#head ?? '';
  }

  get isGrowing(): boolean {
    return this.#state === 'growing';
  }

  /** A client that comes now gets all of it. */
  get isJoinable(): boolean {
    return this.#state !== 'failed' && !this.#stretch && !this.#isDisposed;
  }

  get failure(): unknown {
    return this.#failure;
  }

  /** Where there is no room, it waits for the readers. @throws what {@link SpoolRoom.onFlow} throws; it has failed then */
  async append(chunk: Buffer): Promise<void> {
    this.#head ??= chunk.toString('latin1', 0, 16);
    if (!this.#stretch) {
      if (this.#keep(chunk) || (await this.#store(chunk))) {
        this.#wake();
        return;
      }
      this.#beginToFlow();
    }
    this.#stretch?.push(chunk);
    this.#wake();
    while (this.#state === 'growing' && this.#stretch?.isFull) await this.#change();
  }

  /** All of it is there. What failed before stays failed: no client takes a part for the whole. */
  finish(): void {
    if (this.#state === 'growing') this.#state = 'whole';
    this.#wake();
  }

  fail(error: unknown): void {
    if (this.#state === 'failed') return;
    this.#state = 'failed';
    this.#failure = error;
    this.#wake();
  }

  /**
   * The bytes from the first on, as they come.
   * @param signal fires when the reader has closed the connection
   * @throws what {@link fail} was given; at the end, when the disk did not give back what was written
   */
  async *read(signal?: AbortSignal): AsyncGenerator<Buffer> {
    const reader = { at: 0 };
    let checksum = 0;
    const wake = (): void => this.#wake();
    signal?.addEventListener('abort', wake, { once: true });
    this.#readers.add(reader);
    this.#options.onReaders?.(this.#readers.size);
    try {
      for (let index = 0; signal?.aborted !== true; ) {
        if (this.#state === 'failed') throw this.#failure;
        const chunk = await this.#next(reader.at, index);
        if (chunk) {
          if (reader.at >= this.#inMemory && reader.at < this.size) checksum = crc32(chunk, checksum);
          yield chunk;
          index += 1;
          reader.at += chunk.length;
          if (this.#stretch) this.#pass();
        } else if (this.#state === 'whole') {
          this.#compare(checksum);
          return;
        } else if (this.#state === 'growing') await this.#change();
      }
    } finally {
      signal?.removeEventListener('abort', wake);
      this.#readers.delete(reader);
      this.#pass();
      this.#options.onReaders?.(this.#readers.size);
      if (this.#isDisposed) await this.#remove();
    }
  }

  /** Drops the bytes as soon as no client reads them any more. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    await this.#remove();
  }

  /** @param index of the chunk, as long as they are in memory */
  async #next(at: number, index: number): Promise<Buffer | undefined> {
    if (at < this.#inMemory) return this.#chunks[index];
    if (at < this.size) {
      return await this.#readFile(at).catch((error: unknown) => {
        this.fail(error);
        throw error;
      });
    }
    return this.#stretch?.from(at);
  }

  /** Without the end that comes after this, no reader takes its bytes for whole. */
  #compare(checksum: number): void {
    if (checksum === this.#checksum) return;
    this.fail(new Error(`${this.#place.path} does not hold what was written to it`));
    throw this.#failure;
  }

  #keep(chunk: Buffer): boolean {
    const fits = this.#file === undefined && this.#inMemory + chunk.length <= this.#options.mostInMemory;
    if (!fits || !this.#room.takeMemory(chunk.length)) return false;
    this.#chunks.push(chunk);
    this.#inMemory += chunk.length;
    return true;
  }

  /** @returns false when the disk has no room for it */
  async #store(chunk: Buffer): Promise<boolean> {
    if (!this.#room.takeDisk(chunk.length)) return false;
    for (let isRepeated = false; ; isRepeated = true) {
      try {
        await this.#writeFile(chunk);
        this.#onDisk += chunk.length;
        this.#checksum = crc32(chunk, this.#checksum);
        return true;
      } catch (error) {
        if (!isRepeated && (await this.#room.onWriteFailure(error))) continue;
        this.#room.giveBack(0, chunk.length);
        return false;
      }
    }
  }

  async #writeFile(chunk: Buffer): Promise<void> {
    this.#file ??= this.#create();
    const file = await this.#file.catch((error: unknown) => {
      this.#file = undefined;
      throw error;
    });
    // A disk that is nearly full takes a part of it without an error.
    for (let done = 0; done < chunk.length; ) {
      const { bytesWritten } = await file.write(chunk, done, chunk.length - done, this.#onDisk + done);
      if (bytesWritten === 0) throw new Error(`nothing more can be written to ${this.#place.path}`);
      done += bytesWritten;
    }
  }

  async #readFile(at: number): Promise<Buffer> {
    const file = await this.#file;
    const buffer = Buffer.allocUnsafe(Math.min(64 * 1024, this.size - at));
    const { bytesRead } = (await file?.read(buffer, 0, buffer.length, at - this.#inMemory)) ?? { bytesRead: 0 };
    if (bytesRead === 0) throw new Error(`${this.#place.path} is shorter than it was`);
    return buffer.subarray(0, bytesRead);
  }

  #beginToFlow(): void {
    try {
      this.#room.onFlow(this);
    } catch (error) {
      this.fail(error);
      throw error;
    }
    this.#stretch = new Stretch(this.size);
  }

  /** What all readers have passed is forgotten. */
  #pass(): void {
    if (this.#stretch?.forget(Math.min(...[...this.#readers].map(({ at }) => at)))) this.#wake();
  }

  async #remove(): Promise<void> {
    if (this.#readers.size > 0 || this.#state === 'growing') return;
    const [memory, disk, opened] = [this.#inMemory, this.#onDisk, this.#file];
    this.#file = undefined;
    this.#chunks.length = 0;
    [this.#inMemory, this.#onDisk] = [0, 0];
    this.#room.giveBack(memory, disk);
    const file = await opened?.catch(() => undefined);
    await file?.close().catch(() => undefined);
    // What cannot be removed is removed by the next start, or kept; all its readers have had all of it.
    if (file) await removeFileBelow(this.#place).catch(() => undefined);
  }

  #create(): Promise<FileHandle> {
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    return inParent(this.#place, async (parent, name) => await open(parent.at(name), flags, 0o600));
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
