import type { AdvertisedRef } from '../model/ref.ts';
import { filterInTurns } from '../platform/in-turns.ts';

/**
 * Reads an answer while it comes by: there may be so many refs that all of them together take much memory.
 * @param digest equal for two answers that are the same, byte for byte
 */
export type ReadRefs<T> = (refs: Iterable<AdvertisedRef>, digest: string) => T | Promise<T>;

/** Keeps all refs. */
export const allRefs: ReadRefs<AdvertisedRef[]> = async (refs) => await filterInTurns(refs, () => true);
