import type { CommandName } from './option.ts';
import { optionsOf } from './options.ts';

/** What `doctor` can look at: a command that works until it is stopped. */
export type Patient = Extract<CommandName, 'sync' | 'run' | 'relay' | 'up'>;

const PATIENTS: readonly string[] = ['sync', 'run', 'relay', 'up'] satisfies readonly Patient[];

/**
 * Splits a command line of `doctor` into its own flags, wherever they stand, and the words of the command that it looks
 * at. What stands behind `--` belongs to the application of `run`.
 */
export function splitForDoctor(argv: readonly string[]): {
  readonly own: readonly string[];
  readonly rest: readonly string[];
} {
  const options = optionsOf('doctor');
  const [own, rest]: [string[], string[]] = [[], []];
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (word === '--') return { own, rest: [...rest, ...argv.slice(at)] };
    const [, flag] = /^--?([a-z]+)(?:=|$)/.exec(word) ?? [];
    const option = options.find(({ name, short }) => flag !== undefined && (flag === name || word === `-${short}`));
    if (!option) rest.push(word);
    else {
      own.push(word);
      if (option.type !== 'bool' && !word.includes('=') && at + 1 < argv.length) own.push(argv[++at] ?? '');
    }
  }
  return { own, rest };
}

/** The command that is meant, which its flags alone make a `sync`, and its own words. */
export function patientOf(rest: readonly string[]): { readonly name: Patient; readonly argv: readonly string[] } {
  const [word = '', ...argv] = rest;
  return PATIENTS.includes(word) ? { name: word as Patient, argv } : { name: 'sync', argv: rest };
}
