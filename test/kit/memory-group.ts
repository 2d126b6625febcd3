import { onTestFinished } from 'vitest';
import { notTried } from '../peers/not-tried.ts';
import { until } from '../peers/wait.ts';
import { createMemoryGroup, type MemoryGroup } from './memory-cgroup.ts';

/** A control group for one test; its processes have to be gone at the end. @returns undefined, and prints why, where none can be made */
export function memoryGroup(mebibytes: number): MemoryGroup | undefined {
  const group = createMemoryGroup(mebibytes);
  if (!group) {
    notTried('no control group that bounds memory can be made here (needs root)');
    return undefined;
  }
  onTestFinished(async () => {
    await until('the control group is empty', () => group.isEmpty);
    group.remove();
  });
  return group;
}
