import { SidecarError } from '../model/error.ts';
import type { OptionDefinition, Range } from './option.ts';
import { readValue } from './read-value.ts';
import { nameInForce, type Setting, type Settings } from './settings.ts';
import { parseSignal } from './signals.ts';

/** An option value that git-sync refuses at start with exit code 1 (compat.md 1.4). */
export class InvalidOption extends SidecarError {
  /** git-sync prints its usage text with this one. */
  readonly printsUsage: boolean;

  constructor(detail: string, printsUsage = true, hint?: string) {
    super('ERR_CONFIG_INVALID', { op: 'check the options', detail, ...(hint !== undefined && { hint }) });
    this.printsUsage = printsUsage;
  }
}

/** Throws {@link InvalidOption} with `detail` when `wrong`. */
export function refuseIf(wrong: boolean, detail: string, printsUsage = true): void {
  if (wrong) throw new InvalidOption(detail, printsUsage);
}

/** A check of all options of a command. @throws InvalidOption */
export type Rule = (settings: Settings) => void;

export const mustBeSet =
  (name: string): Rule =>
  (settings) =>
    refuseIf(!settings.isOn(name), `--${name} must be set`);

/** What the rows of these options allow, checked in this order. */
export const rowsOf =
  (...names: readonly string[]): Rule =>
  (settings) => {
    for (const name of names) checkRow(settings, name);
  };

/** What `range` allows, as a text. */
export function describeRange({ least, most, orZero }: Range): string {
  if (most !== undefined) return `from ${least} to ${most}`;
  if (/^0s?$/.test(least)) return '0 or more';
  return `${orZero ? '0 or ' : ''}at least ${least}`;
}

function checkRange({ option, value }: Setting, range: Range, printsUsage: boolean): void {
  const { least, most, orZero } = range;
  const limit = (text: string): number => Number(readValue(option.type, text));
  const number = Number(value);
  const fits = number >= limit(least) && (most === undefined || number <= limit(most));
  refuseIf(!fits && !(orZero && number === 0), `--${option.name} must be ${describeRange(range)}`, printsUsage);
}

function checkNeeds(settings: Settings, { option: { name, needs = [] } }: Setting, printsUsage: boolean): void {
  if (needs.length === 0 || needs.some((each) => settings.isOn(each))) return;
  const [other = ''] = needs;
  const isMutual = settings.get(other).option.needs?.includes(name);
  const text = isMutual ? `--${name} and --${other} belong together` : `--${name} needs --${needs.join(' or --')}`;
  refuseIf(true, text, printsUsage);
}

/** 3.1.1 checked next to nothing, and v4 checks its old options under their new names (validate-v4.ts). */
function isUnchecked({ option }: Setting, { mode }: Settings): boolean {
  return mode === 'v3.1' ? option.since !== 'git-sidecar' : mode === 'v4' && option.replacedBy !== undefined;
}

/** Refuses what the row of `name` does not allow. @throws InvalidOption */
function checkRow(settings: Settings, name: string): void {
  const setting = settings.get(name);
  const { option, value } = setting;
  const { choices, range, form, excludes = [], detailOf = [] } = option;
  const isOurs = option.since === 'git-sidecar';
  if (isUnchecked(setting, settings) || nameInForce(settings, name) !== name) return;
  if (detailOf.length > 0 && !detailOf.some((each) => settings.isOn(each))) return;
  const text = String(value);
  if (choices)
    refuseIf(!Object.hasOwn(choices, text), `--${name} must be one of ${Object.keys(choices).join(', ')}`, !isOurs);
  if (range) checkRange(setting, range, !isOurs);
  if (!settings.isOn(name)) return;
  const problem = `--${name}: ${JSON.stringify(text)} is not a signal that can be caught`;
  if (form === 'signal') refuseIf(parseSignal(text) === undefined, problem, !isOurs);
  if (settings.mode !== 'v4' && !isOurs) return;
  checkNeeds(settings, setting, !isOurs);
  for (const other of excludes)
    refuseIf(settings.isOn(other), `only one of --${name} and --${other} may be set`, !isOurs);
}

/**
 * Checks `rules` first, in their order, and then the row of every option that is used.
 * @throws InvalidOption
 */
export function checkSettings(
  settings: Settings,
  rules: readonly Rule[],
  isUsed: (option: OptionDefinition) => boolean = () => true,
): void {
  for (const rule of rules) rule(settings);
  for (const { option } of settings.all()) if (isUsed(option)) checkRow(settings, option.name);
}
