/** As in Kubernetes: a name of at most 253 characters, a value of at most 63. */
const NAME = /^[a-z0-9A-Z](?:[\w./-]{0,251}[a-z0-9A-Z])?$/;
const VALUE = /^(?:[a-z0-9A-Z](?:[\w.-]{0,61}[a-z0-9A-Z])?)?$/;

export const MOST_LABELS = 16;
/** Characters of all of them together. */
const LONGEST_LABELS = 2000;

/** What an instance is, for the policies of its relay: `zone` → `eu-1`. */
export type InstanceLabels = Readonly<Record<string, string>>;

/** The labels with these names and values; undefined where they are none, or too many. */
export function labelsOf(entries: readonly (readonly [name: string, value: unknown])[]): InstanceLabels | undefined {
  const isGood = entries.every(([name, value]) => NAME.test(name) && typeof value === 'string' && VALUE.test(value));
  if (!isGood || entries.length > MOST_LABELS || entries.flat().join('').length > LONGEST_LABELS) return undefined;
  return Object.fromEntries(entries) as InstanceLabels;
}
