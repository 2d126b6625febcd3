import type { Document, ErrorCode, Parser as ParserOfYaml } from 'yaml';
import { yaml } from '../../platform/yaml-library.ts';
import type { Place, Problems } from './problems.ts';

const { Composer, Lexer, Parser } = yaml;

/** Nested collections. The parser itself would use up the stack, and the process with it, at some thousands. */
const DEEPEST = 20;
/** Words, signs and spaces. A document of 1,000 units has some 100,000. */
const MOST_LEXEMES = 250_000;

/** The parser's own messages quote the text, and a password may stand there. */
const MESSAGES: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (`*name`) cannot have an anchor or a tag',
  BAD_ALIAS: 'this alias is not valid',
  BAD_COLLECTION_TYPE: 'this is another kind of collection than its tag says',
  BAD_DIRECTIVE: 'this directive (`%…`) is not known',
  BAD_DQ_ESCAPE: 'this escape is not valid within double quotes; write `\\\\` for a backslash, or use single quotes',
  BAD_INDENT: 'the indentation is wrong, or a bracket is not closed',
  BAD_PROP_ORDER: 'an anchor or tag stands in the wrong place',
  BAD_SCALAR_START: 'a value that begins with this sign must be in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a mapping cannot begin on this line; is the indentation right, or are quotes missing around a value with a colon?',
  BLOCK_IN_FLOW: 'within brackets everything must be written with brackets',
  DUPLICATE_KEY: 'this key is given twice',
  IMPOSSIBLE: 'this is not YAML',
  KEY_OVER_1024_CHARS: 'this key is too long',
  MISSING_CHAR: 'a quote, a bracket, a comma or a colon is missing; is the indentation right?',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line and have a colon behind it',
  MULTIPLE_ANCHORS: 'a value can have one anchor only',
  MULTIPLE_DOCS: 'a file holds one document only',
  MULTIPLE_TAGS: 'a value can have one tag only',
  NON_STRING_KEY: 'a key must be a word',
  RESOURCE_EXHAUSTION: 'this is nested too deep',
  TAB_AS_INDENT: 'tabs cannot be used for indentation; use spaces',
  TAG_RESOLVE_FAILED: 'tags (`!…`) are not used here; put the value in quotes if it begins with `!`',
  UNEXPECTED_TOKEN: 'this is not expected here; are quotes missing?',
};

/** Finds line and column of an offset. */
export class LineMap {
  readonly #starts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  placeOf(offset: number): Place {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }
}

type Token = ParserOfYaml['stack'][number];

/** The tokens of `text`; undefined when it is too large or nested too deep, which is then among the problems. */
function tokenize(text: string, places: LineMap, problems: Problems): Token[] | undefined {
  const parser = new Parser();
  const tokens: Token[] = [];
  let [count, offset] = [0, 0];
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    offset += lexeme.length;
    count += 1;
    // The document itself is on the parser's stack, and a value that is being read.
    const isDeep = parser.stack.length > DEEPEST + 2;
    if (!isDeep && count <= MOST_LEXEMES) continue;
    const what = isDeep ? `nested deeper than ${DEEPEST} levels` : `more than ${MOST_LEXEMES} words and signs`;
    problems.add(places.placeOf(Math.min(offset, text.length)), `the document is too large: ${what}`);
    return undefined;
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

/**
 * Parses YAML 1.2 in bounded time and memory, whatever the text is.
 * @returns undefined when it is no YAML; why is among the problems, without any of the text
 */
export function parseYaml(text: string, places: LineMap, problems: Problems): Document.Parsed | undefined {
  const tokens = tokenize(text, places, problems);
  if (!tokens) return undefined;
  // Keys given twice are found later: the parser's own search compares each with each.
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, logLevel: 'silent' });
  let first: Document.Parsed | undefined;
  for (const document of composer.compose(tokens, true, text.length)) {
    if (first) {
      problems.add(places.placeOf(document.range[0]), MESSAGES.MULTIPLE_DOCS);
      return undefined;
    }
    first = document;
    for (const { code, pos } of [...document.errors, ...document.warnings])
      problems.add(places.placeOf(pos[0]), `no valid YAML: ${MESSAGES[code]}`);
  }
  return problems.count === 0 ? first : undefined;
}
