import { until } from '../peers/wait.ts';
import type { Sidecar } from './sidecar.ts';

/**
 * Waits until nothing is left to do: a cycle that began after this call has ended. The sync has to run with `-v=4` or
 * more, and with a short period.
 */
export async function atRest(process: Sidecar): Promise<void> {
  const before = process.count('next sync');
  await until(
    () => `two cycles are over\n${process.stderr.slice(-2000)}`,
    () => process.count('next sync') >= before + 2,
  );
}
