import { asSidecarError, type SidecarError } from '../model/error.ts';
import { YES } from '../model/verdict.ts';
import { bounded } from '../platform/bounded.ts';
import type { Clock } from '../platform/clock.ts';
import { NO_ROUTES } from '../platform/http-route.ts';
import type { Logger } from '../platform/log.ts';
import type { Service, ServiceEnd, StopOrder } from '../service/service.ts';
import type { Unit } from './plan.ts';

export interface UnitLifeOptions {
  readonly unit: Unit;
  readonly open: () => Promise<Service>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Pauses before a unit that gave up, or could not be opened, is tried again: each twice the one before. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** One that worked so long failed for a new reason. */
const FORGIVEN_MS = 300_000;

/** A service that is not there. */
function absent(text: string): Service {
  return {
    routes: NO_ROUTES,
    inbound: undefined,
    pending: [],
    readiness: () => ({ ok: false, text }),
    liveness: () => YES,
    status: () => ({ trouble: text }),
    showMetrics: () => undefined,
    run: async () => ({ status: 1 }),
    wake: () => undefined,
    stop: async () => undefined,
  };
}

/** One unit of a process, from its opening to its end. */
export class UnitLife {
  readonly unit: Unit;
  readonly #options: UnitLifeOptions;
  readonly #stopping = new AbortController();
  #service: Service | undefined;
  #trouble: string | undefined;
  #kept: Promise<void> = Promise.resolve();
  #retry = new AbortController();

  constructor(options: UnitLifeOptions) {
    this.unit = options.unit;
    this.#options = options;
  }

  /** The service, or one that says why it is not there. */
  get service(): Service {
    return this.#service ?? absent(this.#trouble ?? 'it is being opened');
  }

  /** @throws SidecarError when it could never work, or the signal's reason */
  async open(signal: AbortSignal): Promise<void> {
    const opening = this.#options.open();
    try {
      this.#service = await bounded(opening, signal);
    } catch (error) {
      // One that comes too late is ended again.
      opening.then(
        async (service) => await service.stop({ signal: undefined, hurry: signal }),
        () => undefined,
      );
      throw error;
    }
    this.#trouble = undefined;
  }

  /** Runs once. */
  async lead(signal: AbortSignal): Promise<ServiceEnd> {
    return await this.service.run(AbortSignal.any([signal, this.#stopping.signal]));
  }

  /** Keeps it going until it has nothing left to do, or `signal` fires: a failure of one is no end of the others. */
  keep(signal: AbortSignal): void {
    const ends = AbortSignal.any([signal, this.#stopping.signal]);
    ends.addEventListener('abort', () => this.#retry.abort(), { once: true });
    this.#kept = this.#keep(ends);
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const began = clock.monotonic();
      const isOver = await this.#attempt(signal, pauseMs);
      if (isOver || signal.aborted) return;
      if (clock.monotonic() - began > FORGIVEN_MS) pauseMs = FIRST_PAUSE_MS;
      this.#retry = new AbortController();
      await clock.sleep(pauseMs, this.#retry.signal);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }

  /** @returns whether there is nothing left to do */
  async #attempt(signal: AbortSignal, pauseMs: number): Promise<boolean> {
    const { log } = this.#options;
    const again = { ms: pauseMs };
    try {
      if (!this.#service) await this.open(signal);
    } catch (error) {
      if (signal.aborted) return true;
      const failure = asSidecarError(error, 'start');
      this.#say(failure);
      log.error(failure, 'cannot start; it is tried again', again);
      return false;
    }
    const { status, error } = await this.service.run(signal);
    if (signal.aborted || status === 0) return true;
    if (error === undefined) log.warn('gave up; it is started again', again);
    else log.error(error, 'gave up; it is started again', again);
    this.#say(error === undefined ? undefined : asSidecarError(error, 'run'));
    const former = this.#service;
    this.#service = undefined;
    await former?.stop({ signal: undefined, hurry: signal });
    return false;
  }

  #say(error: SidecarError | undefined): void {
    this.#trouble = error ? `${error.code}: ${error.detail}` : 'it gave up, and is started again';
  }

  /** Asks now whether something has moved; a pause before the next try is over. */
  wake(): void {
    this.#retry.abort();
    this.service.wake();
  }

  /** Ends it, and waits until nothing of it is left. */
  async stop(order: StopOrder): Promise<void> {
    this.#stopping.abort();
    const service = this.#service;
    await service?.stop(order);
    await this.#kept;
    // It was being opened, and came just before it was given up.
    if (this.#service !== service) await this.#service?.stop(order);
  }
}
