import type { ExechookConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { type ErrorCode, factsOf } from '../model/error-codes.ts';
import type { Logger } from '../platform/log.ts';
import type { Environment, ProcessRunner } from '../platform/process/runner.ts';
import { traceparent } from '../platform/trace/span.ts';
import { hookVariables } from './hook-variables.ts';
import type { Notification } from './notification.ts';
import type { PublishDetails } from './publish-details.ts';

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
 * Runs the command in the published directory, exactly as written: no shell, and no arguments but those that were
 * configured (compat.md 4). With `details` it gets them as variables, and as JSON on its standard input.
 * @throws SidecarError with `code` when it cannot start, exits non-zero, is ended by a signal or runs out of time
 */
export async function runExechook(
  options: ExechookOptions,
  notification: Notification,
  signal: AbortSignal,
  details?: PublishDetails,
): Promise<void> {
  const { config, code, runner, log } = options;
  const op = factsOf(code).class === 'veto' ? 'run the pre-publish hook' : 'run the exechook';
  const fail = (detail: string, cause?: unknown, isLate = false) =>
    new SidecarError(code, { op, target: config.command, detail, cause, isLate });
  log.info(1, 'running hook', { command: config.command, hash: notification.oid });
  const result = await runner
    .run({
      file: config.command,
      args: config.args,
      cwd: notification.directory,
      signal,
      timeoutMs: config.timeoutMs,
      endGroup: false,
      env: {
        ...options.environment(),
        ...(details && hookVariables(details)),
        ...(notification.trace && { TRACEPARENT: traceparent(notification.trace) }),
        GITSYNC_HASH: notification.oid,
      },
      ...(details && { stdin: `${JSON.stringify(details)}\n` }),
    })
    .catch((error: unknown) => {
      throw fail(messageOf(error), error);
    });
  const output = { stdout: shown(result.stdout.toString()), stderr: shown(result.stderr) };
  if (result.code === 0 && !result.endedBy) {
    log.info(1, 'hook output', { command: config.command, ...output });
    return;
  }
  const isLate = result.endedBy === 'timeout';
  const how = isLate
    ? `it did not finish within ${config.timeoutMs} ms`
    : result.code === null
      ? `it was ended by ${result.signal ?? 'a signal'}`
      : `it exited with status ${result.code}`;
  const said = `stdout: ${JSON.stringify(output.stdout)}; stderr: ${JSON.stringify(output.stderr)}`;
  throw fail(`${how}; ${said}`, undefined, isLate);
}
