import { resolve as absolute } from 'node:path';
import { SidecarError } from '../model/error.ts';
import { linkPath } from './build-config.ts';
import { type CompatChoice, detectCompat, explicitCompat } from './detect-compat.ts';
import { FlagSyntaxError, type ParsedFlags, parseV3Flags, parseV4Flags } from './flags.ts';
import type { CommandName, CompatMode, OptionDefinition } from './option.ts';
import { optionsOf } from './options.ts';
import type { OptionValue } from './read-value.ts';
import { type EnvironmentVariables, resolveSettings, type Settings } from './settings.ts';
import { suggest } from './suggest.ts';
import { unknownVariableNotices } from './unknown-variables.ts';

const MODES: Readonly<Record<string, CompatMode>> = {
  v3: 'v3',
  'v3.3': 'v3',
  'v3.3.5': 'v3',
  'v3.1': 'v3.1',
  'v3.1.1': 'v3.1',
  v4: 'v4',
  'v4.7': 'v4',
  'v4.7.1': 'v4',
};

/** The mode the user chose, or the one their spellings speak for. */
export function chooseCompat(argv: readonly string[], env: EnvironmentVariables): CompatChoice {
  const chosen = explicitCompat(argv, env);
  if (chosen === undefined || chosen === 'auto') return detectCompat(argv, env);
  const mode = MODES[chosen];
  if (!mode) {
    throw new SidecarError('ERR_CONFIG_USAGE', {
      op: 'read the command line',
      target: '--compat',
      detail: `${JSON.stringify(chosen)} is not one of auto, v3, v3.1, v4`,
    });
  }
  return { mode, reason: 'chosen by --compat or GITSYNC_COMPAT' };
}

/**
 * Parses the command line in the grammar of `mode`.
 * @throws SidecarError ERR_CONFIG_USAGE with the parser's own text and the nearest flag
 */
function parseFlags(command: CommandName, argv: readonly string[], mode: CompatMode): ParsedFlags {
  try {
    return mode === 'v4' ? parseV4Flags(argv, command) : parseV3Flags(argv);
  } catch (error) {
    if (!(error instanceof FlagSyntaxError)) throw error;
    // Only what the mode itself has: a v4 spelling would turn v3's configuration into v4's.
    const isKnown = ({ hidden, envOnly, since, replacedBy }: OptionDefinition): boolean =>
      !hidden && !envOnly && (mode === 'v4' ? replacedBy === undefined : since !== '4' && since !== '4.next');
    const names = optionsOf(command).filter(isKnown);
    const nearest =
      error.unknown &&
      suggest(
        error.unknown,
        names.map(({ name }) => name),
      );
    throw new SidecarError('ERR_CONFIG_USAGE', {
      op: 'read the command line',
      detail: error.message,
      ...(nearest && { hint: `Did you mean --${nearest}?` }),
    });
  }
}

/** What a command line and an environment say: the value of every option that the command has, and the rest. */
export interface Loaded {
  readonly compat: CompatChoice;
  readonly settings: Settings;
  /** Arguments that are no options. */
  readonly words: readonly string[];
  /** What stands behind `--` of `run`: a program and its arguments. */
  readonly command: readonly string[];
  /** Things the user should know: old names, values without effect, unknown variables. */
  readonly notices: readonly string[];
}

/** Which git-sync's layout the root has that `link` is in; undefined for a fresh one. */
export type LayoutOf = (link: string) => CompatMode | undefined;

/**
 * From command line and environment to every option's value. `sync` speaks whatever git-sync its user speaks; all other
 * commands speak v4.
 *
 * @throws SidecarError ERR_CONFIG_USAGE, ERR_CONFIG_INVALID
 */
export function load(
  name: CommandName,
  argv: readonly string[],
  env: EnvironmentVariables,
  layoutOf: LayoutOf = () => undefined,
): Loaded {
  const options = optionsOf(name);
  const end = name === 'run' ? argv.indexOf('--') : -1;
  const [words, command] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  const chosen = compatOf(name, words, env);
  const flags = parseFlags(name, words, chosen.mode);
  const first = resolveSettings(chosen.mode, flags, env, options);
  const compat = keepLayout(chosen, first, layoutOf);
  const isKept = compat.mode === chosen.mode;
  const settings = isKept
    ? first
    : resolveSettings(compat.mode, parseFlags(name, words, compat.mode), withV4Names(env), options);
  const notices = [
    ...mixtureNotices(compat, settings),
    ...settings.notices,
    ...(name === 'sync' ? strayNotices(flags, compat.mode) : []),
    ...unknownVariableNotices(name, env, chosen.mode),
    ...overruledNotices(settings),
    ...uselessNotices(name, settings),
  ];
  return { compat, settings, words: flags.positional, command, notices };
}

