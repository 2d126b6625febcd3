import type { Clock } from './clock.ts';

/** Some work that must be over some day. */
export interface Watch {
  /** What it is doing now, as a person reads it: `sync: checkout`. */
  at(stage: string): void;
  /** It has good reason to take longer: it is not overdue sooner than twice `ms` from now. */
  grant(ms: number): void;
  done(): void;
}

/** Work that has outlived its limit. */
export interface Overdue {
  readonly what: string;
  /** Milliseconds that it has taken, without those in which this process stood still. */
  readonly forMs: number;
  readonly limitMs: number;
}

export interface WatchdogOptions {
  readonly clock: Clock;
  /** Called once for a piece of work that is overdue. */
  readonly onOverdue: (overdue: Overdue) => void;
  /** Called once when it is still not over a little later: only a new process can help then. */
  readonly onStuck: (overdue: Overdue) => void;
  /** Milliseconds between looks. Default 1000. */
  readonly everyMs?: number;
  /** Milliseconds from overdue to stuck. Default 5000. */
  readonly patienceMs?: number;
  /** Work may outlive a short limit by this much, in milliseconds. Default 10 000. */
  readonly leastExcessMs?: number;
}

interface Entry {
  readonly limitMs: number;
  dueMs: number;
  stage: string;
  ageMs: number;
  said: 'nothing' | 'overdue' | 'stuck';
}

/** Children are given time to end, and the machine may be busy. */
const LEAST_EXCESS_MS = 10_000;

/**
 * Notices work that outlives twice its own limit: a wait that its signal does not bound, whatever the reason.
 *
 * It adds up the time in which this process could run, look by look. After a stop (SIGSTOP, a machine that slept, a
 * frozen container) one look is late by hours; it adds no more than two looks are apart.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #everyMs: number;
  readonly #entries = new Set<Entry>();
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? 1000;
  }

  /** @param limitMs after which the work should be over; undefined: there is no such time, and it is only named */
  watch(stage: string, limitMs: number | undefined): Watch {
    const limit = limitMs ?? Number.POSITIVE_INFINITY;
    const entry: Entry = { limitMs: limit, dueMs: this.#allowed(limit), stage, ageMs: 0, said: 'nothing' };
    this.#entries.add(entry);
    this.#start();
    return {
      at: (now) => {
        entry.stage = now;
      },
      grant: (ms) => {
        entry.dueMs = Math.max(entry.dueMs, entry.ageMs + this.#allowed(ms));
      },
      done: () => {
        this.#entries.delete(entry);
        if (this.#entries.size === 0) this.#stop();
      },
    };
  }

  /** The first piece of work that is overdue. */
  get overdue(): Overdue | undefined {
    const entry = [...this.#entries].find(({ said }) => said !== 'nothing');
    return entry && describe(entry);
  }

  /** What is being done now; empty when nothing is. */
  get pending(): readonly string[] {
    return [...this.#entries].map(({ stage }) => stage);
  }

  /** Looks at once. For tests; else a timer does. */
  look(): void {
    const now = this.#options.clock.monotonic();
    const passed = Math.min(now - this.#lookedAt, 2 * this.#everyMs);
    this.#lookedAt = now;
    for (const entry of this.#entries) {
      entry.ageMs += passed;
      this.#judge(entry);
    }
  }

  #allowed(limitMs: number): number {
    return Math.max(2 * limitMs, limitMs + (this.#options.leastExcessMs ?? LEAST_EXCESS_MS));
  }

  #judge(entry: Entry): void {
    const { onOverdue, onStuck, patienceMs = 5000 } = this.#options;
    if (entry.said === 'nothing' && entry.ageMs > entry.dueMs) {
      entry.said = 'overdue';
      onOverdue(describe(entry));
    }
    if (entry.said === 'overdue' && entry.ageMs > entry.dueMs + patienceMs) {
      entry.said = 'stuck';
      onStuck(describe(entry));
    }
  }

  #start(): void {
    if (this.#timer) return;
    this.#lookedAt = this.#options.clock.monotonic();
    // It must not keep a process alive that has nothing else to wait for: that has to be noticed too.
    this.#timer = setInterval(() => this.look(), this.#everyMs).unref();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function describe({ stage, ageMs, limitMs }: Entry): Overdue {
  return { what: stage, forMs: Math.round(ageMs), limitMs };
}
