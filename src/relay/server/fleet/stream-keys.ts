import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { KEY_HEADER } from '../../protocol/report.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';

/** What can be a key: too long to be guessed, and no text that somebody else could be made to send. */
const KEY = /^[A-Za-z0-9_-]{32,200}$/;

/** The digest of the key that a request shows; undefined where it shows none. Keys themselves are not kept. */
export function shownKey({ headers }: IncomingMessage): string | undefined {
  const key = headers[KEY_HEADER];
  if (typeof key !== 'string' || !KEY.test(key)) return undefined;
  return createHash('sha256').update(key).digest('base64url');
}

/** An instance of one repository. */
export interface Placed {
  readonly repository: RepositoryName;
  /** The id of the principal. */
  readonly owner: string;
  readonly instance: string;
}

const textOf = ({ repository, owner, instance }: Placed): string => `${repository}\n${owner}\n${instance}`;

/** The keys of open streams, by the instance that each is of. */
export class StreamKeys {
  readonly #byInstance = new Map<string, Map<string, number>>();

  /** A stream opened with a key. @returns what to do when it ends */
  open(placed: Placed, key: string): () => void {
    const instance = textOf(placed);
    const keys = this.#byInstance.get(instance) ?? new Map<string, number>();
    this.#byInstance.set(instance, keys);
    keys.set(key, (keys.get(key) ?? 0) + 1);
    return () => {
      const left = (keys.get(key) ?? 1) - 1;
      if (left > 0) keys.set(key, left);
      else keys.delete(key);
      if (keys.size === 0 && this.#byInstance.get(instance) === keys) this.#byInstance.delete(instance);
    };
  }

  /** Whether a request with this key may speak for the instance: no open stream of it has another key. */
  isOwn(placed: Placed, key: string | undefined): boolean {
    const keys = this.#byInstance.get(textOf(placed));
    return !keys || (key !== undefined && keys.has(key));
  }
}
