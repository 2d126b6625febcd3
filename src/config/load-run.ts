import { SidecarError } from '../model/error.ts';
import { buildRunConfig } from './build-run-config.ts';
import { overruledNotices } from './load.ts';
import { type LoadedCommand, loadCommand } from './load-command.ts';
import { RUN_OPTIONS } from './options/run.ts';
import type { RunConfig } from './run-config.ts';
import type { EnvironmentVariables } from './settings.ts';

export interface LoadedRun extends LoadedCommand {
  readonly command: readonly string[];
  readonly cwd: string;
}

/**
 * Reads the command line of `run`: its own options and those of sync in v4's grammar, `--`, the command.
 * @throws SidecarError ERR_CONFIG_USAGE, ERR_CONFIG_INVALID
 */
export function loadRun(argv: readonly string[], env: EnvironmentVariables, cwd: string): LoadedRun {
  const end = argv.indexOf('--');
  const [words, command] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  const loaded = loadCommand(words, env, RUN_OPTIONS);
  const notices = [...loaded.notices, ...overruledNotices(loaded.sync), ...withoutEffect(loaded)];
  return { ...loaded, notices, command, cwd };
}

/** Options of sync that mean something to run without a sync as well. */
const WITHOUT_SYNC = [
  'link',
  'http-bind',
  'http-metrics',
  'http-pprof',
  'verbose',
  'log-format',
  'termination-log',
  'repo',
  'compat',
];

function withoutEffect({ sync, syncFlags }: LoadedCommand): string[] {
  const compat = sync.get('compat');
  const isOther = compat.source === 'env' && !SPOKEN.test(String(compat.value));
  return [
    ...(isOther ? [`${compat.sourceName}=${String(compat.value)} has no effect: run speaks v4`] : []),
    ...(sync.text('repo') === '' ? syncFlags : [])
      .filter((name) => !WITHOUT_SYNC.includes(name))
      .map((name) => `--${name} has no effect without --repo: another process publishes the link`),
  ];
}

const SPOKEN = /^(?:auto|v4(?:\.7(?:\.1)?)?)?$/;

/** @throws SidecarError ERR_CONFIG_USAGE, ERR_CONFIG_INVALID */
export function loadRunConfig(loaded: LoadedRun, env: EnvironmentVariables): RunConfig {
  const compat = loaded.sync.get('compat');
  if (compat.source === 'flag' && !SPOKEN.test(String(compat.value))) {
    const detail = `--compat=${String(compat.value)}: run speaks v4`;
    throw new SidecarError('ERR_CONFIG_USAGE', { op: 'read the command line', detail });
  }
  const [stray] = loaded.words;
  if (stray === undefined) return buildRunConfig(loaded, env);
  const detail = `${JSON.stringify(stray)} is no option; the command comes behind --`;
  throw new SidecarError('ERR_CONFIG_USAGE', { op: 'read the command line', detail });
}
