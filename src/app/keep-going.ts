import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Service } from '../service/service.ts';

/** Pause before a service that gave up is started again. */
const ANEW_MS = 30_000;

export interface KeepGoingOptions {
  readonly name: string;
  readonly service: Service;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Runs a service until `signal` fires, or until it has nothing left to do: a failure of one is no end of the others. */
export async function keepGoing({ name, service, signal, log, clock }: KeepGoingOptions): Promise<void> {
  while (!signal.aborted) {
    const { status, error } = await service.run(signal);
    if (signal.aborted || status === 0) return;
    const message = `${name} gave up; it is started again`;
    if (error === undefined) log.warn(message, { ms: ANEW_MS });
    else log.error(error, message, { ms: ANEW_MS });
    await clock.sleep(ANEW_MS, signal);
  }
}
