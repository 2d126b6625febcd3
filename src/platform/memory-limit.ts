import { type OwnGroups, ownGroups, type ReadText, readOrNothing } from './control-group.ts';

/** What the kernel says about the control group that this process is in (cgroups(7)). */
export interface MemoryGroup {
  /** Bytes that the group may use, the smallest bound of it and those around it; undefined without one. */
  readonly limit: number | undefined;
  /** Processes of the group that the kernel has killed for want of memory; undefined where it does not say. */
  kills(): number | undefined;
}

const FILES = {
  1: { limit: 'memory.limit_in_bytes', events: 'memory.oom_control' },
  2: { limit: 'memory.max', events: 'memory.events' },
} as const;

/** More than any machine has: version 1's way to say that there is no bound. */
const UNLIMITED = 2 ** 60;

/** The smallest bound of our group and those around it. */
function smallestLimit({ version, directories }: OwnGroups, read: ReadText): number | undefined {
  const limits = directories
    .map((directory) => Number(read(`${directory}/${FILES[version].limit}`)?.trim() || Number.NaN))
    .filter((bytes) => bytes > 0 && bytes < UNLIMITED);
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

export function readMemoryGroup(read: ReadText = readOrNothing): MemoryGroup {
  const own = ownGroups('memory', read);
  if (!own) return { limit: undefined, kills: () => undefined };
  return {
    limit: smallestLimit(own, read),
    kills: () => {
      for (const directory of own.directories) {
        const count = /^oom_kill (\d+)$/m.exec(read(`${directory}/${FILES[own.version].events}`) ?? '')?.[1];
        if (count !== undefined) return Number(count);
      }
      return undefined;
    },
  };
}
