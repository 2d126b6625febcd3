import type { CommandName, OptionDefinition } from './option.ts';
import { findOption, OPTIONS } from './options.ts';

/** One use of a flag on the command line. */
export interface FlagUse {
  readonly option: OptionDefinition;
  readonly value: string;
}

export interface ParsedFlags {
  readonly uses: readonly FlagUse[];
  /** Arguments that are not flags; git-sync ignores them (v3: with everything behind the first). */
  readonly positional: readonly string[];
}

/** A command line that the grammar refuses; `message` is what Go's or pflag's parser says. */
export class FlagSyntaxError extends Error {
  override readonly name = 'FlagSyntaxError';
  /** The unknown flag name, for suggesting the nearest known one. */
  readonly unknown: string | undefined;

  constructor(message: string, unknown?: string) {
    super(message);
    this.unknown = unknown;
  }
}

/** An argument as an error may show it: its value may be a password. */
function withoutValue(word: string): string {
  return word.replace(/=.+/s, '=*****');
}

function isSwitch(option: OptionDefinition): boolean {
  return option.type === 'bool';
}

/** v3 calls verbosity `v`, with one dash or two. */
function v3Option(name: string): OptionDefinition | undefined {
  if (name === 'v') return findOption('verbose');
  if (name === 'h') return findOption('help');
  const option = findOption(name);
  return option?.commands.includes('sync') && !option.envOnly && name !== 'man' ? option : undefined;
}

/**
 * Go's flag package (v3): one dash or two, `-name value` or `-name=value`, a switch takes a value only after `=`, the
 * first argument that is no flag ends parsing.
 * @throws FlagSyntaxError
 */
export function parseV3Flags(argv: readonly string[]): ParsedFlags {
  const uses: FlagUse[] = [];
  let at = 0;
  while (at < argv.length) {
    const word = argv[at] ?? '';
    if (word.length < 2 || !word.startsWith('-')) break;
    at += 1;
    if (word === '--') break;
    const body = word.replace(/^--?/, '');
    if (body === '' || body.startsWith('-') || body.startsWith('='))
      throw new FlagSyntaxError(`bad flag syntax: ${withoutValue(word)}`);
    const equals = body.indexOf('=');
    const name = equals < 0 ? body : body.slice(0, equals);
    const option = v3Option(name);
    if (!option) throw new FlagSyntaxError(`flag provided but not defined: -${name}`, name);
    if (equals >= 0) uses.push({ option, value: body.slice(equals + 1) });
    else if (isSwitch(option)) uses.push({ option, value: 'true' });
    else {
      const value = argv[at];
      if (value === undefined) throw new FlagSyntaxError(`flag needs an argument: -${name}`);
      uses.push({ option, value });
      at += 1;
    }
  }
  return { uses, positional: argv.slice(at) };
}

/** v4's hidden flags that stand for variables, made for its own tests. */
function v4Option(name: string, command: CommandName): OptionDefinition | undefined {
  if (name === '__env__GITSYNC_PASSWORD') return findOption('password');
  if (name === '__env__GITSYNC_GITHUB_APP_PRIVATE_KEY') return findOption('github-app-private-key');
  if (name === 'v') return findOption('verbose');
  const option = findOption(name, command);
  return option && !option.envOnly && !name.includes('_') ? option : undefined;
}

/** The option that was found for `command`. @throws FlagSyntaxError when another command has it, or none */
function required(
  option: OptionDefinition | undefined,
  command: CommandName,
  unknown: FlagSyntaxError,
): OptionDefinition {
  if (!option) throw unknown;
  if (option.commands.includes(command)) return option;
  const others = option.commands.join(' and ');
  throw new FlagSyntaxError(`--${option.name} belongs to ${others}; it means nothing to ${command}`);
}

const SHORTHANDS = new Map(
  OPTIONS.filter((option) => option.short !== undefined).map((option) => [option.short ?? '', option]),
);

/**
 * pflag (v4): `--name value`, `--name=value`, one-letter flags that may be joined (`-v5`, `-v=5`, `-v 5`), arguments
 * that are no flags may stand anywhere and `--` ends the flags.
 *
 * @param command whose options are allowed
 * @throws FlagSyntaxError
 */
export function parseV4Flags(argv: readonly string[], command: CommandName): ParsedFlags {
  const uses: FlagUse[] = [];
  const positional: string[] = [];
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') {
      positional.push(...words);
      break;
    }
    if (word.startsWith('--')) uses.push(readLongFlag(word, words, command));
    else if (word.startsWith('-') && word.length > 1) uses.push(...readShortFlags(word, words, command));
    else positional.push(word);
  }
  return { uses, positional };
}

function readLongFlag(word: string, rest: string[], command: CommandName): FlagUse {
  const body = word.slice(2);
  if (body.startsWith('-') || body.startsWith('=')) throw new FlagSyntaxError(`bad flag syntax: ${withoutValue(word)}`);
  const equals = body.indexOf('=');
  const name = equals < 0 ? body : body.slice(0, equals);
  const option = required(v4Option(name, command), command, new FlagSyntaxError(`unknown flag: --${name}`, name));
  if (equals >= 0) return { option, value: body.slice(equals + 1) };
  if (isSwitch(option)) return { option, value: 'true' };
  const value = rest.shift();
  if (value === undefined) throw new FlagSyntaxError(`flag needs an argument: --${name}`);
  return { option, value };
}

function readShortFlags(word: string, rest: string[], command: CommandName): FlagUse[] {
  const uses: FlagUse[] = [];
  let letters = word.slice(1);
  while (letters !== '') {
    const letter = letters[0] ?? '';
    const unknown = `unknown shorthand flag: '${letter}' in ${withoutValue(word)}`;
    const option = required(
      letter === '?' ? findOption('help') : SHORTHANDS.get(letter),
      command,
      new FlagSyntaxError(unknown, word.replace(/^-|=.*$/g, '')),
    );
    letters = letters.slice(1);
    if (letters.startsWith('=')) return [...uses, { option, value: letters.slice(1) }];
    if (isSwitch(option)) {
      uses.push({ option, value: 'true' });
      continue;
    }
    const value = letters !== '' ? letters : rest.shift();
    if (value === undefined) throw new FlagSyntaxError(`flag needs an argument: '${letter}' in ${withoutValue(word)}`);
    return [...uses, { option, value }];
  }
  return uses;
}
