import { constants } from 'node:os';
import { parseGoInt } from './go-values.ts';

/** Signals that no program can take over, or that Node keeps for itself. */
const UNUSABLE = new Set(['SIGKILL', 'SIGSTOP', 'SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL']);

/**
 * A signal by name (`HUP`, `SIGHUP`; case matters) or number. Numbers that are no signal are refused
 * (git-sync accepts them and never reacts: compat.md 9.16), and so are those that cannot be caught.
 */
export function parseSignal(text: string): NodeJS.Signals | undefined {
  const table = constants.signals as Readonly<Record<string, number>>;
  const number = parseGoInt(text);
  const name =
    number === undefined
      ? [text, `SIG${text}`].find((candidate) => table[candidate] !== undefined)
      : Object.keys(table).find((candidate) => table[candidate] === number);
  return name === undefined || UNUSABLE.has(name) ? undefined : (name as NodeJS.Signals);
}
