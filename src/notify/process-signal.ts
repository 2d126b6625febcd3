import { readFile } from 'node:fs/promises';
import type { ProcessSignalConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import { findProcesses } from '../platform/find-processes.ts';
import type { Logger } from '../platform/log.ts';

/** The process is not there, or not yet: it reads what is published when it starts. */
export class ProcessAbsent extends SidecarError {}

async function readPidFile(path: string): Promise<number[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  });
  const pid = Number(text.trim());
  return Number.isInteger(pid) && pid > 1 ? [pid] : [];
}

/**
 * Sends a signal to the process that is to reload, found by name or by a file with its id. In a Pod the containers must
 * share their process namespace.
 *
 * @throws SidecarError ERR_NOTIFY_SIGNAL when it may not be signalled, {@link ProcessAbsent} when there is no such process
 */
export async function signalProcess({ signal, target }: ProcessSignalConfig, log: Logger): Promise<void> {
  const context = (detail: string, cause?: unknown) =>
    ({ op: `send ${signal} to`, target: target.value, detail, cause }) as const;
  const fail = (detail: string, cause?: unknown): SidecarError =>
    new SidecarError('ERR_NOTIFY_SIGNAL', context(detail, cause));
  const absent = (detail: string, cause?: unknown): SidecarError =>
    new ProcessAbsent('ERR_NOTIFY_SIGNAL', context(detail, cause));
  const found = await (target.kind === 'pidfile'
    ? readPidFile(target.value).catch((error: unknown) => {
        throw fail(messageOf(error), error);
      })
    : findProcesses(target.value));
  if (found.length === 0)
    throw absent(target.kind === 'pidfile' ? 'there is no process id in the file' : 'there is no such process');
  for (const pid of found) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      throw systemCode(error) === 'ESRCH' ? absent(messageOf(error), error) : fail(messageOf(error), error);
    }
  }
  log.info(1, 'sent a signal', { signal, processes: found.join(' ') });
}
