import { type BytePath, bytesOfPath } from './byte-path.ts';

/** Characters that are UTF-8 (RFC 3629, 4), or a single byte that is not; one byte in each character of the string. */
const PIECES =
  /(?:[\x20-\x5b\x5d-\x7e]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+|./gs;

/** Control, formatting and private characters, line and paragraph separators: what a terminal would not show as itself. */
const INVISIBLE = /[\p{C}\u2028\u2029]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

function escapeByte(byte: string): string {
  return SHORT[byte] ?? `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return escapeByte(character);
  return `\\u{${code.toString(16)}}`;
}

/** Text on one line: what is not visible as itself is escaped, but a backslash stays. */
export function showLine(text: string): string {
  return text.replace(INVISIBLE, escapeCharacter);
}

/**
 * A path for people: on one line, text where it is text, and escaped like in a shell's `$'…'` where it is not, so that
 * different paths look different.
 */
export function showPath(path: BytePath): string {
  return bytesOfPath(path)
    .toString('latin1')
    .replace(PIECES, (piece) =>
      piece.length === 1 && (piece < ' ' || piece === '\\' || piece > '~')
        ? escapeByte(piece)
        : showLine(Buffer.from(piece, 'latin1').toString()),
    );
}

/** Several paths in one line of a log. */
export function showPaths(paths: readonly BytePath[], most = 10): string {
  return paths.slice(0, most).map(showPath).join(', ');
}
