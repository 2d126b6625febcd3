import { onTestFinished } from 'vitest';
import { notTried } from '../peers/not-tried.ts';
import { until } from '../peers/wait.ts';
import { type CpuGroup, createCpuGroup } from './cpu-cgroup.ts';

/** A control group for one test; its processes have to be gone at the end. @returns undefined, and prints why, where none can be made */
export function cpuGroup(millicores: number): CpuGroup | undefined {
  const group = createCpuGroup(millicores);
  if (!group) {
    notTried('no control group that bounds processor time can be made here (needs root)');
    return undefined;
  }
  onTestFinished(async () => {
    await until('the control group is empty', () => group.isEmpty);
    group.remove();
  });
  return group;
}
