import { isOfTheImage } from './environment.ts';
import { type CommandName, type CompatMode, SERVICES } from './option.ts';
import { OPTIONS, optionsOf } from './options.ts';
import type { EnvironmentVariables } from './settings.ts';
import { suggest } from './suggest.ts';

/** Kubernetes makes these for a Service whose name begins like ours; they are no mistake of the user. */
const SERVICE_LINK = /_(?:SERVICE_(?:HOST|PORT)(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

/** Charts set these with every mode; v4 does not need them for ssh, so no warning names them. */
const HARMLESS = new Set(['GIT_SYNC_SSH', 'GITSYNC_SSH']);

/** A hook that starts a git-sidecar passes them on (docs/hooks.md). */
const OF_HOOKS = /^GITSYNC_(?:HASH|OLD_HASH|AUTHOR_(?:NAME|EMAIL|DATE)|SUBJECT|CHANGED_PATHS|CHANGES)$/;

/** Every variable that some command reads in some mode. */
const KNOWN = new Set(OPTIONS.flatMap(({ env, v3Env }) => [...env, ...(v3Env ? [v3Env] : [])]));

/** Remarks about `GIT_SYNC_*` and `GITSYNC_*` variables that nothing reads, or not this command in this mode. */
export function unknownVariableNotices(command: CommandName, env: EnvironmentVariables, mode: CompatMode): string[] {
  if (!SERVICES.some((each) => each === command)) return [];
  const read = optionsOf(command).flatMap(({ env: names, v3Env }) =>
    mode === 'v4' ? names : v3Env ? [v3Env] : names.slice(0, 1),
  );
  const inMode = new Set(read);
  const notices: string[] = [];
  for (const name of Object.keys(env).sort()) {
    if (!/^(?:GITSYNC|GIT_SYNC)_/.test(name) || SERVICE_LINK.test(name) || inMode.has(name) || HARMLESS.has(name))
      continue;
    if (OF_HOOKS.test(name)) continue;
    if (isOfTheImage(name, env[name])) continue;
    const nearest = suggest(name, read);
    if (KNOWN.has(name))
      notices.push(`${name} is set but has no effect ${command === 'sync' ? `in ${mode} mode` : `with ${command}`}`);
    else notices.push(`${name} is not a variable that git-sidecar knows${nearest ? `: did you mean ${nearest}?` : ''}`);
  }
  return notices;
}
