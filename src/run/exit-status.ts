import { constants } from 'node:os';
import type { Exit } from '../platform/process/runner.ts';

/** Why a run ends. */
export type RunEnd = { readonly exit: Exit } | { readonly signal: NodeJS.Signals };

/** Exit status of what a signal ended, as shells give it. */
export function statusOfSignal(name: NodeJS.Signals): number {
  return 128 + constants.signals[name];
}

/**
 * Exit status of run: that of the process, 128 + n where signal n ended it; where there was no process, as if the signal
 * had ended run.
 */
export function statusOf(end: RunEnd, last: Exit | undefined): number {
  const exit = last ?? ('exit' in end ? end.exit : undefined);
  if (exit) return exit.signal === null ? (exit.code ?? 1) : statusOfSignal(exit.signal);
  return 'signal' in end ? statusOfSignal(end.signal) : 1;
}
