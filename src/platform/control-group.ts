import { readFileSync } from 'node:fs';

export type ReadText = (path: string) => string | undefined;

/** The text of a file; undefined where it cannot be read. */
export function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Where control groups are, by the version of their hierarchy (cgroups(7)). */
export type Version = 1 | 2;

/** The control groups that bound this process in one respect. */
export interface OwnGroups {
  readonly version: Version;
  /** Directories: our own group first, then those around it. */
  readonly directories: readonly string[];
}

const MOUNT = '/sys/fs/cgroup';

/**
 * In a container whose runtime shows it only its own part of the tree, the path names directories that are not there,
 * and the mount itself is our group.
 */
function directoriesOf(mount: string, path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  return parts.map((_part, at) => [mount, ...parts.slice(0, parts.length - at)].join('/')).concat(mount);
}

/**
 * The hierarchy that bounds `controller` for us, and our place in it. A line of /proc/self/cgroup is
 * `number:controllers:path`; version 2 has no controllers.
 */
export function ownGroups(controller: 'memory' | 'cpu', read: ReadText): OwnGroups | undefined {
  const lines = (read('/proc/self/cgroup') ?? '').split('\n').map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
  const version1 = lines.find((line) => line?.[1]?.split(',').includes(controller));
  if (version1) return { version: 1, directories: directoriesOf(`${MOUNT}/${controller}`, version1[2] ?? '/') };
  const version2 = lines.find((line) => line?.[1] === '');
  return version2 ? { version: 2, directories: directoriesOf(MOUNT, version2[2] ?? '/') } : undefined;
}
