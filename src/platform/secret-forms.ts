/** One spelling of a secret. */
export interface SecretForm {
  /** A text without this does not have the spelling either. */
  readonly text: string;
  readonly pattern: RegExp;
}

/** A shorter secret occurs in too many ordinary words: it is not looked for. */
export const SHORTEST_SECRET = 3;
/** A shorter one is replaced only where it stands alone, not within a longer word. */
const SHORTEST_WITHIN_WORDS = 8;
/** Of the base64 of an unknown text around the secret, so many characters have to be the secret's own. */
const SHORTEST_IN_BASE64 = 8;

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Where a word ends: also behind an escape such as `%3A`, `\n` or `\u000a`. */
const WORD_BEGINS = '(?:(?<![A-Za-z0-9_])|(?<=%[0-9A-Fa-f]{2}|\\\\[bfnrt]|\\\\u[0-9A-Fa-f]{4}))';
const WORD_ENDS = '(?![A-Za-z0-9_])';

function quote(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

/** `%2F` in either case, as a pattern for the bytes of `text`. */
function percentPattern(text: string): string {
  const bytes = Buffer.from(text).toString('hex');
  return bytes.replace(/../g, (byte) => `%${byte.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)}`);
}

/** URL libraries do not agree on which characters they encode, so each that is no letter or digit may be. */
function percentForm(secret: string): SecretForm {
  const parts = [...secret].map((character) => {
    if (/[A-Za-z0-9]/.test(character)) return character;
    return `(?:${character === ' ' ? '\\+|' : ''}${percentPattern(character)}|${quote(character)})`;
  });
  const [first = ''] = (secret.match(/[A-Za-z0-9]+/g) ?? []).sort((a, b) => b.length - a.length);
  return { text: first, pattern: new RegExp(bounded(secret, parts.join('')), 'g') };
}

function jsonForms(secret: string): string[] {
  const usual = JSON.stringify(secret).slice(1, -1);
  const ascii = usual.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return [usual, ascii, usual.replaceAll('/', '\\/'), JSON.stringify(usual).slice(1, -1)];
}

function base64Forms(bytes: Buffer): string[] {
  return [bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')];
}

/** The characters that the base64 of any text has when `secret` is in it, by where in a group of three bytes it begins. */
function withinBase64(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    const [first, end] = [Math.ceil((before * 8) / 6), Math.floor((whole.length * 8) / 6)];
    return ['base64', 'base64url'].map((encoding) => whole.toString(encoding as BufferEncoding).slice(first, end));
  });
}

/** @param pattern of `text`, which is found within words only when it is long */
function bounded(text: string, pattern: string): string {
  if (text.length >= SHORTEST_WITHIN_WORDS) return pattern;
  const begin = /^[A-Za-z0-9_]/.test(text) ? WORD_BEGINS : '';
  const end = /[A-Za-z0-9_]$/.test(text) ? WORD_ENDS : '';
  return `${begin}${pattern}${end}`;
}

function form(text: string): SecretForm {
  return { text, pattern: new RegExp(bounded(text, quote(text)), 'g') };
}

/** Its neighbours hold the rest of the secret's bits. */
function base64Form(text: string): SecretForm {
  return { text, pattern: new RegExp(`[A-Za-z0-9+/_-]?${quote(text)}[A-Za-z0-9+/_-]?=*`, 'g') };
}

/**
 * How `secret` may be spelled in a text that another program wrote: as it is, escaped for JSON, HTML or a URL, in hex,
 * in base64 alone or as a part of a longer text.
 * @param user the user with whom it is sent as HTTP Basic authentication
 */
export function formsOf(secret: string, user: string | undefined): SecretForm[] {
  const trimmed = secret.trim();
  const bytes = Buffer.from(trimmed);
  const hex = bytes.toString('hex');
  const texts = new Set([
    secret,
    trimmed,
    ...jsonForms(trimmed),
    hex.replace(/../g, '%$&'),
    hex.toUpperCase().replace(/../g, '%$&'),
    trimmed.replace(/[&<>"']/g, (character) => HTML[character] ?? character),
    ...base64Forms(bytes),
    hex,
    hex.toUpperCase(),
    ...(user === undefined ? [] : base64Forms(Buffer.from(`${user}:${trimmed}`))),
  ]);
  const literal = [...texts]
    .filter(({ length }) => length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length)
    .map(form);
  const within = [...new Set(withinBase64(trimmed))].filter(({ length }) => length >= SHORTEST_IN_BASE64);
  return [...literal, percentForm(trimmed), ...within.map(base64Form)];
}
