import { readFile } from 'node:fs/promises';
import type { ProcessSignalConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { findProcesses } from '../platform/find-processes.ts';
import type { Logger } from '../platform/log.ts';

async function readPidFile(path: string): Promise<number[]> {
  const pid = Number((await readFile(path, 'utf8')).trim());
  return Number.isInteger(pid) && pid > 1 ? [pid] : [];
}

/**
 * Sends a signal to the process that is to reload, found by name or by a file with its id. In a Pod the containers must
 * share their process namespace.
 *
 * @throws SidecarError ERR_NOTIFY_SIGNAL when there is no such process or it may not be signalled
 */
export async function signalProcess({ signal, target }: ProcessSignalConfig, log: Logger): Promise<void> {
  const fail = (detail: string, cause?: unknown): SidecarError =>
    new SidecarError('ERR_NOTIFY_SIGNAL', { op: `send ${signal} to`, target: target.value, detail, cause });
  const found = await (target.kind === 'pidfile'
    ? readPidFile(target.value).catch((error: unknown) => {
        throw fail(messageOf(error), error);
      })
    : findProcesses(target.value));
  if (found.length === 0)
    throw fail(target.kind === 'pidfile' ? 'the file holds no process id' : 'there is no such process');
  for (const pid of found) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      throw fail(messageOf(error), error);
    }
  }
  log.info(1, 'sent a signal', { signal, processes: found.join(' ') });
}
