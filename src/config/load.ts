import { SidecarError } from '../model/error.ts';
import { buildSyncConfig } from './build-config.ts';
import { type CompatChoice, detectCompat, explicitCompat } from './detect-compat.ts';
import { FlagSyntaxError, type ParsedFlags, parseV3Flags, parseV4Flags } from './flags.ts';
import type { CompatMode } from './option.ts';
import { OPTIONS } from './options.ts';
import { type EnvironmentVariables, resolveSettings, type Settings } from './settings.ts';
import { suggest } from './suggest.ts';
import type { SyncConfig } from './sync-config.ts';
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
 * @throws SidecarError ERR_CONFIG_USAGE with the parser's own words and the nearest flag
 */
function parseFlags(argv: readonly string[], mode: CompatMode): ParsedFlags {
  try {
    return mode === 'v4' ? parseV4Flags(argv) : parseV3Flags(argv);
  } catch (error) {
    if (!(error instanceof FlagSyntaxError)) throw error;
    const names = OPTIONS.filter((option) => !option.hidden && !option.envOnly).map((option) => option.name);
    const nearest = error.unknown === undefined ? undefined : suggest(error.unknown, names);
    throw new SidecarError('ERR_CONFIG_USAGE', {
      op: 'read the command line',
      detail: error.message,
      ...(nearest !== undefined && { hint: `Did you mean --${nearest}?` }),
    });
  }
}

export interface LoadedSettings {
  readonly compat: CompatChoice;
  readonly settings: Settings;
  /** Things the user should know: old names, values without effect, unknown variables. */
  readonly notices: readonly string[];
}

/** From command line and environment to every option's value. */
export function loadSettings(argv: readonly string[], env: EnvironmentVariables): LoadedSettings {
  const compat = chooseCompat(argv, env);
  const settings = resolveSettings(compat.mode, parseFlags(argv, compat.mode), env);
  return {
    compat,
    settings,
    notices: [...settings.notices, ...unknownVariableNotices(env, compat.mode), ...overruledNotices(settings)],
  };
}

/** airflow#42918: old variables that beat a ref somebody pinned are easy to miss. */
export function overruledNotices(settings: Settings): string[] {
  if (settings.mode !== 'v4' || !settings.isSet('ref')) return [];
  return ['branch', 'rev']
    .filter((name) => settings.isSet(name) && settings.text(name) !== '' && settings.text(name) !== 'HEAD')
    .map((name) => {
      const [old, ref] = [settings.get(name), settings.get('ref')];
      const wins = ref.source === 'flag' && old.source === 'env' ? ref : old;
      const loses = wins === old ? ref : old;
      return `${loses.sourceName}=${String(loses.value)} is overruled by ${wins.sourceName}=${String(wins.value)}`;
    });
}

export function loadSyncConfig(loaded: LoadedSettings, env: EnvironmentVariables): SyncConfig {
  return buildSyncConfig(loaded.settings, env);
}
