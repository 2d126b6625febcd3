import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { until } from '../peers/wait.ts';

/** A control group of its own that bounds memory; the processes in it have to be gone at the end of the test. */
export interface MemoryGroup {
  add(pid: number | undefined): void;
  /** Processes that the kernel killed in it. */
  readonly kills: number;
}

let made = 0;

const VERSIONS = [
  {
    parent: '/sys/fs/cgroup/memory',
    limits: ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes'],
    events: 'memory.oom_control',
  },
  { parent: '/sys/fs/cgroup', limits: ['memory.max', 'memory.swap.max'], events: 'memory.events' },
];

/** @returns undefined, and prints why, where none can be made */
export function memoryGroup(mebibytes: number): MemoryGroup | undefined {
  for (const { parent, limits, events } of VERSIONS) {
    made += 1;
    const path = `${parent}/git-sidecar-test-${process.pid}-${made}`;
    try {
      mkdirSync(path);
    } catch {
      continue;
    }
    onTestFinished(async () => {
      const file = `${path}/cgroup.procs`;
      await until(
        () => `${file} is empty`,
        () => readFileSync(file, 'utf8') === '',
      );
      rmdirSync(path);
    });
    if (!existsSync(`${path}/${limits[0]}`)) continue;
    const [memory, swap] = limits.map((name) => `${path}/${name}`) as [string, string];
    writeFileSync(memory, `${mebibytes * 2 ** 20}`);
    // No swap, where it is counted at all.
    if (existsSync(swap)) writeFileSync(swap, swap.includes('memsw') ? `${mebibytes * 2 ** 20}` : '0');
    return {
      add: (pid) => writeFileSync(`${path}/cgroup.procs`, `${pid}`),
      get kills() {
        return Number(/^oom_kill (\d+)$/m.exec(readFileSync(`${path}/${events}`, 'utf8'))?.[1] ?? 0);
      },
    };
  }
  process.stdout.write('skipped: no control group that bounds memory can be made here (root and cgroups are needed)\n');
  return undefined;
}
