import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import type { ReadyCheck } from '../config/run-config.ts';
import { messageOf } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { Environment, ProcessRunner } from '../platform/process.ts';
import type { Instance } from './instance.ts';

export interface ReadinessOptions {
  readonly checks: readonly ReadyCheck[];
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly runner: ProcessRunner;
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

function askTcp(port: number, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: ANSWER_MS, signal });
    const done = (answer: Answer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(undefined));
    socket.once('timeout', () => done(`port ${port} does not answer`));
    socket.once('error', (error) => done(`port ${port}: ${error.message}`));
  });
}

function askHttp(url: string, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve) => {
    const get = url.startsWith('https:') ? https.get : http.get;
    const request = get(url, { timeout: ANSWER_MS, signal, agent: false }, (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      resolve(status >= 200 && status < 400 ? undefined : `${url} answers with status ${status}`);
    });
    request.once('timeout', () => request.destroy(new Error('no answer in time')));
    request.once('error', (error) => resolve(`${url}: ${error.message}`));
  });
}

async function askExec(command: string, { runner, env, cwd, signal }: ReadinessOptions, pid: number): Promise<Answer> {
  const result = await runner
    .run({ file: '/bin/sh', args: ['-c', command], env: { ...env, GIT_SIDECAR_PID: `${pid}` }, cwd, signal })
    .catch((error: unknown) => messageOf(error));
  if (typeof result === 'string') return result;
  return result.code === 0 ? undefined : `${JSON.stringify(command)} ends with ${result.code ?? result.signal}`;
}

/** undefined: yes; otherwise why not yet. */
async function ask(check: ReadyCheck, instance: Instance, options: ReadinessOptions): Promise<Answer> {
  const { signal } = options;
  switch (check.kind) {
    case 'http':
      return await askHttp(check.url, signal);
    case 'own-http':
      return await askHttp(`http://127.0.0.1:${instance.port}${check.path}`, signal);
    case 'tcp':
      return await askTcp(check.port, signal);
    case 'own-tcp':
      return await askTcp(instance.port ?? 0, signal);
    case 'exec':
      return await askExec(check.command, options, instance.pid);
    case 'delay':
      await Promise.race([instance.exited, options.clock.sleep(check.ms, signal)]);
      return undefined;
  }
}

function describeExit({ exit }: Instance): string {
  return exit?.signal ? `it was ended by ${exit.signal}` : `it exited with status ${exit?.code}`;
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
      if (instance.exit) return describeExit(instance);
      if (signal.aborted) return 'waiting was given up';
      if (clock.monotonic() > deadline) return `not ready after ${timeoutMs / 1000} s: ${last}`;
      const answer = await ask(check, instance, options);
      if (answer === undefined) break;
      last = answer;
      await Promise.race([instance.exited, clock.sleep(PAUSE_MS, signal)]);
    }
  }
  return instance.exit ? describeExit(instance) : undefined;
}
