import { messageOf, type SidecarError } from '../model/error.ts';
import type { SyncContext } from './context.ts';

/**
 * Removes the cause of a failure where that is in our own repository: lock files of an interrupted git, objects that
 * are damaged. A repository is thrown away only when git itself says that it is unsound, never because time ran out or
 * the remote had a bad moment, and the published tree stays throughout (compat.md 9.5).
 *
 * @returns true when it is worth trying again at once
 */
export async function heal(context: SyncContext, error: SidecarError, signal: AbortSignal): Promise<boolean> {
  const { repository, log } = context;
  try {
    if (error.code === 'ERR_GIT_LOCKED') {
      await repository.unlock();
      return true;
    }
    if (error.code === 'ERR_GIT_MEMORY') {
      log.warn('git ran out of memory; it is tried again with less', { op: error.op, reason: error.detail });
      return true;
    }
    const suspicious = ['ERR_FETCH_OBJECTS', 'ERR_GIT_FAILED', 'ERR_CHECKOUT_FAILED'].includes(error.code);
    if (!suspicious || !repository.exists || (await repository.isSound(signal))) return false;
    log.error(error, 'the repository is damaged');
    await repository.discard('git finds it damaged');
    return true;
  } catch (failure) {
    log.info(0, 'healing failed', { reason: messageOf(failure) });
    return false;
  }
}
