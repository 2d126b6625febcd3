import type { Writable } from 'node:stream';

/** @returns false when the reader closed the connection, or took nothing within `ms` */
export function drained(stream: Writable, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (ok: boolean): void => {
      clearTimeout(timer);
      stream.off('drain', onDrain).off('close', onClose);
      resolve(ok);
    };
    const onDrain = (): void => settle(true);
    const onClose = (): void => settle(false);
    const timer = setTimeout(onClose, ms);
    stream.once('drain', onDrain).once('close', onClose);
  });
}
