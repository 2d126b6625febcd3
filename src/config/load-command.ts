import { SidecarError } from '../model/error.ts';
import { FlagSyntaxError, type ParsedFlags, parseV4Flags, v4Option } from './flags.ts';
import type { OptionDefinition } from './option.ts';
import { OPTIONS } from './options.ts';
import { type EnvironmentVariables, resolveSettings, type Settings } from './settings.ts';
import { suggest } from './suggest.ts';
import { unknownVariableNotices } from './unknown-variables.ts';

/** The options of a command that has some of its own beside those of sync. */
export interface LoadedCommand {
  readonly own: Settings;
  readonly sync: Settings;
  /** Options of sync that stood on the command line. */
  readonly syncFlags: readonly string[];
  /** Words that are no options. */
  readonly words: readonly string[];
  readonly notices: readonly string[];
}

/**
 * Reads a command line in v4's grammar.
 * @throws SidecarError ERR_CONFIG_USAGE, ERR_CONFIG_INVALID
 */
export function loadCommand(
  words: readonly string[],
  env: EnvironmentVariables,
  options: readonly OptionDefinition[],
): LoadedCommand {
  const table = new Map(options.map((option) => [option.name, option]));
  const flags = parse(words, table);
  const isOwn = ({ option }: { option: OptionDefinition }): boolean => table.get(option.name) === option;
  const syncUses = flags.uses.filter((use) => !isOwn(use));
  const own = resolveSettings('v4', { uses: flags.uses.filter(isOwn), positional: [] }, env, options);
  const sync = resolveSettings('v4', { uses: syncUses, positional: [] }, env);
  const notices = [...own.notices, ...sync.notices, ...unknownVariableNotices(env, 'v4', options)];
  const syncFlags = syncUses.map(({ option }) => option.name);
  return { own, sync, syncFlags, words: flags.positional, notices };
}

function parse(words: readonly string[], table: ReadonlyMap<string, OptionDefinition>): ParsedFlags {
  try {
    return parseV4Flags(words, (name) => table.get(name) ?? v4Option(name));
  } catch (error) {
    if (!(error instanceof FlagSyntaxError)) throw error;
    const names = [...table.values(), ...OPTIONS]
      .filter(({ hidden, envOnly }) => !hidden && !envOnly)
      .map(({ name }) => name);
    const nearest = error.unknown === undefined ? undefined : suggest(error.unknown, names);
    throw new SidecarError('ERR_CONFIG_USAGE', {
      op: 'read the command line',
      detail: error.message,
      ...(nearest !== undefined && { hint: `Did you mean --${nearest}?` }),
    });
  }
}
