import { statfs } from 'node:fs/promises';
import { messageOf } from '../model/error.ts';
import type { CommandResult, CommandSpec, ProcessRunner } from '../platform/process/runner.ts';
import { isMachineError, soundsLikeMachine } from './blame.ts';

/** Why a shell line did not end well. */
export interface LineFailure {
  readonly reason: string;
  /** The machine ended it, not what it does. */
  readonly isMachines: boolean;
  /** Its time was up. */
  readonly isLate: boolean;
  /** The last line that it printed, as it is: it may hold a secret. Empty where there is none. */
  readonly lastLine: string;
}

export interface ShellLine extends Required<Pick<CommandSpec, 'env' | 'cwd' | 'timeoutMs' | 'signal'>> {
  readonly line: string;
  /** Its output goes here. */
  readonly write: (text: string) => void;
}

/** What runs shell lines. */
export const SHELL = '/bin/sh';

/** As much of the end of the output is looked at. */
const TAIL = 8192;
/** Less room than this is none. */
const NO_ROOM_BYTES = 1024 * 1024;
/** A shell says so when a signal 9 ended what it ran: where we did not send it, the kernel did, for want of memory. */
const KILLED = 128 + 9;

async function isFull(directory: string): Promise<boolean> {
  const found = await statfs(directory).catch(() => undefined);
  return found !== undefined && (found.bavail * found.bsize < NO_ROOM_BYTES || (found.files > 0 && found.ffree === 0));
}

function describe(result: CommandResult, timeoutMs: number): string {
  if (result.endedBy === 'timeout') return `it took longer than ${timeoutMs / 1000} s`;
  return result.signal ? `it was ended by ${result.signal}` : `it ended with status ${result.code}`;
}

/** A line whose beginning is not in `tail` could begin in the middle of a secret, so it is left out. */
function lastLineOf(tail: string): string {
  const lines = tail.split(/[\r\n]+/);
  const whole = tail.length < TAIL ? lines : lines.slice(1);
  return whole.findLast((line) => line.trim() !== '')?.trim() ?? '';
}

/**
 * Runs a shell line; its output is shown.
 * @returns undefined when it ended well
 */
export async function runLine(runner: ProcessRunner, options: ShellLine): Promise<LineFailure | undefined> {
  const { line, env, cwd, timeoutMs, signal, write } = options;
  let tail = '';
  const onStdout = (text: string): void => {
    tail = (tail + text).slice(-TAIL);
    write(text);
  };
  try {
    const args = ['-c', `exec 2>&1\n${line}`];
    const shell = { file: SHELL, args, env, cwd, timeoutMs, signal, onStdout, maxOutputBytes: 1 };
    const result = await runner.run(shell);
    if (result.code === 0 && result.endedBy === undefined) return undefined;
    const wasKilled = result.signal === 'SIGKILL' || result.code === KILLED;
    const isMachines = result.endedBy === undefined && (wasKilled || soundsLikeMachine(tail) || (await isFull(cwd)));
    const isLate = result.endedBy === 'timeout';
    return { reason: describe(result, timeoutMs), isMachines, isLate, lastLine: lastLineOf(tail) };
  } catch (error) {
    return { reason: messageOf(error), isMachines: isMachineError(error), isLate: false, lastLine: '' };
  }
}
