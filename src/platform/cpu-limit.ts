import { type OwnGroups, ownGroups, type ReadText, readOrNothing } from './control-group.ts';

/** What the kernel says about the processor time of the control group that this process is in. */
export interface CpuGroup {
  /** Cores that the group may use on average, the smallest bound of it and those around it; undefined without one. */
  readonly limit: number | undefined;
  /** Milliseconds for which processes of the group had work to do and had to wait because of the bound, so far. */
  heldBackMs(): number;
}

/** Version 1: -1 is no bound. Version 2: `max PERIOD` is none (cgroup-v2.rst, sched-bwc.rst). */
function limitOf(version: OwnGroups['version'], directory: string, read: ReadText): number {
  if (version === 2) {
    const [quota, period] = (read(`${directory}/cpu.max`) ?? '').trim().split(' ').map(Number);
    return (quota ?? Number.NaN) / (period ?? Number.NaN);
  }
  const number = (name: string): number => Number(read(`${directory}/${name}`)?.trim() || Number.NaN);
  return number('cpu.cfs_quota_us') / number('cpu.cfs_period_us');
}

function heldBackIn(version: OwnGroups['version'], directory: string, read: ReadText): number {
  const text = read(`${directory}/cpu.stat`) ?? '';
  const [pattern, unitsInMs] = version === 2 ? [/^throttled_usec (\d+)$/m, 1000] : [/^throttled_time (\d+)$/m, 1e6];
  return Number(pattern.exec(text)?.[1] ?? 0) / unitsInMs;
}

export function readCpuGroup(read: ReadText = readOrNothing): CpuGroup {
  const own = ownGroups('cpu', read);
  const { version, directories } = own ?? { version: 2, directories: [] };
  const limits = directories.map((each) => limitOf(version, each, read)).filter((cores) => cores > 0);
  return {
    limit: limits.length > 0 ? Math.min(...limits) : undefined,
    // Each group counts what its own bound does.
    heldBackMs: () => Math.max(0, ...directories.map((directory) => heldBackIn(version, directory, read))),
  };
}

/** Under this bound, in cores, probes would wait for git. */
const LITTLE = 0.5;
const YIELDING = 10;

/** How far git lets this process go before it, so that probes are answered while git works; undefined: not at all. */
export function gitNiceness({ limit }: CpuGroup): number | undefined {
  return limit !== undefined && limit <= LITTLE ? YIELDING : undefined;
}
