import { asSidecarError } from '../model/error.ts';
import type { Logger } from '../platform/log.ts';

/** Node prints warnings (deprecations, too many listeners) as plain text; without a log they are of no use. */
export function dropWarnings(): void {
  process.removeAllListeners('warning').on('warning', () => undefined);
}

/**
 * What Node and libraries say about this process becomes lines of its log: warnings, and uncaught errors and
 * rejections, which end the process (start.ts).
 */
export function logProcessEvents(log: Logger): void {
  process.removeAllListeners('warning').on('warning', ({ name, message }) => {
    log.info(1, 'Node warns', { name, warning: message });
  });
  process.prependListener('uncaughtException', (error: unknown) => {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error(asSidecarError(error, 'run this process'), 'internal error', { stack });
  });
}
