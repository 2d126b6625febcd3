import { OPTIONS } from './options.ts';
import { holdsSecret } from './secrecy.ts';
import type { EnvironmentVariables } from './settings.ts';

/** Variables that point git at another repository than the one we name (git, "Environment Variables"). */
const REPOSITORY_VARIABLES = new Set([
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_NAMESPACE',
  'GIT_CEILING_DIRECTORIES',
  'GIT_DISCOVERY_ACROSS_FILESYSTEM',
  'GIT_PREFIX',
  'GIT_SHALLOW_FILE',
  'GIT_GRAFT_FILE',
  'GIT_REPLACE_REF_BASE',
  'GIT_CONFIG',
  'GIT_CONFIG_GLOBAL',
  'GIT_CONFIG_SYSTEM',
  'GIT_TEMPLATE_DIR',
  'GIT_EXTERNAL_DIFF',
  'GIT_ATTR_SOURCE',
]);

/** A variable of ours that holds a secret. Files and services are safer, but these are what many charts set. */
function isSecret(name: string, value: string): boolean {
  const option = OPTIONS.find(({ env, v3Env }) => v3Env === name || env.includes(name));
  return option !== undefined && (option.secret === true || holdsSecret(option, value));
}

/** What an application inherits that runs beside the sync: the credentials of the git server are none of its business. */
export function applicationEnvironment(env: EnvironmentVariables): Record<string, string> {
  return Object.fromEntries(Object.entries(childEnvironment(env)).filter(([name, value]) => !isSecret(name, value)));
}

/** What children inherit: everything the user set, less what would turn git to another repository. */
export function childEnvironment(env: EnvironmentVariables): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !REPOSITORY_VARIABLES.has(name)) kept[name] = value;
  }
  return kept;
}
