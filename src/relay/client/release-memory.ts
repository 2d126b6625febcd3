import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectoryBelow, writeBelow } from '../../platform/files-below.ts';
import type { Logger } from '../../platform/log.ts';
import { asideDirectory } from '../../platform/make-way.ts';

/** Whether the relay released the ref by a policy when it was reached last. */
export interface Released {
  readonly was: boolean;
  note(isReleased: boolean): void;
}

/**
 * Remembers in the root that a relay releases the ref by a policy, for a start while no relay answers: the git server
 * is not asked then, because it knows nothing of the policy.
 */
export class ReleaseMemory implements Released {
  readonly #root: string;
  readonly #key: string;
  readonly #log: Logger;
  #isReleased = false;
  #last: Promise<void> = Promise.resolve();

  /** @param key what is followed, and through which relay */
  constructor(root: string, key: string, log: Logger) {
    this.#root = root;
    this.#key = key;
    this.#log = log;
  }

  get was(): boolean {
    return this.#isReleased;
  }

  get #path(): string {
    return join(asideDirectory(this.#root), 'released.json');
  }

  /** What an earlier process knew. Where that cannot be read, nothing is known, as in a new root. */
  async open(): Promise<void> {
    try {
      const { key } = JSON.parse(await readFile(this.#path, 'utf8')) as Record<string, unknown>;
      this.#isReleased = key === this.#key;
    } catch {
      this.#isReleased = false;
    }
  }

  note(isReleased: boolean): void {
    if (isReleased === this.#isReleased) return;
    this.#isReleased = isReleased;
    this.#last = this.#last.then(async () => await this.#write(isReleased ? this.#key : ''));
  }

  /** A failure costs the memory for the next start, and nothing else. */
  async #write(key: string): Promise<void> {
    try {
      await makeDirectoryBelow({ root: this.#root, path: asideDirectory(this.#root) });
      await writeBelow({ root: this.#root, path: this.#path }, `${JSON.stringify({ key })}\n`, {});
    } catch (error) {
      this.#log.error(error, 'it cannot be remembered that the relay releases this ref');
    }
  }
}
