import type { InstanceEntry } from '../browser/documents.ts';

export type InstanceState = 'current' | 'behind' | 'starting' | 'restarting' | 'failed' | 'gone';

/** Which instances are shown; empty texts select all. */
export interface InstanceFilter {
  /** Words that all have to be somewhere in what is known of an instance. */
  readonly text: string;
  readonly repository: string;
  readonly ref: string;
  readonly state: string;
  /** `name=value`. */
  readonly label: string;
}

export const EVERYTHING: InstanceFilter = { text: '', repository: '', ref: '', state: '', label: '' };

export type Order = 'state' | 'instance' | 'ref' | 'since';

export function refOf({ published, running, failed }: InstanceEntry): string {
  return published?.ref ?? running?.ref ?? failed?.ref ?? '';
}

/** A failure is shown until the instance publishes something else, a process that is not ready until it is. */
export function stateOf({ connected, failed, published, behind, process }: InstanceEntry): InstanceState {
  if (!connected) return 'gone';
  if (failed && (!published || failed.oid === published.oid)) return 'failed';
  if (process && process.state !== 'ready') return process.state;
  return behind ? 'behind' : 'current';
}

export function labelsOf({ labels }: InstanceEntry): string[] {
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`);
}

function textOf(entry: InstanceEntry): string {
  const { instance, repository, published, running, process } = entry;
  const words = [instance, repository, refOf(entry), published?.oid, process?.oid, running?.oid, ...labelsOf(entry)];
  return words.join('\n').toLowerCase();
}

function matches(entry: InstanceEntry, filter: InstanceFilter, words: readonly string[]): boolean {
  if (filter.repository !== '' && entry.repository !== filter.repository) return false;
  if (filter.ref !== '' && refOf(entry) !== filter.ref) return false;
  if (filter.state !== '' && stateOf(entry) !== filter.state) return false;
  if (filter.label !== '' && !labelsOf(entry).includes(filter.label)) return false;
  if (words.length === 0) return true;
  const text = textOf(entry);
  return words.every((word) => text.includes(word));
}

const RANK: Readonly<Record<InstanceState, number>> = {
  failed: 0,
  restarting: 1,
  starting: 2,
  behind: 3,
  gone: 4,
  current: 5,
};

/** Of instances that do not change: 10,000 of them are sorted anew with each change. */
const KEYS = new WeakMap<InstanceEntry, string>();

/** A text that sorts as people count: numbers in names are compared as numbers. */
function sortKey(instance: InstanceEntry): string {
  let key = KEYS.get(instance);
  if (key === undefined) {
    key = instance.instance.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, '0'));
    KEYS.set(instance, key);
  }
  return key;
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function compare(a: InstanceEntry, b: InstanceEntry, order: Order): number {
  if (order === 'state') return RANK[stateOf(a)] - RANK[stateOf(b)];
  if (order === 'ref') return compareTexts(refOf(a), refOf(b));
  if (order === 'since') return compareTexts(b.published?.since ?? '', a.published?.since ?? '');
  return 0;
}

/** Those that the filter selects, in the order that is asked for, and then by their names. */
export function selectInstances(
  all: Iterable<InstanceEntry>,
  filter: InstanceFilter,
  order: Order = 'state',
): InstanceEntry[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = [...all].filter((entry) => matches(entry, filter, words));
  return chosen.sort((a, b) => compare(a, b, order) || compareTexts(sortKey(a), sortKey(b)) || a.number - b.number);
}
