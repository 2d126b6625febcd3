import type { Clock } from '../../platform/clock.ts';
import { FairQueue } from '../../platform/fair-queue.ts';

/** For whom a git server is asked. */
export interface Asker {
  /** Each gets the same share. */
  readonly owner: string;
  /** Those of one owner share what the owner gets. */
  readonly repository: string;
}

interface Account {
  /** When the next request may be sent, on the monotonic clock. */
  next: number;
  /** When it was last said that requests wait long. */
  saidAt: number | undefined;
  readonly waiting: FairQueue<() => void>;
  /** While somebody waits; ends the pause until the next request. */
  pause: AbortController | undefined;
}

const LONG_WAIT_MS = 5000;
const SAY_EVERY_MS = 10 * 60_000;

/**
 * So many requests a second for each git server, whoever of us asks. Those who wait get turns: one request for each
 * owner, then the next one of each, and within an owner so for its repositories. So the first request of an owner waits
 * for at most one request of each other owner that waits. A server that asks for time gets it from all of us.
 */
export class HostBudget {
  readonly #clock: Clock;
  readonly #onScarce: (host: string, waitMs: number) => void;
  readonly #intervalMs: number;
  readonly #burst: number;
  readonly #accounts = new Map<string, Account>();

  /**
   * @param perSecond requests; as many may also be sent at once after a pause
   * @param onScarce told now and then when requests wait long
   */
  constructor(clock: Clock, perSecond: number, onScarce: (host: string, waitMs: number) => void) {
    this.#onScarce = onScarce;
    this.#clock = clock;
    this.#intervalMs = 1000 / perSecond;
    this.#burst = Math.max(1, Math.floor(perSecond));
  }

  #account(host: string): Account {
    let account = this.#accounts.get(host);
    if (!account) {
      account = { next: 0, saidAt: undefined, waiting: new FairQueue(), pause: undefined };
      this.#accounts.set(host, account);
    }
    return account;
  }

  /** Resolves when a request may be sent, or when `signal` aborts. */
  async take(host: string, { owner, repository }: Asker, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const account = this.#account(host);
    const { waiting } = account;
    const now = this.#clock.monotonic();
    if (waiting.size === 0) {
      account.next = Math.max(account.next, now - (this.#burst - 1) * this.#intervalMs);
      if (account.next <= now) {
        account.next += this.#intervalMs;
        return;
      }
    }
    this.#saySo(host, account, owner);
    await new Promise<void>((resolve) => {
      const go = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        waiting.remove(owner, repository, go);
        if (waiting.size === 0) account.pause?.abort();
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      waiting.add(owner, repository, go);
      if (!account.pause) void this.#giveTurns(account);
    });
  }

  /** Nobody asks `host` before this many milliseconds have passed. */
  pause(host: string, ms: number): void {
    const account = this.#account(host);
    account.next = Math.max(account.next, this.#clock.monotonic() + ms);
  }

  async #giveTurns(account: Account): Promise<void> {
    const { waiting } = account;
    account.pause = new AbortController();
    while (waiting.size > 0) {
      const ms = account.next - this.#clock.monotonic();
      if (ms > 0) {
        account.pause = new AbortController();
        await this.#clock.sleep(ms, account.pause.signal);
        continue;
      }
      account.next += this.#intervalMs;
      waiting.next()?.item();
    }
    account.pause = undefined;
  }

  /** How long the request that comes now will wait: as many turns as it has before it in its owner, for each owner. */
  #saySo(host: string, account: Account, owner: string): void {
    const { waiting } = account;
    const now = this.#clock.monotonic();
    const own = waiting.of(owner);
    const rivals = waiting.owners - (own > 0 ? 1 : 0);
    const before = Math.min(waiting.size, own + (own + 1) * rivals);
    const ms = Math.max(0, account.next - now) + before * this.#intervalMs;
    if (ms <= LONG_WAIT_MS || now - (account.saidAt ?? -SAY_EVERY_MS) < SAY_EVERY_MS) return;
    account.saidAt = now;
    this.#onScarce(host, ms);
  }
}
