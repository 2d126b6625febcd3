import { knownVariables } from './detect-compat.ts';
import { isOfTheImage } from './environment.ts';
import type { CompatMode, OptionDefinition } from './option.ts';
import { OPTIONS } from './options.ts';
import type { EnvironmentVariables } from './settings.ts';
import { suggest } from './suggest.ts';

/** Kubernetes makes these for a Service whose name begins like ours; they are no mistake of the user. */
const SERVICE_LINK = /_(?:SERVICE_(?:HOST|PORT)(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

/** Charts set these with every mode; v4 needs no word about ssh, and nobody is to be worried about it. */
const HARMLESS = new Set(['GIT_SYNC_SSH', 'GITSYNC_SSH', 'GITSYNC_HASH']);

/**
 * Remarks about `GIT_SYNC_*` and `GITSYNC_*` variables that nothing reads, or nothing in this mode.
 * @param more options that a command has besides those of sync
 */
export function unknownVariableNotices(
  env: EnvironmentVariables,
  mode: CompatMode,
  more: readonly OptionDefinition[] = [],
): string[] {
  const own = more.flatMap((option) => option.env);
  const known = [...knownVariables(), ...own];
  const inMode = new Set(
    mode === 'v4'
      ? OPTIONS.flatMap((option) => [...option.env])
      : OPTIONS.flatMap((option) => (option.v3Env ? [option.v3Env] : option.env.slice(0, 1))),
  );
  for (const name of own) inMode.add(name);
  const notices: string[] = [];
  for (const name of Object.keys(env).sort()) {
    if (!/^(?:GITSYNC|GIT_SYNC)_/.test(name) || SERVICE_LINK.test(name) || inMode.has(name) || HARMLESS.has(name))
      continue;
    if (isOfTheImage(name, env[name])) continue;
    const nearest = suggest(name, [...inMode]);
    if (known.includes(name)) {
      notices.push(`${name} is set but has no effect in ${mode} mode`);
    } else
      notices.push(`${name} is not a variable that git-sidecar knows${nearest ? `: did you mean ${nearest}?` : ''}`);
  }
  return notices;
}
