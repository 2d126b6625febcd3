import { readFileSync } from 'node:fs';

/** What the kernel says about the control group that this process is in (cgroups(7)). */
export interface MemoryGroup {
  /** Bytes that the group may use, the smallest bound of it and those around it; undefined without one. */
  readonly limit: number | undefined;
  /** Processes of the group that the kernel has killed for want of memory; undefined where it does not say. */
  kills(): number | undefined;
}

interface Hierarchy {
  readonly mount: string;
  readonly limitFile: string;
  readonly eventsFile: string;
}

const VERSION_2: Hierarchy = { mount: '/sys/fs/cgroup', limitFile: 'memory.max', eventsFile: 'memory.events' };
const VERSION_1: Hierarchy = {
  mount: '/sys/fs/cgroup/memory',
  limitFile: 'memory.limit_in_bytes',
  eventsFile: 'memory.oom_control',
};

/** More than any machine has: version 1's way to say that there is no bound. */
const UNLIMITED = 2 ** 60;

export type ReadText = (path: string) => string | undefined;

function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The hierarchy that bounds memory, and our place in it. A line is `number:controllers:path`; version 2 has no controllers. */
function ownGroup(text: string): { readonly hierarchy: Hierarchy; readonly path: string } | undefined {
  const lines = text.split('\n').map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
  const version1 = lines.find((line) => line?.[1]?.split(',').includes('memory'));
  if (version1) return { hierarchy: VERSION_1, path: version1[2] ?? '/' };
  const version2 = lines.find((line) => line?.[1] === '');
  return version2 ? { hierarchy: VERSION_2, path: version2[2] ?? '/' } : undefined;
}

/**
 * The directories of our group and of those around it. In a container whose runtime shows it only its own part of the
 * tree, the path names directories that are not there, and the mount itself is our group.
 */
function directoriesOf({ hierarchy, path }: { hierarchy: Hierarchy; path: string }): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  return parts
    .map((_part, at) => [hierarchy.mount, ...parts.slice(0, parts.length - at)].join('/'))
    .concat(hierarchy.mount);
}

export function readMemoryGroup(read: ReadText = readOrNothing): MemoryGroup {
  const own = ownGroup(read('/proc/self/cgroup') ?? '');
  if (!own) return { limit: undefined, kills: () => undefined };
  const { limitFile, eventsFile } = own.hierarchy;
  const directories = directoriesOf(own);
  const limits = directories
    .map((directory) => Number(read(`${directory}/${limitFile}`)?.trim() || Number.NaN))
    .filter((bytes) => bytes > 0 && bytes < UNLIMITED);
  return {
    limit: limits.length > 0 ? Math.min(...limits) : undefined,
    kills: () => {
      for (const directory of directories) {
        const count = /^oom_kill (\d+)$/m.exec(read(`${directory}/${eventsFile}`) ?? '')?.[1];
        if (count !== undefined) return Number(count);
      }
      return undefined;
    },
  };
}
