import type { Instance } from '../run/instance.ts';

/** Passed on to the process. */
const FORWARDED: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'];
/** End run, and the process with it. */
const ENDING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT'];

export interface RunSignalOptions {
  readonly instance: () => Instance | undefined;
  readonly onStop: () => void;
}

/** Takes over the process's signals until disposed. */
export function listenForRunSignals({ instance, onStop }: RunSignalOptions): { dispose(): void } {
  const handlers = new Map<NodeJS.Signals, () => void>();
  for (const name of FORWARDED) handlers.set(name, () => instance()?.signal(name));
  for (const name of ENDING) handlers.set(name, onStop);
  handlers.set('SIGPIPE', () => undefined);
  for (const [name, handler] of handlers) process.on(name, handler);
  return {
    dispose: () => {
      for (const [name, handler] of handlers) process.off(name, handler);
    },
  };
}
