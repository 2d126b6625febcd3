import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Reads a small file as text. @throws Error when it cannot be read, is no regular file, is larger than `mostBytes` or is not UTF-8 */
export type ReadFile = (path: string, mostBytes: number) => string;

/** Never waits for the other end of a named pipe, and never reads from a device. */
export const readSmallFile: ReadFile = (path, mostBytes) => {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new Error('it is no regular file');
    const bytes = Buffer.alloc(mostBytes + 1);
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(file, bytes, length, bytes.length - length, null);
      if (count === 0) break;
      length += count;
    }
    if (length > mostBytes) throw new Error(`it is larger than ${mostBytes} bytes`);
    const content = bytes.subarray(0, length);
    if (!isUtf8(content)) throw new Error('it is not UTF-8');
    return content.toString();
  } finally {
    closeSync(file);
  }
};
