import type { Verdict } from '../model/verdict.ts';
import type { RouteTable } from '../platform/http-route.ts';
import type { InboundOptions } from '../serve/inbound/routes.ts';
import type { HttpServer } from '../serve/server.ts';
import type { Publisher } from './publisher.ts';

/** How a service ended without being stopped. */
export interface ServiceEnd {
  /** Exit status of a process that has nothing else to do. */
  readonly status: number;
  /** Why it failed; undefined: it did not. */
  readonly error?: unknown;
}

/** Why a service has to end. */
export interface StopOrder {
  /** The signal that ends the process; undefined: it ends for another reason. */
  readonly signal: NodeJS.Signals | undefined;
  /** Fires at a second signal, or at one that is not polite: then nothing is waited for that can be left out. */
  readonly hurry: AbortSignal;
}

/**
 * Something that a process runs: a sync, a run, a relay. It was opened before: its surroundings are as it needs them,
 * and nothing of it works yet.
 */
export interface Service {
  /** What only this kind of service answers. */
  readonly routes: RouteTable;
  /** It has a page of its own at `/`. */
  readonly hasPage?: boolean;
  /** What a notification or a trigger does to it. */
  readonly inbound: InboundOptions | undefined;
  /** For a service of this process that works with what this one publishes. */
  readonly publisher?: Publisher;
  /** What is under way, as a person reads it; for the log, when something does not end. */
  readonly pending: readonly string[];
  /** It has done its work, or can be used. */
  readiness(): Verdict;
  /** Nothing in it is stuck. */
  liveness(): Verdict;
  /** Its part of `/status`. Holds no secrets. */
  status(): unknown;
  /** Brings its gauges up to date. */
  showMetrics(): void;
  /** The endpoint that it answers at is open from now on. */
  onServing?(server: HttpServer): void;
  /**
   * Works until it ends by itself or `signal` fires. After a failure it can be called again.
   * @returns how it ended
   */
  run(signal: AbortSignal): Promise<ServiceEnd>;
  /** Asks now whether its ref has moved. */
  wake(): void;
  /** Hands a signal on to the process that it keeps. */
  passOn?(signal: NodeJS.Signals): void;
  /** Ends all that it started, within a time of its own. Called once. */
  stop(order: StopOrder): Promise<void>;
  /** The exit status of the process that this service was the purpose of; undefined: that of the signal. */
  statusAfter?(signal: NodeJS.Signals): number | undefined;
}
