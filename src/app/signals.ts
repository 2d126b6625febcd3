import type { Logger } from '../platform/log.ts';
import { endProcess } from './end-process.ts';
import { EXIT } from './outcome.ts';

export interface Stop {
  readonly signal: NodeJS.Signals;
  readonly exitStatus: number;
}

export interface SignalOptions {
  /** `--sync-on-signal`. */
  readonly wakeOn: NodeJS.Signals | undefined;
  readonly log: Logger;
  readonly onWake: () => void;
  /** Called for each signal that ends the program. */
  readonly onStop: (stop: Stop) => void;
  /** SIGHUP; undefined: it ends the program. */
  readonly onReload: (() => void) | undefined;
  /** A process of the user's is kept here: some signals are for it, and it may take its time to end. */
  readonly keepsProcess: () => boolean;
  /** Hands a signal to it. */
  readonly passOn: (signal: NodeJS.Signals) => void;
}

/** Signals that end the program, and the status it then exits with (compat.md 6). */
const ENDING: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGTERM: EXIT.terminate,
  SIGINT: EXIT.interrupt,
  SIGHUP: EXIT.hangup,
  SIGQUIT: EXIT.quit,
};
/** They are for the process that is kept here. */
const PASSED_ON: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'];
/**
 * Even if a part hangs, the process ends within this time: a Pod's grace period is for processes that have something to
 * finish.
 */
const LONGEST_STOP_MS = 1900;
/** Ignored as git-sync ignores them; Node would start a debugger on the first and end on the second. */
const IGNORED: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2', 'SIGPIPE'];
/** These always end the program, whatever `--sync-on-signal` says: else nothing could (compat.md 9.16). */
const ALWAYS_ENDING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/** Takes over the process's signals until disposed. */
export function listenForSignals(options: SignalOptions): { stop(): Stop | undefined; dispose(): void } {
  const { wakeOn, log, keepsProcess, passOn, onReload } = options;
  let stop: Stop | undefined;
  let lastResort: NodeJS.Timeout | undefined;
  const end = (signal: NodeJS.Signals, exitStatus: number): void => {
    stop ??= { signal, exitStatus };
    // A process that is kept here has its own time to end in.
    if (!keepsProcess())
      lastResort ??= setTimeout(() => {
        log.warn('not everything could be ended in time', { signal });
        void endProcess(exitStatus);
      }, LONGEST_STOP_MS).unref();
    options.onStop({ signal, exitStatus });
  };
  const handlers = new Map<NodeJS.Signals, () => void>(IGNORED.map((name) => [name, () => undefined]));
  for (const [name, exitStatus] of Object.entries(ENDING))
    handlers.set(name as NodeJS.Signals, () => end(name as NodeJS.Signals, exitStatus));
  for (const name of PASSED_ON) {
    const otherwise = handlers.get(name);
    handlers.set(name, () => (keepsProcess() ? passOn(name) : otherwise?.()));
  }
  if (onReload) handlers.set('SIGHUP', onReload);
  const alwaysEnding = keepsProcess() ? [...ALWAYS_ENDING, 'SIGQUIT'] : ALWAYS_ENDING;
  if (wakeOn && alwaysEnding.includes(wakeOn))
    log.warn(`--sync-on-signal: ${wakeOn} ends the program and starts no sync`);
  else if (wakeOn) handlers.set(wakeOn, options.onWake);
  for (const [name, handler] of handlers) process.on(name, handler);
  return {
    stop: () => stop,
    dispose: () => {
      clearTimeout(lastResort);
      for (const [name, handler] of handlers) process.off(name, handler);
    },
  };
}
