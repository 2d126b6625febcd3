import { CASE_HINTS } from '../model/case-hints.ts';
import type { SidecarError } from '../model/error.ts';
import { ERROR_CODES } from '../model/error-codes.ts';
import type { ErrorCodeEntry } from '../model/error-entry.ts';
import type { CompatMode } from './option.ts';
import { findOption } from './options.ts';
import { nameInForce, type Settings } from './settings.ts';

/** Hints that need another text in v3 mode, by v4's text. */
const V3_TEXTS = new Map(
  [
    ...Object.values<ErrorCodeEntry>(ERROR_CODES),
    ...Object.values<{ hint: string; v3Hint?: string }>(CASE_HINTS),
  ].flatMap(({ hint, v3Hint }) => (v3Hint === undefined ? [] : [[hint, v3Hint] as const])),
);

function variableOf(name: string, mode: CompatMode): string | undefined {
  const option = findOption(name);
  return mode === 'v4' ? option?.env[0] : option?.v3Env;
}

/**
 * How to spell v4's option `name` so that it has an effect: as the user spelled it, else by the names of the mode. In v3
 * mode a v4 spelling would turn the whole configuration into v4's.
 */
function spell(settings: Settings, name: string): string {
  const inForce = nameInForce(settings, name);
  const { source, sourceName } = settings.get(inForce);
  if (source === 'env') return `\`${sourceName}\``;
  const variable = settings.mode === 'v4' || source === 'flag' ? undefined : variableOf(inForce, settings.mode);
  return `\`--${inForce}\`${variable === undefined ? '' : ` (${variable})`}`;
}

/** The hint of an error, with the option names of the mode and of the configuration. */
export function hintFor({ hint }: Pick<SidecarError, 'hint'>, settings: Settings): string {
  const text = settings.mode === 'v4' ? hint : (V3_TEXTS.get(hint) ?? hint);
  return text.replace(/`--([a-z][a-z-]+)`/g, (whole, name: string) =>
    settings.has(name) ? spell(settings, name) : whole,
  );
}
