import { lstat } from 'node:fs/promises';
import { messageOf } from '../model/error.ts';
import { removeFileBelow, touchBelow, writeBelow } from '../platform/files-below.ts';
import type { LogRecord } from '../platform/log.ts';
import { openUserPlace, USER_WALK } from '../platform/user-place.ts';
import { visibleJson } from '../platform/visible-text.ts';

/** `--touch-file`: makes the file (0644) and its directories, or sets its time to now. A symlink in its place is replaced. */
export async function touchFile(root: string, path: string, now: number): Promise<void> {
  await touchBelow(await openUserPlace(root, path), new Date(now), USER_WALK);
}

/** `--error-file`: holds the error of now, and is not there when there is none (compat.md 6). A symlink in its place is replaced. */
export class ErrorFile {
  readonly #root: string;
  readonly #path: string;
  #queue: Promise<void> = Promise.resolve();

  constructor(root: string, path: string) {
    this.#root = root;
    this.#path = path;
  }

  /** Writes `{"Msg","Err","Args"}`; a failure to write is the caller's to log. */
  write(record: LogRecord): Promise<void> {
    const content = { Msg: record.message, Err: messageOf(record.error), Args: record.fields };
    return this.#write(visibleJson(content));
  }

  /** Configuration errors are written as they are, in plain text. */
  writeText(text: string): Promise<void> {
    return this.#write(text);
  }

  remove(): Promise<void> {
    return this.#then(async () => {
      if (await this.#isThere()) await removeFileBelow(await openUserPlace(this.#root, this.#path), USER_WALK);
    });
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    await this.#queue.catch(() => undefined);
  }

  #write(text: string): Promise<void> {
    return this.#then(async () => await writeBelow(await openUserPlace(this.#root, this.#path), text, USER_WALK));
  }

  async #isThere(): Promise<boolean> {
    return await lstat(this.#path).then(
      () => true,
      () => false,
    );
  }

  /** One after the other, so that the file shows the latest error. */
  #then(step: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.catch(() => undefined).then(step);
    return this.#queue;
  }
}
