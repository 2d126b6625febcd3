import type { ExechookConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { type ErrorCode, factsOf } from '../model/error-codes.ts';
import type { Logger } from '../platform/log.ts';
import type { Environment, ProcessRunner } from '../platform/process.ts';
import type { Notification } from './notification.ts';

export interface ExechookOptions {
  readonly config: ExechookConfig;
  readonly code: Extract<ErrorCode, 'ERR_NOTIFY_EXECHOOK' | 'ERR_NOTIFY_PRE_PUBLISH'>;
  readonly runner: ProcessRunner;
  readonly log: Logger;
  readonly environment: () => Environment;
}

const MOST_OUTPUT_SHOWN = 4000;

function shown(text: string): string {
  return text.length > MOST_OUTPUT_SHOWN ? `…${text.slice(-MOST_OUTPUT_SHOWN)}` : text;
}

/**
 * Runs the command in the published directory, exactly as written: no shell, no arguments (compat.md 4).
 * @throws SidecarError with `code` when it cannot start, exits non-zero, is ended by a signal or runs out of time
 */
export async function runExechook(
  options: ExechookOptions,
  notification: Notification,
  signal: AbortSignal,
): Promise<void> {
  const { config, code, runner, log } = options;
  const op = factsOf(code).class === 'veto' ? 'run the pre-publish hook' : 'run the exechook';
  const fail = (detail: string, cause?: unknown) =>
    new SidecarError(code, { op, target: config.command, detail, cause });
  log.info(1, 'running hook', { command: config.command, hash: notification.oid });
  const result = await runner
    .run({
      file: config.command,
      args: [],
      cwd: notification.directory,
      signal,
      timeoutMs: config.timeoutMs,
      endGroup: false,
      env: { ...options.environment(), GITSYNC_HASH: notification.oid },
    })
    .catch((error: unknown) => {
      throw fail(messageOf(error), error);
    });
  const output = { stdout: shown(result.stdout.toString()), stderr: shown(result.stderr) };
  if (result.code === 0 && !result.endedBy) {
    log.info(1, 'hook output', { command: config.command, ...output });
    return;
  }
  const how =
    result.endedBy === 'timeout'
      ? `it did not finish within ${config.timeoutMs} ms`
      : result.code === null
        ? `it was ended by ${result.signal ?? 'a signal'}`
        : `it exited with status ${result.code}`;
  throw fail(`${how}; stdout: ${JSON.stringify(output.stdout)}; stderr: ${JSON.stringify(output.stderr)}`);
}
