import { join } from 'node:path';
import type { RunConfig } from '../config/run-config.ts';
import { asSidecarError, messageOf, SidecarError } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { HttpClient } from '../platform/http-client.ts';
import { OWNER_VARIABLE, ownerMark } from '../platform/orphans.ts';
import type { OutputLines } from '../platform/output-lines.ts';
import type { Environment, ProcessRunner } from '../platform/process.ts';
import { findFreePort, Instance } from './instance.ts';
import { waitUntilReady } from './readiness.ts';
import type { Release } from './state.ts';

export interface LaunchOptions {
  readonly config: RunConfig;
  readonly stateDir: string;
  readonly runner: ProcessRunner;
  readonly clock: Clock;
  readonly http: HttpClient;
  /** Where the output of one shell line goes. */
  readonly openOutput: () => OutputLines;
}

/** Starts things for a release: the command itself, and the shell lines around it. */
export class Launch {
  readonly #options: LaunchOptions;

  constructor(options: LaunchOptions) {
    this.#options = options;
  }

  /** Where the command and the shell lines run. */
  directoryOf(release: Release): string {
    const { place } = this.#options.config;
    return place.kind === 'into' ? place.directory : release.path;
  }

  environmentOf(release: Release): Environment {
    const { config, stateDir } = this.#options;
    return {
      ...config.environment,
      GIT_SIDECAR_OID: release.id,
      [OWNER_VARIABLE]: ownerMark(stateDir, process.pid),
    };
  }

  /** @throws SidecarError ERR_RUN_COMMAND */
  async start(release: Release): Promise<Instance> {
    const { config } = this.#options;
    const port = config.listen === undefined ? undefined : await findFreePort();
    const env = this.environmentOf(release);
    const [file, ...args] = config.command;
    const directory = this.directoryOf(release);
    // `./app` means the one of the release; spawn would look for it where we are.
    const program = file.includes('/') && !file.startsWith('/') ? join(directory, file) : file;
    return await Instance.start({
      command: [program, ...args],
      cwd: directory,
      env: port === undefined ? env : { ...env, [config.portVariable]: String(port) },
      port,
      stop: { signal: config.stopSignal, timeoutMs: config.stopTimeoutMs },
    });
  }

  /** @returns undefined when it is ready, otherwise why not */
  async untilReady(instance: Instance, release: Release, signal: AbortSignal): Promise<string | undefined> {
    const { config, clock, runner, http } = this.#options;
    return await waitUntilReady(instance, {
      checks: config.readyChecks,
      timeoutMs: config.readyTimeoutMs,
      clock,
      runner,
      http,
      env: this.environmentOf(release),
      cwd: this.directoryOf(release),
      signal,
    });
  }

  /**
   * Runs a shell line in the directory of a release; its output is shown.
   * @returns undefined when it ended well, otherwise how it ended
   */
  async shell(
    line: string,
    release: Release,
    more: Environment,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { runner, openOutput } = this.#options;
    const output = openOutput();
    try {
      const result = await runner.run({
        file: '/bin/sh',
        args: ['-c', `exec 2>&1\n${line}`],
        env: { ...this.environmentOf(release), ...more },
        cwd: this.directoryOf(release),
        timeoutMs,
        signal,
        onStdout: (text) => output.take(text),
        maxOutputBytes: 1,
      });
      if (result.endedBy === 'timeout') return `it took longer than ${timeoutMs / 1000} s`;
      if (result.code === 0) return undefined;
      return result.signal ? `it was ended by ${result.signal}` : `it ended with status ${result.code}`;
    } catch (error) {
      return messageOf(error);
    } finally {
      output.end();
    }
  }

  /** @throws SidecarError ERR_RUN_BUILD */
  async build(release: Release, signal: AbortSignal): Promise<void> {
    const { build } = this.#options.config;
    if (!build) return;
    const failure = await this.shell(build.command, release, {}, build.timeoutMs, signal);
    if (failure !== undefined)
      throw new SidecarError('ERR_RUN_BUILD', { op: 'build', target: release.id, detail: failure });
  }

  /** @throws SidecarError ERR_RUN_RELOAD */
  async reload(instance: Instance, release: Release, signal: AbortSignal): Promise<void> {
    const { reload, readyTimeoutMs } = this.#options.config;
    const failure = await (async (): Promise<string | undefined> => {
      if (reload?.kind === 'signal') instance.signal(reload.signal);
      if (reload?.kind === 'exec')
        return await this.shell(
          reload.command,
          release,
          { GIT_SIDECAR_PID: `${instance.pid}` },
          readyTimeoutMs,
          signal,
        );
      if (reload?.kind !== 'http') return undefined;
      const limit = AbortSignal.any([signal, AbortSignal.timeout(readyTimeoutMs)]);
      const request = { method: 'POST', url: new URL(reload.url), signal: limit };
      const answer = await this.#options.http.ask(request).catch((error: unknown) => asSidecarError(error, 'reload'));
      if (answer instanceof SidecarError) return answer.detail;
      return answer.status >= 200 && answer.status < 300 ? undefined : `the answer has status ${answer.status}`;
    })();
    if (failure !== undefined)
      throw new SidecarError('ERR_RUN_RELOAD', { op: 'reload', target: release.id, detail: failure });
  }
}
