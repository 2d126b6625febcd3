import type { RolloutFile } from '../rollout-file.ts';
import type { GivenReader, GivenSetting } from './given.ts';
import { asMap, knownEntries } from './keys.ts';
import { OWN_KEYS } from './own-keys.ts';
import type { Place, Problems } from './problems.ts';
import { readRolloutLists } from './read-rollout-file.ts';
import { DEFAULT_ROWS, UNIT_KINDS, type UnitKind, unitRows } from './rows.ts';
import type { ReadText } from './texts.ts';
import type { TreeMap, TreeNode } from './tree.ts';

/** A unit as it stands in the document: its options are read, and not yet checked together. */
export interface Draft {
  readonly kind: UnitKind;
  readonly name: string;
  readonly at: Place;
  /** Values of the unit and, where it has none, of `defaults`. */
  readonly given: ReadonlyMap<string, GivenSetting>;
  /** run only; empty: nothing is run. */
  readonly command: readonly string[];
  /** run only: the sync that it follows. */
  readonly from: ReadText | undefined;
  /** sync only: the group whose revisions become visible together. */
  readonly group: ReadText | undefined;
  /** relay only: what stands in the document itself, and not in a file of its own. */
  readonly rollouts: RolloutFile | undefined;
  /** Nothing was wrong with what it gives. */
  readonly isRead: boolean;
}

export interface Defaults {
  readonly given: ReadonlyMap<string, GivenSetting>;
  /** Nothing was wrong with them. */
  readonly isRead: boolean;
}

const MOST_UNITS = 1000;

/** It is a part of URLs and a label of metrics. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

function readName(
  entry: TreeNode | undefined,
  at: Place,
  kind: UnitKind,
  reader: GivenReader,
  problems: Problems,
): string | undefined {
  if (entry?.kind !== 'text') {
    problems.add(entry?.at ?? at, `a ${kind} needs a name: \`name: …\``);
    return undefined;
  }
  const found = reader.plain(entry);
  if (!found) return undefined;
  if (NAME.test(found.text)) return found.text;
  problems.add(entry.at, 'name must have lower-case letters, digits and dashes within, 63 at most');
  return undefined;
}

/** `group`: a name as units have them. */
function readGroup(node: TreeNode | undefined, reader: GivenReader, problems: Problems): ReadText | undefined {
  if (node === undefined) return undefined;
  const found = node.kind === 'text' ? reader.plain(node) : undefined;
  if (found && NAME.test(found.text)) return found;
  if (found || node.kind !== 'text')
    problems.add(node.at, 'group must be a name of lower-case letters, digits and dashes within, 63 at most');
  return undefined;
}

/** `command`: a list of words, or a line for the shell. */
function readCommand(
  node: TreeNode | undefined,
  at: Place,
  reader: GivenReader,
  problems: Problems,
): readonly string[] {
  const found: string[] = [];
  if (node?.kind === 'text') {
    const line = reader.plain(node)?.text;
    if (line === undefined) return found;
    if (line.trim() !== '') return ['/bin/sh', '-c', line];
  } else if (node?.kind === 'list' && node.items.length > 0) {
    for (const item of node.items) {
      if (item.kind === 'text') found.push(reader.plain(item)?.text ?? '');
      else problems.add(item.at, 'each word of command must be a text');
    }
    if (found[0] !== '') return found;
  }
  problems.add(node?.at ?? at, 'a run needs a command: a list such as [node, server.js], or a line for the shell');
  return found;
}

/** Reads the entries of one unit. */
class Drafter {
  readonly #reader: GivenReader;
  readonly #defaults: ReadonlyMap<string, GivenSetting>;
  readonly #problems: Problems;
  readonly #areDefaultsRead: boolean;
  readonly #names = new Map<string, Place>();

  constructor(reader: GivenReader, defaults: Defaults, problems: Problems) {
    this.#reader = reader;
    this.#defaults = defaults.given;
    this.#areDefaultsRead = defaults.isRead;
    this.#problems = problems;
  }

