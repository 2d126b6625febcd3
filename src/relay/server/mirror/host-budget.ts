import type { Clock } from '../../../platform/clock.ts';
import { FairQueue } from '../../../platform/fair-queue.ts';

/** The owner for whom a git server is asked. */
export interface Asker {
  /** Each gets the same share. */
  readonly owner: string;
  /** Those of one owner share what the owner gets. */
  readonly repository: string;
}

/** What an owner used of the part that is held back for owners that ask little. */
interface Purse {
  spent: number;
  /** When that was, on the monotonic clock. */
  at: number;
}

interface Account {
  /** When the next request may be sent, on the monotonic clock. */
  next: number;
  /** When it was last said that requests wait long. */
  saidAt: number | undefined;
  readonly waiting: FairQueue<() => void>;
  /** The owners that asked in the last minute, the one that asked longest ago first. */
  readonly purses: Map<string, Purse>;
  /** While an owner waits; ends the pause until the next request. */
  pause: AbortController | undefined;
}

/** For an owner that asked nothing for so long, nothing is held back any more. */
const PURSE_MS = 60_000;
const LONG_WAIT_MS = 5000;
const SAY_EVERY_MS = 10 * 60_000;

/**
 * So many requests a second for each git server, whichever part of the relay asks. Owners that wait get turns: one
 * request for each owner, then the next one of each, and within an owner so for its repositories. So the first request
 * of an owner waits for at most one request of each other owner that waits. A quarter of what may come at once is held
 * back where there are several owners, so one that asks for less than its part does not wait at all. A server that asks
 * for time gets it from all of us.
 */
export class HostBudget {
  readonly #clock: Clock;
  readonly #onScarce: (host: string, waitMs: number) => void;
  readonly #intervalMs: number;
  readonly #burst: number;
  readonly #heldBack: number;
  readonly #accounts = new Map<string, Account>();

  /**
   * @param perSecond requests; as many may also be sent at once after a pause
   * @param onScarce called now and then when requests wait long
   */
  constructor(clock: Clock, perSecond: number, onScarce: (host: string, waitMs: number) => void) {
    this.#onScarce = onScarce;
    this.#clock = clock;
    this.#intervalMs = 1000 / perSecond;
    this.#burst = Math.max(1, Math.floor(perSecond));
    this.#heldBack = Math.round(this.#burst / 4);
  }

  #account(host: string): Account {
    let account = this.#accounts.get(host);
    if (!account) {
      account = { next: 0, saidAt: undefined, waiting: new FairQueue(), purses: new Map(), pause: undefined };
      this.#accounts.set(host, account);
    }
    return account;
  }

  /** Resolves when a request may be sent, or when `signal` aborts. */
  async take(host: string, { owner, repository }: Asker, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const account = this.#account(host);
    const { waiting } = account;
    const mayOvertake = waiting.size === 0 || (waiting.of(owner) === 0 && this.#isModest(account, owner));
    if (mayOvertake && this.#mayGo(account, owner)) {
      this.#spend(account, owner);
      return;
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

  /** `host` is not asked before this many milliseconds have passed. */
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
      const turn = waiting.next((owner) => this.#mayGo(account, owner));
      if (turn) {
        this.#spend(account, turn.owner);
        turn.item();
        continue;
      }
      // All that is there is held back for others.
      account.pause = new AbortController();
      await this.#clock.sleep(this.#intervalMs + (ms % this.#intervalMs), account.pause.signal);
    }
    account.pause = undefined;
  }

  /** Requests that may be sent now. */
  #free(account: Account): number {
    const now = this.#clock.monotonic();
    account.next = Math.max(account.next, now - (this.#burst - 1) * this.#intervalMs);
    return Math.floor((now - account.next) / this.#intervalMs) + 1;
  }

  #mayGo(account: Account, owner: string): boolean {
    const free = this.#free(account);
    return free > this.#heldBack || (free >= 1 && (this.#isModest(account, owner) || this.#isAlone(account, owner)));
  }

  #isAlone(account: Account, owner: string): boolean {
    const { purses } = account;
    this.#forget(account);
    return purses.size === 0 || (purses.size === 1 && purses.has(owner));
  }

  #isModest(account: Account, owner: string): boolean {
    return this.#spentBy(account, owner) + 1 <= this.#heldBack;
  }

  /** It is forgotten at the pace of an equal part. */
  #spentBy({ purses }: Account, owner: string): number {
    const purse = purses.get(owner);
    if (!purse) return 0;
    const part = (this.#clock.monotonic() - purse.at) / this.#intervalMs / purses.size;
    return Math.max(0, purse.spent - part);
  }

  #forget({ purses }: Account): void {
    const oldest = this.#clock.monotonic() - PURSE_MS;
    for (const [each, { at }] of purses) {
      if (at > oldest) return;
      purses.delete(each);
    }
  }

  #spend(account: Account, owner: string): void {
    this.#forget(account);
    const spent = Math.min(this.#heldBack, this.#spentBy(account, owner) + 1);
    account.next += this.#intervalMs;
    account.purses.delete(owner);
    account.purses.set(owner, { spent, at: this.#clock.monotonic() });
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
