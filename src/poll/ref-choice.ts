import type { SidecarError } from '../model/error.ts';
import type { AdvertisedRef } from '../model/ref.ts';

/** Which refs a git server is asked for, and which of them is followed. */
export interface RefChoice {
  /** Equal ids choose the same ref of the same refs. */
  readonly id: string;
  /** What the user asked for, in words for logs and errors. */
  readonly requested: string;
  /** What to ask the server for: full names of refs, those of many ending in `*`. */
  readonly questions: readonly string[];
  /** The full names of all refs that matter; undefined: {@link covers} says it. */
  readonly names: readonly string[] | undefined;
  /** True for the full name of a ref that may be the one that is followed. */
  covers(name: string): boolean;
  /** Whether `name`, once it exists, is followed instead of `other`; undefined: their names do not say it. */
  isBefore(name: string, other: string): boolean | undefined;
  /** Takes the refs that a server lists, one after the other; keeps a few of them. */
  collect(): RefCollector;
}

export interface RefCollector {
  take(ref: AdvertisedRef): void;
  /** Finds out what the names do not say. @throws SidecarError */
  settle?(signal: AbortSignal): Promise<void>;
  /** Of the refs that were taken, the one that is followed; before it is settled, one that may be it. */
  readonly chosen: AdvertisedRef | undefined;
  /** A few of those that are nearly followed, and of the others, where none is followed. */
  readonly sample: readonly AdvertisedRef[];
  /** Questions whose answers, taken as well, let {@link absence} say what is there; none: it says what it can. */
  readonly wider: readonly string[];
  /** Why none is followed. */
  absence(shownUrl: string): SidecarError;
}

/** Shows each of `refs` to the collectors of `choices` that want to see it. @returns the collectors by the ids */
export function collectRefs(
  choices: Iterable<RefChoice>,
  refs: Iterable<AdvertisedRef>,
): ReadonlyMap<string, RefCollector> {
  const collectors = new Map<string, RefCollector>();
  const byName = new Map<string, RefCollector[]>();
  const byPattern: RefCollector[] = [];
  for (const choice of choices) {
    if (collectors.has(choice.id)) continue;
    const collector = choice.collect();
    collectors.set(choice.id, collector);
    if (!choice.names) byPattern.push(collector);
    for (const name of choice.names ?? []) {
      const others = byName.get(name);
      if (others) others.push(collector);
      else byName.set(name, [collector]);
    }
  }
  for (const ref of refs) {
    for (const collector of byName.get(ref.name) ?? []) collector.take(ref);
    for (const collector of byPattern) collector.take(ref);
  }
  return collectors;
}

/** Shows all `refs` to one collector. */
export function collectOne(choice: RefChoice, refs: Iterable<AdvertisedRef>): RefCollector {
  return collectRefs([choice], refs).get(choice.id) ?? choice.collect();
}