  draft(kind: UnitKind, node: TreeNode): Draft | undefined {
    if (node.kind !== 'map') {
      this.#problems.add(node.at, `a ${kind} must be a mapping that begins with \`name: …\``);
      return undefined;
    }
    const before = this.#problems.count;
    const rows = new Map(unitRows(kind).map((row) => [row.name, row]));
    const entries = knownEntries(node, [...OWN_KEYS[kind], ...rows.keys()], `in a ${kind}`, this.#problems);
    const own = (key: string): TreeNode | undefined => entries.find((each) => each.key === key)?.value;
    const given = new Map([...this.#defaults].filter(([name]) => rows.has(name)));
    const rollouts = kind === 'relay' ? readRolloutLists(node, this.#reader.path, this.#problems) : undefined;
    if (rollouts) given.delete('rollouts');
    for (const { key, value } of entries) {
      const row = rollouts && key === 'rollouts' ? undefined : rows.get(key);
      const setting = row && this.#reader.read(row, key, value, 'unit');
      if (setting) given.set(key, setting);
    }
    // A run without one is a mirror, and needs a directory for that.
    const runsNothing = kind !== 'run' || (own('command') === undefined && given.has('into'));
    const command = runsNothing ? [] : readCommand(own('command'), node.at, this.#reader, this.#problems);
    const from = kind === 'run' ? this.#from(node, own('from'), own('link'), given) : undefined;
    const group = readGroup(own('group'), this.#reader, this.#problems);
    const name = this.#name(kind, node, own('name'));
    return name === undefined
      ? undefined
      : {
          kind,
          name,
          at: node.at,
          given,
          command,
          from,
          group,
          rollouts,
          isRead: this.#problems.count === before && this.#areDefaultsRead,
        };
  }

  #name(kind: UnitKind, { at }: TreeMap, node: TreeNode | undefined): string | undefined {
    const name = readName(node, at, kind, this.#reader, this.#problems);
    if (name === undefined) return undefined;
    const other = this.#names.get(name);
    this.#names.set(name, node?.at ?? at);
    if (other) this.#problems.add(node?.at ?? at, `the name ${name} is used in line ${other.line} already`);
    return name;
  }

  /** A run follows a sync of the document or a link; what `defaults` say about links is not for one that names a sync. */
  #from(
    { at }: TreeMap,
    from: TreeNode | undefined,
    link: TreeNode | undefined,
    given: Map<string, GivenSetting>,
  ): ReadText | undefined {
    if (from === undefined) {
      if (!given.has('link'))
        this.#problems.add(at, 'a run needs from, the name of a sync of this document, or link, a published link');
      return undefined;
    }
    if (link) this.#problems.add(link.at, 'from and link exclude each other: a run follows one of them');
    given.delete('link');
    if (from.kind === 'text') return this.#reader.plain(from);
    this.#problems.add(from.at, 'from must be the name of a sync');
    return undefined;
  }
}

/** Values below `defaults`: each is for every unit that has the option. */
export function readDefaults(top: TreeMap, reader: GivenReader, problems: Problems): Defaults {
  const before = problems.count;
  const given = new Map<string, GivenSetting>();
  const entry = top.entries.find(({ key }) => key === 'defaults');
  if (!entry) return { given, isRead: true };
  const rows = new Map(DEFAULT_ROWS.map((row) => [row.name, row]));
  for (const { key, value } of knownEntries(
    asMap(entry.value, 'defaults', problems),
    [...rows.keys()],
    'below defaults',
    problems,
  )) {
    const row = rows.get(key);
    const setting = row && reader.read(row, `defaults.${key}`, value, 'defaults');
    if (setting) given.set(key, setting);
  }
  return { given, isRead: problems.count === before };
}

/** All units of the document, as far as they can be read. */
export function draftUnits(
  top: TreeMap,
  reader: GivenReader,
  defaults: Defaults,
  problems: Problems,
): readonly Draft[] {
  const drafter = new Drafter(reader, defaults, problems);
  const nodes = UNIT_KINDS.flatMap((kind) => {
    const entry = top.entries.find(({ key }) => key === kind);
    if (!entry || entry.value.kind === 'nothing') return [];
    if (entry.value.kind === 'list') return entry.value.items.map((node) => ({ kind, node }));
    problems.add(entry.value.at, `${kind} must be a list: each unit begins with a dash, \`- name: …\``);
    return [];
  });
  const first = nodes[MOST_UNITS];
  if (first) {
    problems.add(first.node.at, `the document is too large: more than ${MOST_UNITS} units`);
    return [];
  }
  return nodes.flatMap(({ kind, node }) => drafter.draft(kind, node) ?? []);
}
