import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../platform/clock.ts';
import type { Principal } from '../server/access/access.ts';

/** A person who logged in with a token. */
interface Session {
  principal: Principal;
  /** On the clock that never jumps. */
  readonly until: number;
}

/** A working day: then the token is asked for again. */
const LIFE_MS = 12 * 3_600_000;
const MOST = 1000;
/** A token that is used by many persons leaves room to the others. */
const MOST_OF_ONE = 100;

const digestOf = (id: string): string => createHash('sha256').update(id).digest('base64url');

/**
 * Who is logged in. A session is a random name that the browser keeps, and here what its token may do; the token itself
 * is kept by neither. Sessions are in memory: a restart ends them.
 */
export class Sessions {
  readonly #clock: Clock;
  /** By the digest of their names, the oldest first. */
  readonly #sessions = new Map<string, Session>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** @returns the name of the session, which is a secret */
  open(principal: Principal): string {
    const own = [...this.#sessions].filter(([, session]) => session.principal.id === principal.id);
    const [oldestOwn] = own.length >= MOST_OF_ONE ? (own[0] ?? []) : [];
    if (oldestOwn !== undefined) this.#sessions.delete(oldestOwn);
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size < MOST) break;
      this.#sessions.delete(oldest);
    }
    const id = randomBytes(32).toString('base64url');
    this.#sessions.set(digestOf(id), { principal, until: this.#clock.monotonic() + LIFE_MS });
    return id;
  }

  /** The principal as the access file is now; undefined when there is no such session any more. */
  find(id: string): Principal | undefined {
    const key = digestOf(id);
    const session = this.#sessions.get(key);
    if (!session) return undefined;
    const now = this.#clock.monotonic() < session.until ? session.principal.renewed() : undefined;
    if (now) session.principal = now;
    else this.#sessions.delete(key);
    return now;
  }

  end(id: string): void {
    this.#sessions.delete(digestOf(id));
  }
}
