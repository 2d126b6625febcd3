import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { diskOf } from '../disk.ts';

/** The most of each at any moment. */
export interface Usage {
  relayBytes: number;
  gitBytes: number;
  gitProcesses: number;
  diskBytes: number;
  descriptors: number;
  /** Of the relay and all its children that ended, in milliseconds. */
  cpuMs: number;
  /** How long the relay's main thread was ready to work and got no core, in milliseconds in all. */
  starvedMs: number;
}

const PROCESSES_EVERY_MS = 250;
const DISK_EVERY_MS = 2000;
const TICK_MS = 10;

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function entriesOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function childrenOf(pid: number): number[] {
  return entriesOf(`/proc/${pid}/task`).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
  );
}

function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

const kibOf = (pid: number, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(read(`/proc/${pid}/status`))?.[1] ?? 0);

/** User and system time, with that of the children that were waited for (proc(5), fields 14 to 17). */
function cpuOf(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? [];
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * TICK_MS, 0);
}

/** The second field of a thread's schedstat (Documentation/scheduler/sched-stats), in nanoseconds. */
const starvedOf = (pid: number): number => Number(read(`/proc/${pid}/schedstat`).split(' ')[1] ?? 0) / 1e6;

/** What is removed already, and still takes its room because it is open. */
function deletedBytes(pid: number): number {
  return entriesOf(`/proc/${pid}/fd`).reduce((sum, fd) => {
    try {
      const path = `/proc/${pid}/fd/${fd}`;
      return readlinkSync(path).endsWith(' (deleted)') ? sum + statSync(path).blocks * 512 : sum;
    } catch {
      return sum;
    }
  }, 0);
}

/** Watches a relay, its git processes and its root until `signal` aborts. */
export async function watchUsage(pid: number, root: string, signal: AbortSignal): Promise<Usage> {
  const most: Usage = {
    relayBytes: 0,
    gitBytes: 0,
    gitProcesses: 0,
    diskBytes: 0,
    descriptors: 0,
    cpuMs: 0,
    starvedMs: 0,
  };
  /** A small process of the relay starts its git processes, and waits for them. */
  const cpuNow = (): number => [pid, ...childrenOf(pid)].reduce((sum, each) => sum + cpuOf(each), 0);
  const cpuBefore = cpuNow();
  const starvedBefore = starvedOf(pid);
  // From here on the kernel notes the peak anew (proc(5), clear_refs).
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  let diskAt = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const children = descendantsOf(pid);
    const gitBytes = children.reduce((sum, child) => sum + kibOf(child, 'VmRSS') * 1024, 0);
    most.gitBytes = Math.max(most.gitBytes, gitBytes);
    most.gitProcesses = Math.max(most.gitProcesses, children.length);
    most.relayBytes = Math.max(most.relayBytes, kibOf(pid, 'VmHWM') * 1024);
    most.descriptors = Math.max(most.descriptors, entriesOf(`/proc/${pid}/fd`).length);
    if (performance.now() - diskAt > DISK_EVERY_MS) {
      most.diskBytes = Math.max(most.diskBytes, diskOf(root) + deletedBytes(pid));
      diskAt = performance.now();
    }
    most.cpuMs = cpuNow() - cpuBefore;
    most.starvedMs = starvedOf(pid) - starvedBefore;
    await delay(PROCESSES_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return most;
}
