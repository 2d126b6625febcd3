import type { Environment } from '../platform/process/runner.ts';

/** A git command as it is started: the sub-command is the first argument. */
export interface GitCall {
  readonly args: readonly string[];
  /** What `--git-dir` and `-c` say, as variables (git, "Environment Variables"; git-config, "GIT_CONFIG_COUNT"). */
  readonly variables: Environment;
}

/**
 * Moves what stands before the sub-command into variables. Programs that users give as `--git` look at their first
 * argument to know what git is about to do, as they could with git-sync (compat.md 13).
 *
 * @param args may begin with `--git-dir DIR` and `-c NAME=VALUE`
 * @param inherited the environment that the command is started with, whose own settings stay
 */
export function subCommandFirst(args: readonly string[], inherited: Environment): GitCall {
  const rest = [...args];
  const variables: Record<string, string> = {};
  const settings: (readonly [string, string])[] = [];
  for (;;) {
    const [option, value] = rest;
    if (value === undefined || (option !== '--git-dir' && option !== '-c')) break;
    rest.splice(0, 2);
    if (option === '--git-dir') {
      variables.GIT_DIR = value;
      continue;
    }
    const equals = value.indexOf('=');
    settings.push(equals < 0 ? [value, 'true'] : [value.slice(0, equals), value.slice(equals + 1)]);
  }
  if (settings.length > 0) {
    const first = Number(inherited.GIT_CONFIG_COUNT ?? '0') || 0;
    settings.forEach(([key, value], index) => {
      variables[`GIT_CONFIG_KEY_${first + index}`] = key;
      variables[`GIT_CONFIG_VALUE_${first + index}`] = value;
    });
    variables.GIT_CONFIG_COUNT = String(first + settings.length);
  }
  return { args: rest, variables };
}
