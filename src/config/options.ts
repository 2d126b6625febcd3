import type { CommandName, OptionDefinition } from './option.ts';
import { AUTH_OPTIONS } from './options/auth.ts';
import { HOOK_OPTIONS } from './options/hooks.ts';
import { IDENTITY_OPTIONS } from './options/identity.ts';
import { PLACE_OPTIONS } from './options/place.ts';
import { PROCESS_OPTIONS } from './options/process.ts';
import { RELAY_OPTIONS } from './options/relay.ts';
import { RELAY_CLIENT_OPTIONS } from './options/relay-client.ts';
import { RUN_OPTIONS } from './options/run.ts';
import { SOURCE_OPTIONS } from './options/source.ts';
import { TIMING_OPTIONS } from './options/timing.ts';
import { VERIFY_OPTIONS } from './options/verify.ts';

/**
 * THE table. Flags, variables, defaults, checks, what is secret, help, manual, docs/options.md and the JSON schema all
 * come from it.
 */
export const OPTIONS: readonly OptionDefinition[] = [
  ...SOURCE_OPTIONS,
  ...PLACE_OPTIONS,
  ...TIMING_OPTIONS,
  ...HOOK_OPTIONS,
  ...VERIFY_OPTIONS,
  ...AUTH_OPTIONS,
  ...IDENTITY_OPTIONS,
  ...RELAY_CLIENT_OPTIONS,
  ...PROCESS_OPTIONS,
  ...RUN_OPTIONS,
  ...RELAY_OPTIONS,
];

const BY_NAME = new Map(OPTIONS.map((option) => [option.name, option]));

/** The row of `name`; the table is complete, so asking for another name is a fault of the caller. */
export function optionNamed(name: string): OptionDefinition {
  const option = BY_NAME.get(name);
  if (!option) throw new Error(`no option named ${name}`);
  return option;
}

/** @param command one of its options has that name, or that alias */
export function findOption(name: string, command?: CommandName): OptionDefinition | undefined {
  const byAlias = command && OPTIONS.find(({ alias, commands }) => alias === name && commands.includes(command));
  return byAlias ?? BY_NAME.get(name);
}

/** The rows that `command` has. */
export function optionsOf(command: CommandName): readonly OptionDefinition[] {
  return OPTIONS.filter(({ commands }) => commands.includes(command));
}
