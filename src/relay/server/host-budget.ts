import type { Clock } from '../../platform/clock.ts';

interface Account {
  /** When the next request may be sent, on the monotonic clock. */
  next: number;
  /** When it was last said that requests wait long. */
  saidAt: number | undefined;
}

const LONG_WAIT_MS = 5000;
const SAY_EVERY_MS = 10 * 60_000;

/**
 * So many requests a second for each git server, whoever of us asks; the rest wait their turn in the order they came.
 * A server that asks for time gets it from all of us.
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
      account = { next: 0, saidAt: undefined };
      this.#accounts.set(host, account);
    }
    return account;
  }

  /** Resolves when a request may be sent, or when `signal` aborts. */
  async take(host: string, signal: AbortSignal): Promise<void> {
    const account = this.#account(host);
    const now = this.#clock.monotonic();
    const mine = Math.max(account.next, now - (this.#burst - 1) * this.#intervalMs);
    account.next = mine + this.#intervalMs;
    if (mine - now > LONG_WAIT_MS && now - (account.saidAt ?? -SAY_EVERY_MS) >= SAY_EVERY_MS) {
      account.saidAt = now;
      this.#onScarce(host, mine - now);
    }
    if (mine > now) await this.#clock.sleep(mine - now, signal);
  }

  /** Nobody asks `host` before this many milliseconds have passed. */
  pause(host: string, ms: number): void {
    const account = this.#account(host);
    account.next = Math.max(account.next, this.#clock.monotonic() + ms);
  }
}
