import { write as writeTo } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemCode } from '../model/error.ts';

const write = promisify(writeTo);

/** Our standard error. */
export const OWN_STDERR = 2;
/** Before a pipe that was full is tried again. */
const FULL_MS = 5;

/**
 * Writes all of `bytes` to a descriptor, at the pace of its reader. Nothing else of the process waits meanwhile. What a
 * descriptor that is closed or broken does not take is dropped, as the kernel drops what a process writes there.
 */
export async function passOn(descriptor: number, bytes: Uint8Array): Promise<void> {
  for (let from = 0; from < bytes.length; ) {
    try {
      const { bytesWritten } = await write(descriptor, bytes, from);
      from += bytesWritten;
    } catch (error) {
      if (systemCode(error) !== 'EAGAIN') return;
      await delay(FULL_MS);
    }
  }
}
