import { access, constants, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RunConfig } from '../config/run-config.ts';
import { asSidecarError, messageOf, SidecarError } from '../model/error.ts';
import { ErrorFile } from '../notify/files.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import { HttpClient } from '../platform/http-client.ts';
import type { Logger } from '../platform/log.ts';
import { endOrphans } from '../platform/orphans.ts';
import { OutputLines } from '../platform/output-lines.ts';
import { createProcessRunner, type Exit, type ProcessRunner } from '../platform/process.ts';
import { Redactor } from '../platform/redact.ts';
import { ControlSocket } from '../run/control-socket.ts';
import { Deployer } from '../run/deployer.ts';
import { LinkWatch, readPublished } from '../run/follow-link.ts';
import { Front } from '../run/front.ts';
import { Launch } from '../run/launch.ts';
import { Mirror } from '../run/mirror.ts';
import { Releases } from '../run/releases.ts';
import { openStateDirectory, StateFile, stateCandidates } from '../run/state.ts';
import { Switchover } from '../run/switchover.ts';
import { type EmbeddedSync, startEmbeddedSync } from './embedded-sync.ts';
import { defaultsUnused } from './native-poll.ts';
import { EXIT, type Io } from './outcome.ts';
import { findProgram } from './preflight.ts';
import { createErrorFileLogger } from './process-logger.ts';
import { RunReport } from './run-report.ts';
import { listenForRunSignals, statusOfSignal } from './run-signals.ts';
import { addSecrets } from './secrets.ts';
import { VERSION } from './version.ts';

/** Why run ends. */
type End = { readonly exit: Exit } | { readonly signal: NodeJS.Signals };

/**
 * Exit status of run: that of the process, 128 + n where signal n ended it; where there was no process, as if the signal
 * had ended run.
 */
function statusOf(end: End, last: Exit | undefined): number {
  const exit = last ?? ('exit' in end ? end.exit : undefined);
  if (exit) return exit.signal === null ? (exit.code ?? EXIT.failure) : statusOfSignal(exit.signal);
  return 'signal' in end ? statusOfSignal(end.signal) : EXIT.failure;
}

