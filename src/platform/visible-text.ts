/**
 * Characters that change how the text around them is shown, or that end a line: control characters (C0, DEL, C1), line
 * and paragraph separators, lone surrogates, marks that turn the writing direction (Unicode Bidi_Control), the byte
 * order mark, annotation marks and tag characters.
 */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E007F}]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeUnits(text: string): string {
  return Array.from({ length: text.length }, (_, index) => {
    return `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }).join('');
}

/** `text` on one line, with every character that a terminal would act on written as an escape: `\n`, `\u001b`. */
export function visibleText(text: string): string {
  return text.replace(UNSEEN, (character) => SHORT[character] ?? escapeUnits(character));
}

/** As `visibleText`, but the line feeds, carriage returns and tabs stay: for output that is passed on as it comes. */
export function visibleLines(text: string): string {
  return text.replace(UNSEEN, (character) => (character in SHORT ? character : escapeUnits(character)));
}

/** True when `text` has none of the characters that `visibleText` escapes. */
export function isVisible(text: string): boolean {
  return text.search(UNSEEN) < 0;
}

/** JSON on one line. Differs from JSON.stringify in that nothing in it acts on a terminal; readers get the same value. */
export function visibleJson(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').replace(UNSEEN, escapeUnits);
}
