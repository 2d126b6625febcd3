import { access, constants, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RunConfig } from '../config/run-config.ts';
import { asSidecarError, messageOf, SidecarError } from '../model/error.ts';
import { systemClock } from '../platform/clock.ts';
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
import { createProcessLogger } from './process-logger.ts';
import { RunReport } from './run-report.ts';
import { listenForRunSignals } from './run-signals.ts';
import { addSecrets } from './secrets.ts';
import { VERSION } from './version.ts';

/** Exit status of a process as shells give it. */
function statusOf(exit: Exit | undefined): number {
  if (!exit) return EXIT.ok;
  return exit.code ?? 128 + (SIGNAL_NUMBERS[exit.signal ?? 'SIGKILL'] ?? 9);
}

const SIGNAL_NUMBERS: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

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
  readonly io: Io;
}

/** Runs until the process ends for good or somebody ends us. */
async function supervise({ config, stateDir, log, redactor, runner, io }: Parts): Promise<number> {
  const clock = systemClock;
  const state = new StateFile(stateDir);
  await state.load();
  const releases = new Releases({ directory: join(stateDir, 'releases'), link: config.link, place: config.place });
  const http = new HttpClient(config.environment, defaultsUnused({ nats: config.sync?.nats }));
  const launch = new Launch({
    config,
    stateDir,
    runner,
    clock,
    http,
    openOutput: () => new OutputLines(redactor, io.stderr),
  });
  const mirror =
    config.place.kind === 'into'
      ? new Mirror({ directory: config.place.directory, backupDir: join(stateDir, 'backup') })
      : undefined;
  const front = config.listen && (await Front.listen(config.listen));
  if (front) log.info(0, 'accepting connections', { port: front.ownPort });
  let end: (exit: Exit | undefined) => void = () => undefined;
  const ended = new Promise<Exit | undefined>((resolve) => {
    end = resolve;
  });
  const report = await RunReport.create(config, clock, state, front, redactor);
  const switchover = new Switchover({ config, launch, front, clock, log, onGone: (exit) => end(exit) });
  const deployer = new Deployer({ config, state, releases, launch, mirror, switchover, clock, log, observer: report });
  report.watch(switchover);
  const signals = listenForRunSignals({ instance: () => switchover.instance, onStop: () => end(undefined) });
  let sync: EmbeddedSync | undefined;
  let watch: LinkWatch | undefined;
  const control = await ControlSocket.listen(stateDir, async (to) => (await deployer.rollBack(to)).id, log);
  const server = await report.serve(log);
  try {
    await deployer.resume();
    if (config.sync) {
      const { observability } = report;
      const onPublish = (): void => deployer.consider();
      sync = await startEmbeddedSync({ config: config.sync, runner, log, redactor, clock, observability, onPublish });
      report.follow(sync);
    }
    watch = new LinkWatch({ link: config.link, recheckMs: config.recheckMs, log, onChange: () => deployer.consider() });
    deployer.consider();
    const gone = await ended;
    log.info(0, 'stopping', gone ? { status: gone.code, signal: gone.signal } : { reason: 'a signal' });
    const exit = (await deployer.stop()) ?? gone;
    return statusOf(exit);
  } finally {
    watch?.close();
    await deployer.stop();
    await Promise.all([sync?.stop(), front?.close(), control.close(), server?.close()]);
    await runner.endAll();
    signals.dispose();
  }
}

/** One run, from checked configuration to exit status. */
export async function runProcess(config: RunConfig, notices: readonly string[], io: Io): Promise<number> {
  const redactor = new Redactor();
  if (config.sync) addSecrets(redactor, config.sync);
  const log = createProcessLogger(config, io, redactor);
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
    return await supervise({ config, stateDir, log, redactor, runner: createProcessRunner(), io });
  } catch (error) {
    const failure = asSidecarError(error, 'run');
    log.error(failure, `cannot run: ${messageOf(failure)}`);
    return EXIT.failure;
  }
}