/** Refuses at once what could never work. @throws SidecarError ERR_RUN_* */
async function checkSurroundings(config: RunConfig): Promise<void> {
  const [program] = config.command;
  const isElsewhere = !program.includes('/') || program.startsWith('/');
  if (isElsewhere && !(await findProgram(program, config.environment.PATH))) {
    const detail = program.includes('/') ? 'it is no executable file' : 'it is in no directory of PATH';
    throw new SidecarError('ERR_RUN_COMMAND', { op: 'start', target: program, detail });
  }
  if (!config.sync) {
    const directory = await stat(dirname(config.link)).catch(() => undefined);
    if (!directory?.isDirectory())
      throw new SidecarError('ERR_RUN_LINK', {
        op: 'follow',
        target: config.link,
        detail: 'its directory does not exist',
      });
    await readPublished(config.link);
  }
  if (config.place.kind !== 'into') return;
  const { directory } = config.place;
  const into = await stat(directory).catch(() => undefined);
  const writable = await access(directory, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (into?.isDirectory() && writable) return;
  const detail = into ? 'it cannot be written' : 'it does not exist';
  throw new SidecarError('ERR_RUN_STATE', { op: 'mirror into', target: directory, detail });
}

interface Parts {
  readonly config: RunConfig;
  readonly stateDir: string;
  readonly log: Logger;
  readonly redactor: Redactor;
  readonly runner: ProcessRunner;
  readonly errorFile: ErrorFile | undefined;
  readonly io: Io;
}

/** Runs until the process ends for good or somebody ends us. */
async function supervise({ config, stateDir, log, redactor, runner, errorFile, io }: Parts): Promise<number> {
  const clock = systemClock;
  const state = new StateFile(stateDir);
  await state.load();
  const releases = new Releases({ directory: join(stateDir, 'releases'), link: config.link, place: config.place });
  const http = new HttpClient(config.environment, defaultsUnused({ nats: config.sync?.nats }));
  const redact = (text: string): string => redactor.redact(text);
  const openOutput = (): OutputLines => new OutputLines(redactor, io.stderr);
  const launch = new Launch({ config, stateDir, runner, clock, http, log, openOutput });
  const mirror =
    config.place.kind === 'into'
      ? new Mirror({ directory: config.place.directory, backupDir: join(stateDir, 'backup'), log })
      : undefined;
  const front = config.listen && (await Front.listen(config.listen));
  if (front) log.info(0, 'accepting connections', { port: front.ownPort });
  let end: (end: End) => void = () => undefined;
  const ended = new Promise<End>((resolve) => {
    end = resolve;
  });
  const report = await RunReport.create(config, clock, state, front, redactor);
  const switchover = new Switchover({ config, launch, front, clock, log, onGone: (exit) => end({ exit }) });
  const shared = { config, state, releases, launch, mirror, switchover, clock, log };
  const deployer = new Deployer({ ...shared, random: Math.random, redact, observer: report });
  report.watch(switchover);
  const hurry = new AbortController();
  let sync: EmbeddedSync | undefined;
  const signals = listenForRunSignals({
    instance: () => switchover.instance,
    wakeOn: config.sync?.syncOnSignal,
    onWake: () => sync?.wake(),
    onStop: (signal) => {
      if (report.isEnding || signal !== 'SIGTERM') hurry.abort();
      report.ending();
      end({ signal });
    },
    log,
  });
  let watch: LinkWatch | undefined;
  const control = await ControlSocket.listen(stateDir, async (to) => (await deployer.rollBack(to)).id, log);
  const server = await report.serve(log);
  try {
    await deployer.resume();
    if (config.sync) {
      const { observability } = report;
      const onPublish = (): void => deployer.consider();
      const onSuccess = async (): Promise<void> => await errorFile?.remove();
      const parts = { config: config.sync, runner, log, redactor, clock, observability };
      sync = await startEmbeddedSync({ ...parts, onPublish, onSuccess });
      report.follow(sync);
    }
    watch = new LinkWatch({ link: config.link, recheckMs: config.recheckMs, log, onChange: () => deployer.consider() });
    deployer.consider();
    const why = await ended;
    log.info(
      0,
      'stopping',
      'exit' in why ? { status: why.exit.code, signal: why.exit.signal } : { reason: why.signal },
    );
    await deployer.halt();
    if ('signal' in why && switchover.isAlive) await drain(config, front, clock, log, hurry.signal);
    return statusOf(why, await deployer.stop());
  } finally {
    watch?.close();
    await deployer.stop();
    await Promise.all([sync?.stop(), front?.close(), control.close(), server?.close()]);
    await runner.endAll();
    signals.dispose();
    await errorFile?.settled();
  }
}

/** Lets load balancers and clients go elsewhere, and finishes what is under way, before the process is stopped. */
async function drain(
  { drainDelayMs, drainTimeoutMs }: RunConfig,
  front: Front | undefined,
  clock: Clock,
  log: Logger,
  hurry: AbortSignal,
): Promise<void> {
  front?.leave();
  if (drainDelayMs > 0 && !hurry.aborted) {
    log.info(0, 'serving on until load balancers have taken note', { ms: drainDelayMs });
    await clock.sleep(drainDelayMs, hurry);
  }
  if (hurry.aborted) return;
  const cut = await front?.finish(drainTimeoutMs, hurry);
  if (cut) log.warn('connections were cut at the end', { connections: cut });
}

/** One run, from checked configuration to exit status. */
export async function runProcess(config: RunConfig, notices: readonly string[], io: Io): Promise<number> {
  // Node writes the title over the arguments, so a secret given as a flag is no longer shown by ps.
  if (config.secretsOnCommandLine) process.title = 'git-sidecar run';
  const redactor = new Redactor();
  addSecrets(redactor, config);
  const errorFile =
    config.sync?.errorFile === undefined ? undefined : new ErrorFile(config.sync.root, config.sync.errorFile);
  const log = createErrorFileLogger(config, io, redactor, errorFile);
  try {
    await checkSurroundings(config);
    const stateDir = await openStateDirectory(
      stateCandidates(config.stateDir, config.link, config.place, config.environment),
    );
    log.info(0, 'starting up', {
      version: VERSION,
      pid: process.pid,
      link: config.link,
      command: config.command[0],
      state: stateDir,
    });
    for (const notice of notices) log.warn(notice);
    const orphans = await endOrphans(stateDir);
    if (orphans.length > 0) log.warn('ended processes of a killed predecessor', { processes: orphans.join(' ') });
    return await supervise({ config, stateDir, log, redactor, runner: createProcessRunner(), errorFile, io });
  } catch (error) {
    const failure = asSidecarError(error, 'run');
    log.error(failure, `cannot run: ${messageOf(failure)}`);
    await errorFile?.settled();
    return EXIT.failure;
  }
}
