import { redactUrl } from '../platform/redact.ts';
import type { OptionDefinition } from './option.ts';
import { OPTIONS } from './options.ts';
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
 * What deploy/Containerfile sets, as git-sync v4's image does: it is there whatever the user wrote, so it says nothing
 * about what the user meant, and no warning names it.
 */
export function isOfTheImage(name: string, value: string | undefined): boolean {
  return name === 'GITSYNC_ROOT' && value === '/git';
}

/** What children inherit: everything the user set, less what would turn git to another repository. */
export function childEnvironment(env: EnvironmentVariables): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !REPOSITORY_VARIABLES.has(name)) kept[name] = value;
  }
  return kept;
}

/** Every variable that an option is read from, in any mode, with the option. */
const OPTION_OF: ReadonlyMap<string, OptionDefinition> = new Map(
  OPTIONS.flatMap((option) =>
    [...option.env, ...(option.v3Env === undefined ? [] : [option.v3Env])].map((name) => [name, option] as const),
  ),
);

/** A misspelled variable of ours can hold a secret as well. */
const LOOKS_SECRET = /^GIT_?(?:SYNC|SIDECAR)_\w*(?:PASS|TOKEN|SECRET|CREDENTIAL|KEY)/;

/**
 * The value of an option without its secrets.
 * @returns undefined when nothing of it may be handed on
 */
function withoutSecrets({ secret }: OptionDefinition, value: string): string | undefined {
  return secret ? undefined : redactUrl(withoutUserinfo(value));
}

/** What an application inherits that runs beside the sync: the credentials of the git server are none of its business. */
export function applicationEnvironment(env: EnvironmentVariables): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(childEnvironment(env))) {
    const option = OPTION_OF.get(name);
    const shown = option ? withoutSecrets(option, value) : LOOKS_SECRET.test(name) ? undefined : value;
    if (shown !== undefined) kept[name] = shown;
  }
  return kept;
}

/**
 * URLs, several separated by commas, without a password. A user name goes too, since a token can stand in its place;
 * that of ssh stays. The password may hold any character, so everything up to the last `@` before the path belongs to it.
 */
function withoutUserinfo(value: string): string {
  return value.replace(/([a-z][a-z0-9+.-]*:\/\/)([^/?#\s]*)@/gi, (_all, scheme: string, userinfo: string) => {
    const [user = ''] = userinfo.split(':');
    return /^(?:git\+)?ssh/i.test(scheme) && user !== '' ? `${scheme}${user}@` : scheme;
  });
}
