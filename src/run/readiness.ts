import { connect } from 'node:net';
import type { ReadyCheck } from '../config/run-config.ts';
import { asSidecarError, messageOf } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import { deadline } from '../platform/deadline.ts';
import type { HttpClient } from '../platform/http-client.ts';
import type { Environment, ProcessRunner } from '../platform/process/runner.ts';
import { describeExit, type Instance } from './instance.ts';
import { SHELL } from './shell-line.ts';

export interface ReadinessOptions {
  readonly checks: readonly ReadyCheck[];
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly runner: ProcessRunner;
  readonly http: HttpClient;
  /** For shell lines. */
  readonly env: Environment;
  readonly cwd: string;
  readonly signal: AbortSignal;
}

/** Pause between two questions. */
const PAUSE_MS = 50;
/** Longest wait for one answer. */
const ANSWER_MS = 2000;

type Answer = string | undefined;

/** A connection that is opened and ended. Cut off, it would be reported as an error by many servers. */
function askTcp(port: number, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', signal });
    socket.setTimeout(ANSWER_MS, () => {
      resolve(`port ${port} does not answer`);
      socket.destroy();
    });
    socket.once('connect', () => {
      resolve(undefined);
      // Whatever the server says first is read, so that ending is no reset.
      socket.resume();
      socket.end();
    });
    socket.on('error', (error) => resolve(`port ${port}: ${error.message}`));
  });
}

async function askHttp(url: string, http: HttpClient, signal: AbortSignal): Promise<Answer> {
  const limit = deadline(signal, ANSWER_MS);
  try {
    const { status } = await http.probe({ method: 'GET', url: new URL(url), signal: limit.signal });
    return status >= 200 && status < 400 ? undefined : `${url} answers with status ${status}`;
  } catch (error) {
    return `${url}: ${asSidecarError(error, 'ask').detail}`;
  } finally {
    limit.dispose();
  }
}

async function askExec(
  command: string,
  { runner, env, cwd, signal }: ReadinessOptions,
  about: Environment,
): Promise<Answer> {
  const result = await runner
    .run({ file: SHELL, args: ['-c', command], env: { ...env, ...about }, cwd, signal })
    .catch((error: unknown) => messageOf(error));
  if (typeof result === 'string') return result;
  return result.code === 0 ? undefined : `${JSON.stringify(command)} ends with ${result.code ?? result.signal}`;
}

/** undefined: yes; otherwise why not yet. */
async function ask(check: ReadyCheck, instance: Instance, options: ReadinessOptions): Promise<Answer> {
  const { signal, http } = options;
  switch (check.kind) {
    case 'http':
      return await askHttp(check.url, http, signal);
    case 'own-http':
      return await askHttp(`http://127.0.0.1:${instance.port}${check.path}`, http, signal);
    case 'tcp':
      return await askTcp(check.port, signal);
    case 'own-tcp':
      return await askTcp(instance.port ?? 0, signal);
    case 'exec':
      return await askExec(check.command, options, instance.environment);
    case 'delay':
      await Promise.race([instance.exited, options.clock.sleep(check.ms, signal)]);
      return undefined;
  }
}

/**
 * Waits until all checks pass.
 * @returns undefined when ready, otherwise why it is not: the last answer, the exit of the process, or the end of waiting
 */
export async function waitUntilReady(instance: Instance, options: ReadinessOptions): Promise<string | undefined> {
  const { clock, timeoutMs, signal, checks } = options;
  const deadline = clock.monotonic() + timeoutMs;
  let last = 'nothing was asked';
  for (const check of checks) {
    for (;;) {
      if (instance.exit) return describeExit(instance.exit);
      if (signal.aborted) return 'waiting was given up';
      if (clock.monotonic() > deadline) return `not ready after ${timeoutMs / 1000} s: ${last}`;
      const answer = await ask(check, instance, options);
      if (answer === undefined) break;
      last = answer;
      await Promise.race([instance.exited, clock.sleep(PAUSE_MS, signal)]);
    }
  }
  return instance.exit && describeExit(instance.exit);
}
