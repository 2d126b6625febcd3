import { readValue } from '../read-value.ts';
import { holdsSecret, maskValue } from '../secrecy.ts';
import type { Setting } from '../settings.ts';
import { type Place, type Problems, showPlace } from './problems.ts';
import { choicesOf, type Row } from './rows.ts';
import type { ReadText, Texts } from './texts.ts';
import type { TreeNode, TreeText } from './tree.ts';

/** One option as the document gives it. */
export interface GivenSetting extends Setting {
  readonly at: Place;
  /** It came from a file, so nothing of it is shown, whatever the option is. */
  readonly isHidden: boolean;
  /** Names of the variables in it. */
  readonly variables: readonly string[];
}

/** Where it was given: the more exact place wins where an option has an older name. */
export type Layer = 'unit' | 'defaults';

const MUST_BE = {
  string: 'must be a text',
  list: 'must be a text or a list of texts',
  repeat: 'must be a text or a list of texts',
  bool: 'must be true or false',
  int: 'must be a whole number',
  float: 'must be a number',
  size: 'must be a size such as 500Mi or 10Gi',
  duration: 'must be a duration such as 10s, 5m or 1h30m',
} as const;

const LONGEST_SHOWN = 60;

/** What the document says, as far as it may be shown. */
function shown(row: Row, { written, text, file }: ReadText): string {
  const isPlain = written === text && file === undefined;
  const visible = isPlain ? maskValue(row, text) : written;
  return JSON.stringify(visible.length > LONGEST_SHOWN ? `${visible.slice(0, LONGEST_SHOWN)}…` : visible);
}

function complaint(row: Row, found: ReadText): string {
  const isNumber = row.type === 'duration' && /^[+-]?[0-9.]+$/.test(found.written);
  if (isNumber)
    return `${found.written} has no unit; write ${found.written}s for seconds or ${found.written}ms for milliseconds`;
  return `${shown(row, found)} ${MUST_BE[row.type]}`;
}

/** Reads values of options as their rows say; what is wrong is among the problems. */
export class GivenReader {
  /** Of the document. */
  readonly path: string;
  readonly #texts: Texts;
  readonly #problems: Problems;

  constructor(path: string, texts: Texts, problems: Problems) {
    this.path = path;
    this.#texts = texts;
    this.#problems = problems;
  }

  /** @param name as the document calls it */
  read(row: Row, name: string, node: TreeNode, layer: Layer): GivenSetting | undefined {
    const isRepeatable = row.type === 'list' || row.type === 'repeat';
    if (node.kind === 'nothing') return this.#refuse(node.at, `${name} has no value; write "" for an empty text`);
    const nodes = isRepeatable && node.kind === 'list' ? node.items : [node];
    const found: ReadText[] = [];
    for (const each of nodes) {
      if (each.kind !== 'text') return this.#refuse(each.at, `${name} ${MUST_BE[row.type]}`);
      const read = this.#texts.value(each);
      if (!read) return undefined;
      found.push(read);
    }
    const value = isRepeatable ? found.map(({ text }) => text) : this.#single(row, name, node, found[0]);
    if (value === undefined) return undefined;
    const place = showPlace(this.path, node.at);
    return {
      option: row,
      value,
      // A secret in a file is on no command line. Only options without one have older names.
      source: layer === 'unit' && !holdsSecret(row, value) ? 'flag' : 'env',
      sourceName: layer === 'unit' ? place : `${place} (defaults)`,
      at: node.at,
      isHidden: found.some(({ file }) => file !== undefined),
      variables: found.flatMap(({ variables }) => variables),
    };
  }

  /** A text that is no option: a name, a word of a command. */
  plain(node: TreeText): ReadText | undefined {
    return this.#texts.plain(node);
  }

  #single(row: Row, name: string, { at }: TreeNode, found: ReadText | undefined): GivenSetting['value'] | undefined {
    if (!found) return undefined;
    const value = readValue(row.type, found.text);
    if (value === undefined) return this.#refuse(at, `${name}: ${complaint(row, found)}`);
    const choices = choicesOf(row);
    if (!choices || choices.includes(String(value))) return value;
    return this.#refuse(at, `${name}: ${shown(row, found)} must be one of ${choices.join(', ')}`);
  }

  #refuse(at: Place, what: string): undefined {
    this.#problems.add(at, what);
    return undefined;
  }
}
