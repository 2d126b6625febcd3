import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { RunConfig } from '../config/run-config.ts';
import { asSidecarError, messageOf, SidecarError } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { HttpClient } from '../platform/http-client.ts';
import type { Logger } from '../platform/log.ts';
import type { MarkedProcess } from '../platform/marked-processes.ts';
import { OWNER_VARIABLE, ownerMark } from '../platform/orphans.ts';
import type { OutputLines } from '../platform/output-lines.ts';
import { OWN_STDERR } from '../platform/pass-on.ts';
import type { Environment, ProcessRunner } from '../platform/process/runner.ts';
import { redactUrl } from '../platform/redact.ts';
import { visibleText } from '../platform/visible-text.ts';
import { MachineFailure } from './blame.ts';
import { FollowedStderr } from './followed-stderr.ts';
import { endLeftovers, findFreePort, INSTANCE_VARIABLE, Instance } from './instance.ts';
import { waitUntilReady } from './readiness.ts';
import { type LineFailure, runLine } from './shell-line.ts';
import type { Release } from './state.ts';

export interface LaunchOptions {
  readonly config: RunConfig;
  readonly stateDir: string;
  readonly runner: ProcessRunner;
  readonly clock: Clock;
  readonly http: HttpClient;
  readonly log: Logger;
  /** Where the output of one shell line goes. */
  readonly openOutput: () => OutputLines;
  /** Leaves secrets out. */
  readonly redact: (text: string) => string;
  /** Whether somebody gets to know what processes write last. */
  readonly hasReaders: () => boolean;
}

/** Of what a build printed last: a report of a sidecar has room for 200 characters of a reason. */
const MOST_SAID = 120;

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
    const { config, clock } = this.#options;
    const port = config.listen === undefined ? undefined : await findFreePort();
    const env = this.environmentOf(release);
    const directory = this.directoryOf(release);
    const stop = { signal: config.stopSignal, timeoutMs: config.stopTimeoutMs };
    if (!config.command) return Instance.ofNothing({ clock, stop });
    const stderr = await this.#followStderr();
    const [file, ...args] = config.command;
    // `./app` means the one of the release; spawn would look for it where we are.
    const program = file.includes('/') && !file.startsWith('/') ? join(directory, file) : file;
    return await Instance.start({
      command: [program, ...args],
      cwd: directory,
      env: port === undefined ? env : { ...env, [config.portVariable]: String(port) },
      port,
      clock,
      stop,
      stderr,
      onLeftovers: (processes) => this.#tellLeftovers('the process', processes),
    });
  }

  /** Where it cannot be followed, the process writes where we write. */
  async #followStderr(): Promise<FollowedStderr | undefined> {
    const { config, stateDir, runner, log, hasReaders } = this.#options;
    const { reportOutput: lines, environment } = config;
    if (lines === 0 || !hasReaders()) return undefined;
    const env = environment.PATH === undefined ? {} : { PATH: environment.PATH };
    return await FollowedStderr.open({ directory: stateDir, env, runner, to: OWN_STDERR, lines }).catch(
      (error: unknown) => {
        log.info(0, 'what the process writes last is not reported', { reason: messageOf(error) });
        return undefined;
      },
    );
  }

  #tellLeftovers(whose: string, processes: readonly MarkedProcess[]): void {
    const names = processes.map(({ pid, name }) => `${pid} (${name})`).join(', ');
    this.#options.log.warn(`${whose} left processes behind; they were ended`, { processes: names });
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
   * @returns undefined when it ended well
   */
  async shell(
    line: string,
    release: Release,
    more: Environment,
    timeoutMs: number,
    signal: AbortSignal,
    cwd = this.directoryOf(release),
  ): Promise<LineFailure | undefined> {
    const { runner, openOutput } = this.#options;
    const env = { ...this.environmentOf(release), ...more };
    const output = openOutput();
    try {
      const write = (text: string): void => output.take(text);
      return await runLine(runner, { line, env, cwd, timeoutMs, signal, write });
    } finally {
      output.end();
    }
  }

  /**
   * Builds in the release's own directory, also with `--into`: what the build makes is a part of the release, so it is
   * mirrored and rolled back with it, and no process reads it before.
   *
   * @throws SidecarError ERR_RUN_BUILD; a {@link MachineFailure} where the revision cannot help it
   */
  async build(release: Release, signal: AbortSignal): Promise<void> {
    const { build, place } = this.#options.config;
    if (!build) return;
    const mark = randomUUID();
    const env = { [INSTANCE_VARIABLE]: mark, ...(place.kind === 'into' && { GIT_SIDECAR_INTO: place.directory }) };
    const failure = await this.shell(build.command, release, env, build.timeoutMs, signal, release.path);
    await endLeftovers(mark, (processes) => this.#tellLeftovers('the build', processes));
    if (!failure) return;
    const said = visibleText(this.#options.redact(failure.lastLine)).slice(0, MOST_SAID);
    const detail = said === '' ? failure.reason : `${failure.reason}; its last words: ${said}`;
    const context = { op: 'build', target: release.id, detail, isLate: failure.isLate };
    if (!failure.isMachines) throw new SidecarError('ERR_RUN_BUILD', context);
    const hint = 'Look at memory, free space and name resolution where it is built; it is tried again.';
    throw new MachineFailure('ERR_RUN_BUILD', { ...context, hint });
  }

  /** @throws SidecarError ERR_RUN_RELOAD */
  async reload(instance: Instance, release: Release, signal: AbortSignal): Promise<void> {
    const { reload, readyTimeoutMs } = this.#options.config;
    const failure = await (async (): Promise<string | undefined> => {
      if (reload?.kind === 'signal') instance.signal(reload.signal);
      if (reload?.kind === 'exec') {
        const env = instance.environment;
        return (await this.shell(reload.command, release, env, readyTimeoutMs, signal))?.reason;
      }
      if (reload?.kind !== 'http') return undefined;
      const limit = AbortSignal.any([signal, AbortSignal.timeout(readyTimeoutMs)]);
      const request = { method: 'POST', url: new URL(reload.url), signal: limit };
      const answer = await this.#options.http.ask(request).catch((error: unknown) => asSidecarError(error, 'reload'));
      const shown = redactUrl(reload.url);
      if (answer instanceof SidecarError) return `${shown}: ${answer.detail}`;
      const isDone = answer.status >= 200 && answer.status < 300;
      return isDone ? undefined : `${shown} answers with status ${answer.status}`;
    })();
    if (failure !== undefined)
      throw new SidecarError('ERR_RUN_RELOAD', { op: 'reload', target: release.id, detail: failure });
  }
}
