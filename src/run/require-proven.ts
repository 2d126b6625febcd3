import { SidecarError } from '../model/error.ts';
import { describeExit } from './instance.ts';
import type { Release } from './state.ts';
import type { Probation } from './switchover.ts';

/**
 * Waits until a release has proven itself.
 * @throws SidecarError ERR_RUN_NOT_READY when its process ends too early, or was not left the time
 */
export async function requireProven({ verdict }: Probation, { id }: Pick<Release, 'id'>): Promise<void> {
  const result = await verdict;
  if (result.kind === 'proven') return;
  const detail =
    result.kind === 'died' ? `${describeExit(result.exit)} soon after it became ready` : 'it was given up meanwhile';
  throw new SidecarError('ERR_RUN_NOT_READY', { op: 'prove', target: id, detail });
}
