import type { Document, Node, Pair, Scalar, YAMLMap } from 'yaml';
import { yaml } from '../../platform/yaml-library.ts';
import type { LineMap } from './parse-yaml.ts';
import { type Place, type Problems, START } from './problems.ts';

const { isAlias, isMap, isScalar, isSeq } = yaml;

interface Placed {
  readonly at: Place;
  /** Values in it, with what anchors stand for. */
  readonly size: number;
}

/** A value that is one text: `text` is what stands in the file, so that `1.10` stays `1.10`. */
export interface TreeText extends Placed {
  readonly kind: 'text';
  readonly text: string;
}

/** Nothing where a value could be. */
export interface TreeNothing extends Placed {
  readonly kind: 'nothing';
}

export interface TreeList extends Placed {
  readonly kind: 'list';
  readonly items: readonly TreeNode[];
}

export interface TreeEntry {
  readonly key: string;
  readonly keyAt: Place;
  readonly value: TreeNode;
}

/** Keys are unique; merge keys are worked in. */
export interface TreeMap extends Placed {
  readonly kind: 'map';
  readonly entries: readonly TreeEntry[];
}

export type TreeNode = TreeText | TreeNothing | TreeList | TreeMap;

/** Values that anchors may stand for in all places together. */
const MOST_EXPANDED = 100_000;

/** Makes a tree of a YAML document. What an anchor names is converted once and shared. */
class TreeMaker {
  readonly #places: LineMap;
  readonly #problems: Problems;
  /** undefined: its conversion has begun and is not over. */
  readonly #anchors = new Map<string, TreeNode | undefined>();
  #expanded = 0;

  constructor(places: LineMap, problems: Problems) {
    this.#places = places;
    this.#problems = problems;
  }

  convert(node: unknown, fallback: Place): TreeNode {
    const range = (node as Node | null)?.range;
    const at = range ? this.#places.placeOf(range[0]) : fallback;
    if (isAlias(node)) return this.#resolve(node.source, at);
    const anchor = (node as Scalar | null)?.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    const made = this.#make(node, at);
    if (anchor !== undefined) this.#anchors.set(anchor, made);
    return made;
  }

  #make(node: unknown, at: Place): TreeNode {
    if (isSeq(node)) {
      const items = node.items.map((item) => this.convert(item, at));
      return { kind: 'list', items, at, size: items.reduce((sum, { size }) => sum + size, 1) };
    }
    if (isMap(node)) return this.#map(node, at);
    const isText = isScalar(node) && node.value !== null && node.value !== undefined;
    return isText ? { kind: 'text', text: textOf(node), at, size: 1 } : { kind: 'nothing', at, size: 1 };
  }

  #resolve(name: string, at: Place): TreeNode {
    const found = this.#anchors.get(name);
    if (!found) {
      const isOpen = this.#anchors.has(name);
      this.#problems.add(
        at,
        isOpen
          ? 'an anchor cannot hold an alias of itself'
          : 'no anchor of this name stands before this alias (`*name`); put the value in quotes if it begins with `*`',
      );
      return { kind: 'nothing', at, size: 1 };
    }
    const before = this.#expanded;
    this.#expanded += found.size;
    if (this.#expanded <= MOST_EXPANDED) return found;
    if (before <= MOST_EXPANDED)
      this.#problems.add(at, `the document is too large: anchors stand for more than ${MOST_EXPANDED} values`);
    return { kind: 'nothing', at, size: 1 };
  }

  #map(node: YAMLMap, at: Place): TreeMap {
    const own = new Map<string, TreeEntry>();
    const merged: TreeNode[] = [];
    for (const { key, value } of node.items as Pair[]) {
      const range = (key as Node | null)?.range;
      const keyAt = range ? this.#places.placeOf(range[0]) : at;
      const text = isScalar(key) && key.value !== null ? textOf(key) : undefined;
      const converted = this.convert(value, keyAt);
      if (text === undefined) this.#problems.add(keyAt, 'a key must be a word');
      else if (text === '<<' && isScalar(key) && key.type === 'PLAIN') merged.push(converted);
      else if (own.has(text)) this.#problems.add(keyAt, `this key stands in line ${own.get(text)?.keyAt.line} already`);
      else own.set(text, { key: text, keyAt, value: converted });
    }
    for (const source of merged.flatMap((each) => (each.kind === 'list' ? each.items : [each]))) {
      if (source.kind === 'map') {
        for (const entry of source.entries) if (!own.has(entry.key)) own.set(entry.key, entry);
      } else if (source.kind !== 'nothing') this.#problems.add(source.at, '`<<` takes a mapping or a list of them');
    }
    const entries = [...own.values()];
    return { kind: 'map', entries, at, size: entries.reduce((sum, { value }) => sum + value.size, 1) };
  }
}

function textOf({ source, value }: Scalar): string {
  return source ?? String(value);
}

/** The values of `document` with their places; what is wrong with anchors and keys is among the problems. */
export function makeTree(document: Document.Parsed, places: LineMap, problems: Problems): TreeNode {
  return new TreeMaker(places, problems).convert(document.contents, START);
}
