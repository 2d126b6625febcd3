import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';

/** A control group of its own that bounds memory. */
export interface MemoryGroup {
  add(pid: number | undefined): void;
  /** Words to put in front of a command so that it is bound from its start. */
  readonly prefix: readonly string[];
  /** Processes that the kernel killed in it. */
  readonly kills: number;
  readonly isEmpty: boolean;
  /** Ends what is still in it: what a process that was killed has left behind. */
  endAll(): void;
  /** Possible once it is empty. */
  remove(): void;
}

const VERSIONS = [
  {
    parent: '/sys/fs/cgroup/memory',
    limits: ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes'],
    events: 'memory.oom_control',
  },
  { parent: '/sys/fs/cgroup', limits: ['memory.max', 'memory.swap.max'], events: 'memory.events' },
] as const;

let made = 0;

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** @returns undefined where none can be made: without root, or without control groups for memory */
export function createMemoryGroup(mebibytes: number): MemoryGroup | undefined {
  for (const { parent, limits, events } of VERSIONS) {
    made += 1;
    const path = `${parent}/git-sidecar-${process.pid}-${made}`;
    try {
      mkdirSync(path);
    } catch {
      continue;
    }
    const [memory, swap] = [`${path}/${limits[0]}`, `${path}/${limits[1]}`];
    if (!existsSync(memory)) {
      rmdirSync(path);
      continue;
    }
    writeFileSync(memory, `${mebibytes * 2 ** 20}`);
    // No swap, where it is counted at all.
    if (existsSync(swap)) writeFileSync(swap, swap.includes('memsw') ? `${mebibytes * 2 ** 20}` : '0');
    return {
      prefix: ['/bin/sh', '-c', `echo $$ > ${path}/cgroup.procs && exec "$@"`, 'sh'],
      add: (pid) => writeFileSync(`${path}/cgroup.procs`, `${pid}`),
      endAll: () => {
        for (const pid of readFileSync(`${path}/cgroup.procs`, 'utf8').split('\n').filter(Boolean)) kill(Number(pid));
      },
      get kills() {
        return Number(/^oom_kill (\d+)$/m.exec(readFileSync(`${path}/${events}`, 'utf8'))?.[1] ?? 0);
      },
      get isEmpty() {
        return readFileSync(`${path}/cgroup.procs`, 'utf8') === '';
      },
      remove: () => rmdirSync(path),
    };
  }
  return undefined;
}
