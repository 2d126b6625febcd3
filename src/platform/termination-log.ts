import { closeSync, constants, openSync, writeSync } from 'node:fs';

/** Kubernetes reads no more of it ("Customizing the termination message"). */
const MOST_BYTES = 4096;
/** The middle is left out of what is too long: the cause stands first, the hint last. */
const GAP = ' … ';

function shorten(text: string): Buffer {
  const whole = Buffer.from(text);
  if (whole.length <= MOST_BYTES) return whole;
  const half = Math.floor((MOST_BYTES - Buffer.byteLength(GAP)) / 2);
  // Where a character is cut in two, its rest is left out.
  const head = whole
    .subarray(0, half)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
  const tail = whole
    .subarray(-half)
    .toString('utf8')
    .replace(/^\uFFFD+/, '');
  return Buffer.from(head + GAP + tail);
}

/**
 * Leaves the last error of this process where `kubectl describe pod` shows them. Only in a file that exists: Kubernetes
 * makes it, and elsewhere nobody reads it. At the end of the process, so at once; a failure changes nothing.
 */
export function writeTerminationLog(path: string, text: string): void {
  try {
    const file = openSync(path, constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      writeSync(file, shorten(text));
    } finally {
      closeSync(file);
    }
  } catch {
    // It is not there, or not ours to write: the log says the same.
  }
}
