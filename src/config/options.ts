import type { OptionDefinition } from './option.ts';
import { AUTH_OPTIONS } from './options/auth.ts';
import { HOOK_OPTIONS } from './options/hooks.ts';
import { PLACE_OPTIONS } from './options/place.ts';
import { GLOG_OPTIONS, PROCESS_OPTIONS } from './options/process.ts';
import { RELAY_CLIENT_OPTIONS } from './options/relay-client.ts';
import { SOURCE_OPTIONS } from './options/source.ts';
import { TIMING_OPTIONS } from './options/timing.ts';

/** THE table: flags, variables, defaults, help, manual, docs/options.md and the JSON schema all come from it. */
export const OPTIONS: readonly OptionDefinition[] = [
  ...SOURCE_OPTIONS,
  ...PLACE_OPTIONS,
  ...TIMING_OPTIONS,
  ...HOOK_OPTIONS,
  ...AUTH_OPTIONS,
  ...RELAY_CLIENT_OPTIONS,
  ...PROCESS_OPTIONS,
  ...GLOG_OPTIONS,
];

const BY_NAME = new Map(OPTIONS.map((option) => [option.name, option]));

/** The row of `name`; the table is complete, so asking for another name is a fault of the caller. */
export function optionNamed(name: string): OptionDefinition {
  const option = BY_NAME.get(name);
  if (!option) throw new Error(`no option named ${name}`);
  return option;
}

export function findOption(name: string): OptionDefinition | undefined {
  return BY_NAME.get(name);
}
