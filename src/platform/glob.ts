/** One step of a glob: a character, any one character (also a slash or not), or any number of those. */
interface Token {
  readonly char: string | undefined;
  readonly slash: boolean;
  readonly many: boolean;
}

export interface GlobSyntax {
  /** How many characters a star stands for at least. */
  readonly least: 0 | 1;
  /** `?` stands for one character that is no slash. */
  readonly questionMark: boolean;
}

const ONE: Token = { char: undefined, slash: false, many: false };
const ANY: Token = { char: undefined, slash: true, many: false };

function tokensOf(glob: string, { least, questionMark }: GlobSyntax): Token[] {
  return [...glob.matchAll(/\*\*|[\s\S]/gu)].flatMap(([word]): Token[] => {
    if (word === '?' && questionMark) return [ONE];
    if (word !== '*' && word !== '**') return [{ char: word, slash: true, many: false }];
    const one = word === '*' ? ONE : ANY;
    return [...(least === 1 ? [one] : []), { ...one, many: true }];
  });
}

/** The text in front of the first wildcard. */
export function literalPrefix(glob: string, questionMark: boolean): string {
  return glob.replace(questionMark ? /[*?][\s\S]*/ : /\*[\s\S]*/, '');
}

/**
 * `*` stands for anything within a segment, `**` for anything. All ways through the glob are followed at the same time,
 * so the time is that of the name's length times the glob's, whatever either of them holds; a regular expression could
 * take exponential time.
 */
export function compileGlob(glob: string, syntax: GlobSyntax): (name: string) => boolean {
  const prefix = literalPrefix(glob, syntax.questionMark);
  const tokens = tokensOf(glob.slice(prefix.length), syntax);
  return (name) => name.startsWith(prefix) && isWholeMatch(tokens, name.slice(prefix.length));
}

function isWholeMatch(tokens: readonly Token[], text: string): boolean {
  let at = passMany(tokens, new Set([0]));
  for (const char of text) {
    const next = new Set<number>();
    for (const index of at) {
      const token = tokens[index];
      if (!token || !(token.char === undefined ? token.slash || char !== '/' : token.char === char)) continue;
      next.add(token.many ? index : index + 1);
    }
    if (next.size === 0) return false;
    at = passMany(tokens, next);
  }
  return at.has(tokens.length);
}

/** Adds the places behind tokens that may stand for nothing. */
function passMany(tokens: readonly Token[], at: Set<number>): Set<number> {
  for (const index of at) if (tokens[index]?.many) at.add(index + 1);
  return at;
}
