import { readFile } from 'node:fs/promises';
import { messageOf } from '../../model/error.ts';
import type { Logger } from '../../platform/log.ts';

/** A secret that is read at each request, so that it can be changed without a restart. */
export class SecretFile {
  readonly #path: string;
  readonly #log: Logger;
  #trouble: string | undefined;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** @returns undefined when there is none; why is logged once, not at each request of a stranger */
  async read(): Promise<string | undefined> {
    try {
      const secret = (await readFile(this.#path, 'utf8')).trim();
      this.#trouble = undefined;
      return secret === '' ? undefined : secret;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== this.#trouble) this.#log.warn('the secret cannot be read', { path: this.#path, reason });
      this.#trouble = reason;
      return undefined;
    }
  }
}
