import { SidecarError } from '../model/error.ts';
import { buildRunConfig } from './build-run-config.ts';
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
  return { ...loadCommand(words, env, RUN_OPTIONS), command, cwd };
}

/** @throws SidecarError ERR_CONFIG_USAGE, ERR_CONFIG_INVALID */
export function loadRunConfig(loaded: LoadedRun, env: EnvironmentVariables): RunConfig {
  const [stray] = loaded.words;
  if (stray === undefined) return buildRunConfig(loaded, env);
  const detail = `${JSON.stringify(stray)} is no option; the command comes behind --`;
  throw new SidecarError('ERR_CONFIG_USAGE', { op: 'read the command line', detail });
}
