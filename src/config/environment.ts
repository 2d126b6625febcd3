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

/**
 * What deploy/Containerfile sets, as git-sync v4's image does: it is there whatever the user's words are, so it says
 * nothing about what the user meant, and nobody needs to hear of it.
 */
export function isOfTheImage(name: string, value: string | undefined): boolean {
  return name === 'GITSYNC_ROOT' && value === '/git';
}

/** Variables of ours that hold secrets. Files and services are safer, but these are what many charts set. */
const SECRETS = ['GITSYNC_PASSWORD', 'GIT_SYNC_PASSWORD', 'GITSYNC_CREDENTIAL', 'GITSYNC_GITHUB_APP_PRIVATE_KEY'];

/** What an application inherits that runs beside the sync: the credentials of the git server are none of its business. */
export function applicationEnvironment(env: EnvironmentVariables): Record<string, string> {
  return Object.fromEntries(Object.entries(childEnvironment(env)).filter(([name]) => !SECRETS.includes(name)));
}

/** What children inherit: everything the user set, less what would turn git to another repository. */
export function childEnvironment(env: EnvironmentVariables): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !REPOSITORY_VARIABLES.has(name)) kept[name] = value;
  }
  return kept;
}
