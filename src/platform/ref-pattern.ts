/** Longer than any name that git servers take. */
const LONGEST = 500;
/** What no name of a ref holds (git-check-ref-format). */
const UNFIT = /[\p{Cc}\p{Cs}\s~^:[\\]|\.\.|\/\/|^\/|\/$|\*\*\*/u;

/** True for a glob that could match names of refs; it has at least one of the wildcards `*`, `**` and `?`. */
export function isRefPattern(text: string): boolean {
  return /[*?]/.test(text) && text.length <= LONGEST && !UNFIT.test(text);
}
