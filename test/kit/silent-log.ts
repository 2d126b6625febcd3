import type { Logger } from '../../src/platform/log.ts';

export const silentLog: Logger = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  shows: () => false,
};