function compatOf(name: CommandName, argv: readonly string[], env: EnvironmentVariables): CompatChoice {
  return name === 'sync' ? chooseCompat(argv, env) : { mode: 'v4', reason: `${name} speaks v4` };
}

/** git-sync ignores such arguments. */
function strayNotices({ positional }: ParsedFlags, mode: CompatMode): string[] {
  if (positional.length === 0) return [];
  const behind = mode === 'v4' ? '' : ', and with it every flag behind the first such argument';
  return [`ignored, since no flag: ${positional.join(' ')}${behind}`];
}

/** True where `--compat` chooses v4, or leaves the choice to us. */
export function isV4(compat: OptionValue): boolean {
  return ['', 'auto'].includes(String(compat)) || MODES[String(compat)] === 'v4';
}

/** Flags that change nothing, since what they are about is not there. A variable may be meant for other containers. */
function uselessNotices(name: CommandName, settings: Settings): string[] {
  const notices: string[] = [];
  const isAlone = name === 'run' && !settings.isOn('repo');
  const compat = name === 'run' ? settings.get('compat') : undefined;
  if (compat?.source === 'env' && !isV4(compat.value))
    notices.push(`${compat.sourceName}=${String(compat.value)} has no effect: run speaks v4`);
  for (const { option, source } of settings.all()) {
    const { name: flag, runAlone, detailOf = [] } = option;
    if (source !== 'flag' || !settings.isOn(flag)) continue;
    if (isAlone && !runAlone)
      notices.push(`--${flag} has no effect without --repo: another process publishes the link`);
    else if (detailOf.length > 0 && !detailOf.some((each) => settings.isOn(each))) {
      const names = detailOf.filter((each) => settings.get(each).option.replacedBy === undefined);
      notices.push(`--${flag} has no effect without --${names.join(' or --')}`);
    }
  }
  return notices;
}

/**
 * One v4 spelling in a configuration for v3 must not move the tree: a watcher of v3's root would never see another
 * update. For v4's layout use v4's names only, or GITSYNC_COMPAT=v4.
 */
function keepLayout(chosen: CompatChoice, settings: Settings, layoutOf: LayoutOf): CompatChoice {
  if (!chosen.mixture || chosen.mode !== 'v4' || settings.text('root') === '') return chosen;
  const mode = layoutAt(settings, layoutOf);
  if (mode === undefined || mode === 'v4') return chosen;
  const { v3, v4 } = chosen.mixture;
  return { ...chosen, mode, reason: `the root has v3’s layout, and ${v3} is v3’s beside ${v4}, which is v4’s` };
}

function layoutAt(settings: Settings, layoutOf: LayoutOf): CompatMode | undefined {
  try {
    return layoutOf(linkPath(settings, absolute(settings.text('root'))));
  } catch (error) {
    // What is wrong with the options is said when they are checked.
    if (error instanceof SidecarError) return undefined;
    throw error;
  }
}

/** v3's mode reads v3's names. What stands under v4's alone was meant as well. */
function withV4Names(env: EnvironmentVariables): EnvironmentVariables {
  const more: Record<string, string | undefined> = {};
  for (const {
    v3Env,
    env: [name = ''],
  } of optionsOf('sync'))
    if (v3Env !== undefined && !env[v3Env] && env[name]) more[v3Env] = env[name];
  return { ...env, ...more };
}

function mixtureNotices({ mixture, mode }: CompatChoice, settings: Settings): string[] {
  if (!mixture) return [];
  const { v3, v4 } = mixture;
  const beside = `${v4} is a spelling of git-sync v4 beside ${v3}, one of v3`;
  const choice = 'set GITSYNC_COMPAT to v3, v3.1 or v4 to choose';
  return mode === 'v4'
    ? [
        `${beside}: this runs as v4, with trees in ${settings.text('root')}/.worktrees where v3 has them in the root; ${choice}`,
      ]
    : [`${beside}: this continues as ${mode}, because of the layout of the root or the single dash; ${choice}`];
}

/** airflow#42918: it is easy to miss that an old variable overrides a pinned ref. */
function overruledNotices(settings: Settings): string[] {
  if (settings.mode !== 'v4' || !settings.has('ref') || !settings.isSet('ref')) return [];
  return ['branch', 'rev']
    .filter((name) => settings.isSet(name) && settings.text(name) !== '' && settings.text(name) !== 'HEAD')
    .map((name) => {
      const [old, ref] = [settings.get(name), settings.get('ref')];
      const wins = ref.source === 'flag' && old.source === 'env' ? ref : old;
      const loses = wins === old ? ref : old;
      return `${loses.sourceName}=${String(loses.value)} is overruled by ${wins.sourceName}=${String(wins.value)}`;
    });
}
