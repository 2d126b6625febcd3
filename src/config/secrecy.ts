import { SidecarError } from '../model/error.ts';
import { redactUrl } from '../platform/redact.ts';
import { visibleText } from '../platform/visible-text.ts';
import { parseGitConfig } from './git-config-grammar.ts';
import type { OptionDefinition } from './option.ts';

const MASK = '*****';
/** git settings whose values are credentials. */
export const SECRET_KEY = /(?:extraheader|pass(?:word|wd|phrase)?|token|secret)$/i;

/**
 * `text` without the userinfo of its URLs. Stricter than what is done to log lines: a password with an unencoded slash
 * or at sign is masked too, at the price of some harmless path with an at sign in it.
 */
function maskUserinfo(text: string): string {
  return redactUrl(text).replace(
    /([a-z][a-z0-9+.-]*:\/\/)([^/\s@]*:[^\s@]*(?:@[^\s/]*)*)@/gi,
    (all, scheme: string) => {
      return all.includes(MASK) ? all : `${scheme}${MASK}@`;
    },
  );
}

/** The address of a service that accepts everyone who knows it: only its origin may be shown. */
function maskAddress(text: string): string {
  const [, origin, rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)(.*)$/is.exec(text) ?? [];
  if (origin === undefined) return text === '' ? '' : MASK;
  return `${maskUserinfo(origin)}${rest === '' || rest === '/' ? rest : `/${MASK}`}`;
}

function quote(text: string): string {
  return /[\s:,"\\]/.test(text) ? JSON.stringify(text) : text;
}

/** A program with arguments, or a line of shell: either can hold a password. */
function runsShell(helper: string): boolean {
  return /[!\s]/.test(helper);
}

function maskGitSettings(text: string): string {
  try {
    const pairs = parseGitConfig(text, true).map(({ key, value }) => {
      const isShell = /helper$/i.test(key) && runsShell(value);
      const shown = SECRET_KEY.test(key) || isShell ? MASK : maskUserinfo(value);
      return `${quote(maskUserinfo(key))}:${quote(shown)}`;
    });
    return pairs.join(',');
  } catch (error) {
    if (error instanceof SidecarError) return MASK;
    throw error;
  }
}

/** One value of `option` as it may be shown; the option's row says what of it is secret. */
export function maskValue({ secret }: Pick<OptionDefinition, 'secret'>, text: string): string {
  if (text === '') return '';
  if (secret === true || secret === 'credentials') return MASK;
  if (secret === 'address') return maskAddress(text);
  if (secret === 'shell' && runsShell(text)) return MASK;
  return visibleText(secret === 'git-settings' ? maskGitSettings(text) : maskUserinfo(text));
}

/** True when a part of `value` must not be shown. */
export function holdsSecret(option: Pick<OptionDefinition, 'secret'>, value: unknown): boolean {
  const texts = Array.isArray(value) ? value.map(String) : [String(value)];
  return texts.some((text) => maskValue(option, text).includes(MASK));
}
