import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';

/** A control group of its own that bounds processor time. */
export interface CpuGroup {
  /** Words to put in front of a command so that it and all its children are bound. */
  readonly prefix: readonly string[];
  readonly isEmpty: boolean;
  /** Possible once it is empty. */
  remove(): void;
}

/** Quota and period as Kubernetes sets them: 20m are 2 ms of every 100. */
const PERIOD_US = 100_000;
const V1 = '/sys/fs/cgroup/cpu';
const V2 = '/sys/fs/cgroup';

let made = 0;

function make(millicores: number): string {
  made += 1;
  const isFirst = existsSync(`${V1}/cgroup.procs`);
  if (!isFirst) writeFileSync(`${V2}/cgroup.subtree_control`, '+cpu');
  const path = `${isFirst ? V1 : V2}/git-sidecar-cpu-${process.pid}-${made}`;
  const quotaUs = (millicores * PERIOD_US) / 1000;
  mkdirSync(path);
  try {
    if (isFirst) {
      writeFileSync(`${path}/cpu.cfs_period_us`, `${PERIOD_US}`);
      writeFileSync(`${path}/cpu.cfs_quota_us`, `${quotaUs}`);
    } else writeFileSync(`${path}/cpu.max`, `${quotaUs} ${PERIOD_US}`);
  } catch (error) {
    rmdirSync(path);
    throw error;
  }
  return path;
}

/** @returns undefined where none can be made: without root, or without control groups for cores */
export function createCpuGroup(millicores: number): CpuGroup | undefined {
  let path: string;
  try {
    path = make(millicores);
  } catch {
    return undefined;
  }
  return {
    prefix: ['/bin/sh', '-c', `echo $$ > ${path}/cgroup.procs && exec "$@"`, 'sh'],
    get isEmpty() {
      return readFileSync(`${path}/cgroup.procs`, 'utf8') === '';
    },
    remove: () => rmdirSync(path),
  };
}
