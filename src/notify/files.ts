import { mkdir, open, rm, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../model/error.ts';
import { writeFileAtomic } from '../platform/atomic-file.ts';
import type { LogRecord } from '../platform/log.ts';
import { visibleJson } from '../platform/visible-text.ts';

/** `--touch-file`: makes the file (0644) and its directories, or sets its time to now. */
export async function touchFile(path: string, now: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a', 0o644);
  await file.close();
  await utimes(path, now / 1000, now / 1000);
}

/** `--error-file`: holds the error of now, and is not there when there is none (compat.md 6). */
export class ErrorFile {
  readonly #path: string;
  #queue: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** Writes `{"Msg","Err","Args"}`; a failure to write is the caller's to log. */
  write(record: LogRecord): Promise<void> {
    const content = { Msg: record.message, Err: messageOf(record.error), Args: record.fields };
    return this.#then(() => writeFileAtomic(this.#path, visibleJson(content), { mode: 0o644 }));
  }

  /** Configuration errors are written as they are, in plain text. */
  writeText(text: string): Promise<void> {
    return this.#then(() => writeFileAtomic(this.#path, text, { mode: 0o644 }));
  }

  remove(): Promise<void> {
    return this.#then(() => rm(this.#path, { force: true }));
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    await this.#queue.catch(() => undefined);
  }

  /** One after the other, so that the file shows the last word. */
  #then(step: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.catch(() => undefined).then(step);
    return this.#queue;
  }
}
