import { accessSync, constants, mkdtempSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
/** tmpfs(5). */
const TMPFS = 0x01021994;
const NEEDED_BYTES = 256 * 2 ** 20;

/**
 * A new directory for what belongs on other machines than the relay: in memory where that is possible, so that nobody
 * waits there for the disk that the relay writes to.
 */
export function onOtherMachine(name: string): { readonly directory: string; readonly isInMemory: boolean } {
  let isInMemory = false;
  try {
    accessSync(MEMORY, constants.W_OK);
    const { type, bavail, bsize } = statfsSync(MEMORY);
    isInMemory = type === TMPFS && bavail * bsize > NEEDED_BYTES;
  } catch {
    // There is none.
  }
  return { directory: mkdtempSync(join(isInMemory ? MEMORY : tmpdir(), name)), isInMemory };
}
