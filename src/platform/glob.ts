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
  return [...glob.matchAll(/\*\*|[\s\S]/g)].flatMap(([word]): Token[] => {
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
 * so the time is at most that of the name's length times the glob's, whatever either of them holds; a regular
 * expression could take exponential time.
 */
export function compileGlob(glob: string, syntax: GlobSyntax): (name: string) => boolean {
  const prefix = literalPrefix(glob, syntax.questionMark);
  const tokens = tokensOf(glob.slice(prefix.length), syntax);
  // A star at the end is the usual glob, and there may be very many names.
  const isMatch = lastStar(tokens, prefix.length) ?? ((name: string) => isWholeMatch(tokens, name, prefix.length));
  return (name) => name.startsWith(prefix) && isMatch(name);
}

/** What follows `from` where nothing but one star comes there; undefined for any other end of a glob. */
function lastStar(tokens: readonly Token[], from: number): ((name: string) => boolean) | undefined {
  const [one, star] = tokens.length === 2 ? tokens : [undefined, tokens[0]];
  if (!star?.many || tokens.length > 2) return undefined;
  if (one && (one.many || one.char !== undefined || one.slash !== star.slash)) return undefined;
  const least = one ? 1 : 0;
  return (name) => name.length >= from + least && (star.slash || !name.includes('/', from));
}

function isWholeMatch(tokens: readonly Token[], name: string, from: number): boolean {
  let [now, next] = [new Uint8Array(tokens.length + 1), new Uint8Array(tokens.length + 1)];
  enter(tokens, now, 0);
  for (let at = from; at < name.length; at += 1) {
    const char = name[at] ?? '';
    let isAlive = false;
    for (const [index, token] of tokens.entries()) {
      if (now[index] === 0 || !takes(token, char)) continue;
      enter(tokens, next, token.many ? index : index + 1);
      isAlive = true;
    }
    if (!isAlive) return false;
    [now, next] = [next, now.fill(0)];
  }
  return now[tokens.length] === 1;
}

function takes({ char, slash }: Token, other: string): boolean {
  return char === undefined ? slash || other !== '/' : char === other;
}

/** Notes that the token at `index` may come next, and those behind tokens that may stand for nothing. */
function enter(tokens: readonly Token[], places: Uint8Array, index: number): void {
  places[index] = 1;
  if (tokens[index]?.many) enter(tokens, places, index + 1);
}
