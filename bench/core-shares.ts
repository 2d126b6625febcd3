import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A control group whose processes together get cores by its weight, as those of a container do. */
export interface CoreShare {
  /** Words to put in front of a command so that it and all its children belong to it. */
  readonly prefix: readonly string[];
  /** Moves this process into it, and with it all that it starts from now on. @returns what moves it back */
  enter(): () => void;
  /** Its processes have to be gone. */
  remove(): Promise<void>;
}

/** `cpu.shares` of v1 begin at 2 with 1024 for an ordinary group, `cpu.weight` of v2 at 1 with 100 (cgroup-v2.rst). */
const V1 = {
  root: '/sys/fs/cgroup/cpu',
  file: 'cpu.shares',
  first: 65_536,
  ordinary: 1024,
  least: 2,
  entry: /^\d+:[^:]*\bcpu\b[^:]*:(.*)$/m,
};
const V2 = { root: '/sys/fs/cgroup', file: 'cpu.weight', first: 6400, ordinary: 100, least: 1, entry: /^0::(.*)$/m };

/** @throws Error without root, or where the kernel has no control groups for cores */
export function createCoreShare(name: string, weight: 'first' | 'ordinary' | 'least'): CoreShare {
  const version = existsSync(`${V1.root}/${V1.file}`) ? V1 : V2;
  const directory = `${version.root}/git-sidecar-bench-${process.pid}-${name}`;
  mkdirSync(directory);
  if (version === V2) writeFileSync(`${V2.root}/cgroup.subtree_control`, '+cpu');
  writeFileSync(`${directory}/${version.file}`, String(version[weight]));
  return {
    prefix: ['/bin/sh', '-c', `echo $$ > ${directory}/cgroup.procs && exec "$@"`, 'sh'],
    enter: () => {
      const before = version.entry.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
      const move = (to: string): void => writeFileSync(`${to}/cgroup.procs`, String(process.pid));
      move(directory);
      return () => move(`${version.root}${before}`);
    },
    remove: async () => {
      // Processes that just ended may be counted for a moment.
      for (let times = 0; times < 100; times += 1) {
        try {
          rmdirSync(directory);
          return;
        } catch {
          await delay(50);
        }
      }
    },
  };
}
