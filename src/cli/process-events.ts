import { asSidecarError } from '../model/error.ts';
import type { Logger } from '../platform/log.ts';
import { EXIT } from './outcome.ts';

/**
 * What Node and libraries say about this process becomes lines of its log. Node itself would print it as plain text:
 * warnings (deprecations, too many listeners) and errors that nobody caught, which end the process.
 */
export function logProcessEvents(log: Logger): void {
  handle(
    ({ name, message }) => log.info(1, 'Node warns', { name, warning: message }),
    (error) => {
      const stack = error instanceof Error ? error.stack : undefined;
      log.error(asSidecarError(error, 'run this process'), 'internal error', { stack });
    },
  );
}

/** Before there is a log: warnings are of no use to anybody, and errors go to `write`. */
export function printProcessEvents(write: (text: string) => void): void {
  handle(
    () => undefined,
    (error) =>
      write(
        `git-sidecar: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      ),
  );
}

/** Takes over from whoever handled these before, Node's own printing of warnings included. */
function handle(onWarning: (warning: Error) => void, onError: (error: unknown) => void): void {
  process.removeAllListeners('warning').on('warning', onWarning);
  // Rejections that nobody handles come here too.
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => {
    onError(error);
    process.exit(EXIT.failure);
  });
}
