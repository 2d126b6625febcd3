import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';

/** A control group of its own for some processes, to read what they used together. */
export interface ControlGroup {
  /** Words to put in front of a command so that it and all its children are counted. */
  readonly prefix: readonly string[];
  /** CPU time used so far, in milliseconds. */
  cpuMs(): number;
  /** Resident memory now, shared pages counted once for each sharer fraction (PSS), in bytes. */
  residentBytes(): number;
  /** Ends what is still in it: what a program left running in the background. */
  endAll(): void;
  remove(): void;
}

const V1 = '/sys/fs/cgroup/cpuacct';
const V2 = '/sys/fs/cgroup';

function directoryFor(name: string): string {
  if (existsSync(`${V1}/cpuacct.usage`)) return `${V1}/${name}`;
  if (existsSync(`${V2}/cgroup.controllers`)) return `${V2}/${name}`;
  throw new Error('no control groups here: run the bench as root on Linux');
}

function readCpuMs(directory: string): number {
  if (existsSync(`${directory}/cpuacct.usage`)) return Number(readFileSync(`${directory}/cpuacct.usage`, 'utf8')) / 1e6;
  return Number(/usage_usec (\d+)/.exec(readFileSync(`${directory}/cpu.stat`, 'utf8'))?.[1] ?? 0) / 1000;
}

function pssOf(pid: string): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function kill(pid: string): void {
  try {
    process.kill(Number(pid), 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

export function createControlGroup(name: string): ControlGroup {
  const directory = directoryFor(`git-sidecar-bench-${process.pid}-${name}`);
  mkdirSync(directory);
  const members = (): string[] => readFileSync(`${directory}/cgroup.procs`, 'utf8').split('\n').filter(Boolean);
  return {
    prefix: ['/bin/sh', '-c', `echo $$ > ${directory}/cgroup.procs && exec "$@"`, 'sh'],
    cpuMs: () => readCpuMs(directory),
    residentBytes: () => members().reduce((sum, pid) => sum + pssOf(pid), 0),
    endAll: () => members().forEach(kill),
    remove: () => {
      // Processes that just ended may be counted for a moment.
      for (let times = 0; times < 50; times += 1) {
        try {
          rmdirSync(directory);
          return;
        } catch {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
        }
      }
    },
  };
}
