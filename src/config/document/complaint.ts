import { SidecarError } from '../../model/error.ts';
import { redactUrl } from '../../platform/redact.ts';
import { holdsSecret } from '../secrecy.ts';
import type { GivenSetting } from './given.ts';
import type { Place, Problems } from './problems.ts';
import { documentName } from './rows.ts';

type Tried<T> = { readonly value: T } | { readonly error: SidecarError };

/** The result of `build`, or the error of ours that it throws. */
export function attempt<T>(build: () => T): Tried<T> {
  try {
    return { value: build() };
  } catch (error) {
    if (error instanceof SidecarError) return { error };
    throw error;
  }
}

/** What an error is about: a unit or a part of the document. */
export interface Subject {
  readonly at: Place;
  /** How the message begins: `sync app: `. */
  readonly title: string;
  readonly given: ReadonlyMap<string, GivenSetting>;
}

const FLAG = /--([a-z][a-z0-9-]*)/g;

/** The setting that `error` is about: the first option that it names and the document gives. */
function settingOf(error: SidecarError, given: Subject['given']): GivenSetting | undefined {
  const { detail } = error;
  if (error.is('url')) return given.get('repo');
  const named = [...detail.matchAll(FLAG)].flatMap(([, name = '']) => given.get(name) ?? []);
  return named[0] ?? [...given.values()].find(({ sourceName }) => detail.startsWith(`${sourceName}: `));
}

/** `text` without values that came from files and variables, or that are secret. */
function withoutValues(text: string, given: Subject['given']): string {
  let masked = text;
  for (const { option, value, isHidden, variables } of given.values()) {
    if (!isHidden && variables.length === 0 && !holdsSecret(option, value)) continue;
    for (const each of [value].flat().map(String)) {
      if (each === '') continue;
      masked = masked.replaceAll(JSON.stringify(each), '"*****"');
      // A short text occurs in ordinary words.
      if (each.length >= 4) masked = masked.replaceAll(each, '*****');
    }
  }
  return redactUrl(masked);
}

/**
 * Puts an error of the command line among the problems, with the keys of the document and with the place that it is
 * about.
 */
export function complain(error: SidecarError, { at, title, given }: Subject, problems: Problems): void {
  const setting = settingOf(error, given);
  const { name } = setting?.option ?? { name: '' };
  const detail = error.is('url') ? `${name || 'a URL'}: ${error.detail}` : error.detail;
  const isSecret = setting !== undefined && (setting.isHidden || holdsSecret(setting.option, setting.value));
  const shown = isSecret ? detail.replace(/"(?:[^"\\]|\\.)*"/g, '"*****"') : detail;
  const own =
    setting && shown.startsWith(`${setting.sourceName}: `)
      ? `${name}: ${shown.slice(setting.sourceName.length + 2)}`
      : shown;
  const words = own.replace(FLAG, (_all, flag: string) => documentName(flag));
  problems.add(setting?.at ?? at, `${title}${withoutValues(words, given)}`);
}
