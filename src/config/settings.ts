import { SidecarError } from '../model/error.ts';
import { isOfTheImage } from './environment.ts';
import type { ParsedFlags } from './flags.ts';
import type { CompatMode, OptionDefinition } from './option.ts';
import { OPTIONS, optionNamed } from './options.ts';
import { type OptionValue, readValue, typeWord } from './read-value.ts';

export type SourceKind = 'flag' | 'env' | 'default';

/** One option's value and where it came from. */
export interface Setting {
  readonly option: OptionDefinition;
  readonly value: OptionValue;
  readonly source: SourceKind;
  /** `--repo`, `GITSYNC_REPO` or `default`. */
  readonly sourceName: string;
}

export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

/** The value of every option that a command has, with remarks for the user about what was overridden or ignored. */
export class Settings {
  readonly mode: CompatMode;
  readonly notices: readonly string[];
  readonly #settings: ReadonlyMap<string, Setting>;

  constructor(mode: CompatMode, settings: ReadonlyMap<string, Setting>, notices: readonly string[]) {
    this.mode = mode;
    this.#settings = settings;
    this.notices = notices;
  }

  get(name: string): Setting {
    const setting = this.#settings.get(name);
    if (!setting) throw new Error(`no setting named ${name}`);
    return setting;
  }

  /** False when the command has no such option. */
  has(name: string): boolean {
    return this.#settings.has(name);
  }

  /** True when the user gave it, by flag or by variable. */
  isSet(name: string): boolean {
    return this.get(name).source !== 'default';
  }

  text(name: string): string {
    return String(this.get(name).value);
  }

  number(name: string): number {
    return Number(this.get(name).value);
  }

  flag(name: string): boolean {
    return this.get(name).value === true;
  }

  /** True when the command has it and its value is neither empty, 0 nor false. */
  isOn(name: string): boolean {
    const value = this.#settings.get(name)?.value ?? false;
    return Array.isArray(value) ? value.some((text) => text !== '') : Boolean(value);
  }

  list(name: string): readonly string[] {
    const value = this.get(name).value;
    return Array.isArray(value) ? value : [String(value)];
  }

