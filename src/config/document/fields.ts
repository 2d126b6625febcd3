import { parseGoDuration } from '../go-values.ts';
import { asMap, knownEntries } from './keys.ts';
import type { Place, Problems } from './problems.ts';
import type { TreeMap, TreeNode, TreeText } from './tree.ts';

/** The values of a mapping that has no options in it. What is wrong with them is among the problems. */
export class Fields {
  readonly #entries: ReadonlyMap<string, TreeNode>;
  readonly #problems: Problems;
  readonly at: Place;
  readonly what: string;

  /** @param what how messages call the mapping: `a stage` */
  constructor(node: TreeNode, what: string, allowed: readonly string[], problems: Problems) {
    const map: TreeMap = asMap(node, what, problems);
    const entries = knownEntries(map, allowed, `in ${what}`, problems);
    this.#entries = new Map(entries.map(({ key, value }) => [key, value]));
    this.#problems = problems;
    this.at = node.at;
    this.what = what;
  }

  node(key: string): TreeNode | undefined {
    return this.#entries.get(key);
  }

  /** Where `key` stands, or the mapping when it is not there. */
  placeOf(key: string): Place {
    return this.node(key)?.at ?? this.at;
  }

  complain(key: string, text: string): undefined {
    this.#problems.add(this.placeOf(key), `${key} of ${this.what} ${text}`);
    return undefined;
  }

  text(key: string): string | undefined {
    const node = this.node(key);
    if (node === undefined) return undefined;
    return node.kind === 'text' && node.text !== '' ? node.text : this.complain(key, 'must be a text');
  }

  required(key: string): string | undefined {
    return this.node(key) === undefined ? this.complain(key, 'is missing') : this.text(key);
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const text = this.text(key);
    const found = choices.find((choice) => choice === text);
    return text === undefined || found !== undefined ? found : this.complain(key, `must be ${choices.join(' or ')}`);
  }

  flag(key: string): boolean | undefined {
    const word = this.oneOf(key, ['true', 'false']);
    return word === undefined ? undefined : word === 'true';
  }

  /** In milliseconds. */
  duration(key: string, least: number): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const ms = parseGoDuration(text);
    if (ms !== undefined && ms >= least) return ms;
    return this.complain(key, `must be a duration such as 90s, 10m or 1h${least > 0 ? ', longer than nothing' : ''}`);
  }

  whole(key: string, least: number, most: number): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most
      ? value
      : this.complain(key, `must be a whole number from ${least} to ${most}`);
  }

  /** One text, or a list of texts; undefined when it is not there. */
  texts(key: string): readonly TreeText[] | undefined {
    const node = this.node(key);
    if (node === undefined) return undefined;
    const items = node.kind === 'list' ? node.items : [node];
    const texts = items.filter((item) => item.kind === 'text').filter(({ text }) => text !== '');
    return texts.length === items.length && texts.length > 0
      ? texts
      : this.complain(key, 'must be a text or a list of texts');
  }
}
