import { constants } from 'node:os';
import type { Logger } from '../platform/log.ts';
import type { Instance } from '../run/instance.ts';

/** Passed on to the process. */
const FORWARDED: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'];
/** End run, and the process with it. */
const ENDING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT'];

export interface RunSignalOptions {
  readonly instance: () => Instance | undefined;
  /** `--sync-on-signal`. */
  readonly wakeOn: NodeJS.Signals | undefined;
  readonly onWake: () => void;
  readonly onStop: (signal: NodeJS.Signals) => void;
  readonly log: Logger;
}

/** Takes over the process's signals until disposed. */
export function listenForRunSignals(options: RunSignalOptions): { dispose(): void } {
  const { instance, wakeOn, onWake, onStop, log } = options;
  const handlers = new Map<NodeJS.Signals, () => void>();
  for (const name of FORWARDED) handlers.set(name, () => instance()?.signal(name));
  handlers.set('SIGPIPE', () => undefined);
  if (wakeOn) handlers.set(wakeOn, onWake);
  if (wakeOn && ENDING.includes(wakeOn)) log.warn(`--sync-on-signal: ${wakeOn} ends run and starts no sync`);
  for (const name of ENDING) handlers.set(name, () => onStop(name));
  for (const [name, handler] of handlers) process.on(name, handler);
  return {
    dispose: () => {
      for (const [name, handler] of handlers) process.off(name, handler);
    },
  };
}

/** Exit status of what a signal ended, as shells give it. */
export function statusOfSignal(name: NodeJS.Signals): number {
  return 128 + constants.signals[name];
}
