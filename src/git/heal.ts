import { messageOf, type SidecarError } from '../model/error.ts';
import type { Logger } from '../platform/log.ts';

/** A repository of ours, as far as healing needs it: the one of a sync, or a mirror of a relay. */
export interface Healable {
  /** There is a repository that git could open. */
  readonly exists: boolean;
  /** Removes lock files that block us. */
  unlock(): Promise<void>;
  /** Every object that is needed is there and readable. @throws SidecarError when git could not say so */
  isSound(signal: AbortSignal): Promise<boolean>;
  /** Deletes the repository; the next attempt makes it anew. */
  discard(reason: string): Promise<void>;
}

/**
 * Removes the cause of a failure where that is in our own repository: lock files of an interrupted git, objects that
 * are damaged. A repository is deleted only when git itself says that it is unsound, never because of a time limit or a
 * fault of the remote; what is published or passed on stays throughout (compat.md 9.5).
 *
 * @returns true when it is worth trying again at once
 */
export async function heal(
  repository: Healable,
  error: SidecarError,
  log: Logger,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    if (error.is('killed')) {
      log.warn('git was killed; it is tried again', { op: error.op, reason: error.detail });
      return true;
    }
    if (error.is('out-of-memory')) {
      log.warn('git ran out of memory; it is tried again with less', { op: error.op, reason: error.detail });
      return true;
    }
    if (error.is('locked')) {
      await repository.unlock();
      return true;
    }
    if (!error.facts.suspect || !repository.exists || (await repository.isSound(signal))) return false;
    log.error(error, 'the repository is damaged');
    await repository.discard('git finds it damaged');
    return true;
  } catch (failure) {
    log.info(0, 'healing failed', { reason: messageOf(failure) });
    return false;
  }
}