  all(): readonly Setting[] {
    return [...this.#settings.values()];
  }
}

function defaultText(option: OptionDefinition, mode: CompatMode, env: EnvironmentVariables): string {
  const v3 = mode === 'v3.1' ? (option.v31Default ?? option.v3Default) : option.v3Default;
  const text = (mode === 'v4' ? undefined : v3) ?? option.default;
  return text.replace('$HOME', env.HOME ?? '');
}

function defaultSetting(option: OptionDefinition, mode: CompatMode, env: EnvironmentVariables): Setting {
  const text = defaultText(option, mode, env);
  const isList = option.type === 'list' || option.type === 'repeat';
  const value = isList ? (text === '' ? [] : [text]) : text === '' ? '' : (readValue(option.type, text) ?? '');
  return { option, value, source: 'default', sourceName: 'default' };
}

function invalidVariable(option: OptionDefinition, name: string, text: string): SidecarError {
  const shown = option.secret ? '*****' : text;
  return new SidecarError('ERR_CONFIG_INVALID', {
    op: 'read the environment',
    target: name,
    detail: `FATAL: invalid ${typeWord(option.type)} env ${name}=${JSON.stringify(shown)}`,
    hint: `Correct ${name} or unset it; in v4 an empty value is a value.`,
  });
}

/** v4: a variable that is set is used even when empty; the last-listed (older) name wins; malformed is fatal. */
function readV4Variable(option: OptionDefinition, env: EnvironmentVariables, notices: string[]): Setting | undefined {
  const set = option.env.filter((name) => env[name] !== undefined);
  const name = set.at(-1);
  if (name === undefined) return undefined;
  const current = option.env[0];
  if (name !== current && option.replacedBy === undefined) notices.push(`${name} is an old name of ${current}`);
  for (const loser of set.slice(0, -1)) {
    if (env[loser] !== env[name] && !isOfTheImage(loser, env[loser])) notices.push(`${loser} is overridden by ${name}`);
  }
  const text = env[name] ?? '';
  const value = option.type === 'list' ? text.split(':') : readValue(option.type, text);
  if (value === undefined) throw invalidVariable(option, name, text);
  return { option, value, source: 'env', sourceName: name };
}

/** v3: an empty variable is unset; a malformed one is ignored with a remark (a bool: without). */
function readV3Variable(
  option: OptionDefinition,
  mode: CompatMode,
  env: EnvironmentVariables,
  notices: string[],
): Setting | undefined {
  const name =
    option.v3Env ??
    (option.since === '4' || option.since === '4.next' || option.since === 'git-sidecar' ? option.env[0] : undefined);
  const text = name === undefined ? undefined : env[name];
  if (name === undefined || text === undefined || text === '') return undefined;
  const value = readValue(option.type, text, mode === 'v3.1');
  if (value === undefined) {
    notices.push(
      `${name}=${JSON.stringify(option.secret ? '*****' : text)} is not a valid ${typeWord(option.type)}: the default is used`,
    );
    return undefined;
  }
  return { option, value, source: 'env', sourceName: name };
}

function readFlags(flags: ParsedFlags, mode: CompatMode): Map<string, Setting> {
  const found = new Map<string, Setting>();
  for (const { option, value: text } of flags.uses) {
    const value = readValue(option.type, text);
    if (value === undefined) {
      const dashes = mode === 'v4' ? '--' : '-';
      throw new SidecarError('ERR_CONFIG_USAGE', {
        op: 'read the command line',
        detail: `invalid argument ${JSON.stringify(option.secret ? '*****' : text)} for "${dashes}${option.name}" flag: not a valid ${typeWord(option.type)}`,
      });
    }
    const before = found.get(option.name)?.value;
    const repeatable = Array.isArray(value) && Array.isArray(before);
    found.set(option.name, {
      option,
      value: repeatable ? [...before, ...value] : value,
      source: 'flag',
      sourceName: `--${option.name}`,
    });
  }
  return found;
}

/** Merges flags, variables and defaults: a flag beats a variable, a variable the default. */
export function resolveSettings(
  mode: CompatMode,
  flags: ParsedFlags,
  env: EnvironmentVariables,
  options: readonly OptionDefinition[],
): Settings {
  const notices: string[] = [];
  const fromFlags = readFlags(flags, mode);
  const settings = new Map<string, Setting>();
  for (const option of options) {
    const flag = fromFlags.get(option.name);
    const variable = mode === 'v4' ? readV4Variable(option, env, notices) : readV3Variable(option, mode, env, notices);
    const differ = flag && variable && option.type !== 'repeat' && String(flag.value) !== String(variable.value);
    if (differ && !isOfTheImage(variable.sourceName, String(variable.value))) {
      notices.push(`${variable.sourceName} is overruled by ${flag.sourceName}`);
    }
    const merged = option.type === 'repeat' && flag && variable ? append(variable, flag) : (flag ?? variable);
    settings.set(option.name, merged ?? defaultSetting(option, mode, env));
  }
  return new Settings(mode, settings, notices);
}

/** compat.md 1.2: `--credential` adds to what the variable holds. */
function append(variable: Setting, flag: Setting): Setting {
  return { ...flag, value: [...asList(variable.value), ...asList(flag.value)] };
}

function asList(value: OptionValue): readonly string[] {
  return Array.isArray(value) ? value : [String(value)];
}

/** The deprecated option of v4 that stands in for `name` here: it is set, and not overruled by an explicit flag. */
export function effectiveName(settings: Settings, name: string, deprecated: string): string {
  const old = settings.get(deprecated);
  const current = settings.get(optionNamed(name).name);
  if (settings.mode !== 'v4') return current.source === 'default' ? deprecated : name;
  const isOn = old.source !== 'default' && old.value !== '' && old.value !== 0;
  return isOn && !(old.source === 'env' && current.source === 'flag') ? deprecated : name;
}

/** Names of old options, by the name of the option that replaces them. */
const OLD_NAMES = new Map<string, string[]>();
for (const { name, replacedBy } of OPTIONS)
  if (replacedBy !== undefined) OLD_NAMES.set(replacedBy, [...(OLD_NAMES.get(replacedBy) ?? []), name]);

/** The name of the option that has the effect of `name` here: an old one, where that overrules it. */
export function nameInForce(settings: Settings, name: string): string {
  const olds = OLD_NAMES.get(name) ?? [];
  return olds.find((old) => settings.has(old) && effectiveName(settings, name, old) === old) ?? name;
}
