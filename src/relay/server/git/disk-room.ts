import { statfs } from 'node:fs/promises';
import { isOfKind, messageOf, systemCode } from '../../../model/error.ts';
import type { Logger } from '../../../platform/log.ts';

export interface DiskRoomOptions {
  /** A directory on the volume. */
  readonly directory: string;
  readonly log: Logger;
  /** There is little room: what can be spared has to go. */
  readonly onLow: () => void;
}

/** Left for the mirrors: answers are only kept on disk while at least so much of the volume is free. */
const MOST_RESERVE = 256 * 2 ** 20;
const RESERVE_SHARE = 0.05;
/** With less than this even mirrors cannot be expected to go on. */
const MOST_NEEDED = 32 * 2 ** 20;
const NEEDED_SHARE = 0.01;

/** What is said of a volume, in bytes. */
interface Volume {
  readonly available: number;
  readonly size: number;
}

/** Knows how much room the volume of the relay has, from time to time and after a failed write. */
export class DiskRoom {
  readonly #options: DiskRoomOptions;
  #volume: Volume = { available: Number.POSITIVE_INFINITY, size: 0 };
  #failure: string | undefined;

  constructor(options: DiskRoomOptions) {
    this.#options = options;
  }

  /** Answers have no room on it. */
  get isLow(): boolean {
    const { available, size } = this.#volume;
    return this.#failure !== undefined || available < Math.min(MOST_RESERVE, size * RESERVE_SHARE);
  }

  /** Why nothing can be written; undefined while something can. */
  get trouble(): string | undefined {
    const { available, size } = this.#volume;
    if (this.#failure !== undefined) return this.#failure;
    if (available >= Math.min(MOST_NEEDED, size * NEEDED_SHARE)) return undefined;
    return `the volume of ${this.#options.directory} is full: ${Math.floor(available / 1024)} KiB are free`;
  }

  /** A write failed. Errors that say nothing about the disk are ignored. */
  note(error: unknown): void {
    const isFull = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'].includes(systemCode(error) ?? '');
    if (!isFull && !isOfKind(error, 'unwritable')) return;
    this.#report(`nothing can be written below ${this.#options.directory}: ${messageOf(error)}`);
  }

  /** Looks how much room there is now; a failure from before is over where there is enough. */
  async check(): Promise<void> {
    const { directory, onLow, log } = this.#options;
    const before = this.trouble;
    try {
      const { bavail, blocks, bsize } = await statfs(directory);
      this.#volume = { available: bavail * bsize, size: blocks * bsize };
    } catch (error) {
      this.#report(`the volume of ${directory} cannot be looked at: ${messageOf(error)}`);
      return;
    }
    this.#failure = undefined;
    if (this.isLow) onLow();
    const { trouble } = this;
    if (trouble !== undefined && before === undefined) log.warn(trouble);
    if (trouble === undefined && before !== undefined) log.info(0, 'the disk has room again', { path: directory });
  }

  #report(failure: string): void {
    const isNew = this.trouble === undefined;
    this.#failure = failure;
    this.#options.onLow();
    if (isNew) this.#options.log.warn(failure);
  }
}
