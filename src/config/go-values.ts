/**
 * Values as Go's strconv, time and flag packages read them (compat.md 1.1), since users type what git-sync accepts.
 * Every parser returns undefined for text it does not accept; the caller makes the error.
 */

const INT_FORMS: readonly (readonly [RegExp, number])[] = [
  [/^0x_?([0-9a-f]+(?:_[0-9a-f]+)*)$/i, 16],
  [/^0b_?([01]+(?:_[01]+)*)$/i, 2],
  [/^0o_?([0-7]+(?:_[0-7]+)*)$/i, 8],
  [/^0_?([0-7]+(?:_[0-7]+)*)$/, 8],
  [/^((?:[1-9][0-9]*(?:_[0-9]+)*)|0)$/, 10],
];

/** `strconv.ParseInt(text, 0, 64)`, as far as a safe integer reaches. */
export function parseGoInt(text: string): number | undefined {
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  const digits = text.slice(sign.length);
  for (const [form, base] of INT_FORMS) {
    const found = form.exec(digits);
    if (!found?.[1]) continue;
    const value = Number.parseInt(found[1].replaceAll('_', ''), base);
    return Number.isSafeInteger(value) ? (sign === '-' ? -value : value) : undefined;
  }
  return undefined;
}

/** `strconv.Atoi`: decimal only, leading zeros allowed. 3.1.1 reads its variables so. */
export function parseDecimalInt(text: string): number | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = Number.parseInt(text, 10);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** `strconv.ParseFloat`, decimal forms; infinities and NaN are refused, since no option can mean them. */
export function parseGoFloat(text: string): number | undefined {
  if (!/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?$/i.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

const TRUE_WORDS = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE_WORDS = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** `strconv.ParseBool`. */
export function parseGoBool(text: string): boolean | undefined {
  if (TRUE_WORDS.includes(text)) return true;
  return FALSE_WORDS.includes(text) ? false : undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** `time.ParseDuration`, in milliseconds; `10` without a unit is refused, `0` is not. */
export function parseGoDuration(text: string): number | undefined {
  const found = /^([+-]?)(.*)$/s.exec(text);
  const [sign, rest] = [found?.[1], found?.[2] ?? ''];
  if (rest === '0') return 0;
  if (!/^(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$/.test(rest)) return undefined;
  let total = 0;
  for (const [, number, unit] of rest.matchAll(/([0-9.]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g)) {
    total += Number(number) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
  }
  return Number.isFinite(total) ? (sign === '-' ? -total : total) : undefined;
}
