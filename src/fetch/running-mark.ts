import { readFile } from 'node:fs/promises';
import { messageOf, systemCode } from '../model/error.ts';
import type { Below } from '../platform/below.ts';
import { createBelow, removeFileBelow, writeBelow } from '../platform/files-below.ts';
import type { Logger } from '../platform/log.ts';

/** The file that says: a process works on the repository. One that is still there at a start shows an unclean end. */
export class RunningMark {
  readonly #place: Below & { readonly path: string };
  readonly #log: Logger;

  constructor(place: Below & { readonly path: string }, log: Logger) {
    this.#place = place;
    this.#log = log;
  }

  async isThere(): Promise<boolean> {
    return (await readFile(this.#place.path).catch(() => undefined)) !== undefined;
  }

  /** @returns true when there was one */
  async make(): Promise<boolean> {
    const content = `${process.pid}\n`;
    try {
      await createBelow(this.#place, content, { make: 0o777, mode: 0o666 });
      return false;
    } catch (error) {
      const wasThere = systemCode(error) === 'EEXIST';
      const failure = wasThere
        ? await writeBelow(this.#place, content, { mode: 0o666 }).catch((other: unknown) => other)
        : error;
      if (failure) this.#log.warn(`the mark of a running process could not be made: ${messageOf(failure)}`);
      return wasThere;
    }
  }

  async remove(): Promise<void> {
    try {
      await removeFileBelow(this.#place);
    } catch (error) {
      this.#log.warn(`the mark of a running process could not be removed: ${messageOf(error)}`);
    }
  }
}
