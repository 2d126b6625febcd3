import type { SyncConfig } from '../config/sync-config.ts';
import { prepareRoot } from '../fetch/root.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { ErrorFile } from '../notify/files.ts';
import { systemClock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { createProcessRunner } from '../platform/process.ts';
import { Redactor } from '../platform/redact.ts';
import type { HttpServer } from '../serve/server.ts';
import type { SyncContext } from '../sync/context.ts';
import type { Cycle } from '../sync/cycle.ts';
import { type LoopEnd, SyncLoop } from '../sync/loop.ts';
import { closeRepository, openRepository } from '../sync/open.ts';
import { createStages } from '../sync/stages.ts';
import { createObservability, startEndpoint } from './observability.ts';
import { EXIT, type Io } from './outcome.ts';
import { preflight } from './preflight.ts';
import { createProcessLogger } from './process-logger.ts';
import { secretsOf } from './secrets.ts';
import { listenForSignals } from './signals.ts';
import { VERSION } from './version.ts';
import { wireWakeableSync } from './wakeable-sync.ts';

/** The log, whose errors also go into the error file. */
function createSyncLogger(config: SyncConfig, io: Io, redactor: Redactor, errorFile: ErrorFile | undefined): Logger {
  return createProcessLogger(config, io, redactor, (record) => {
    errorFile
      ?.write(record, (line) => redactor.redact(line))
      .catch((error: unknown) => {
        io.stderr(`cannot write the error file: ${messageOf(error)}\n`);
      });
  });
}

/** Shows git's own progress on a terminal: `--one-time` on a large repository would otherwise look stuck. */
function progressFor(config: SyncConfig, io: Io): ((text: string) => void) | undefined {
  return config.oneTime && io.stderrIsTerminal && config.logFormat !== 'json' ? io.stderr : undefined;
}

/** One sync, from checked configuration to exit status. */
export async function runSyncProcess(
  config: SyncConfig,
  notices: readonly string[],
  compatReason: string,
  io: Io,
): Promise<number> {
  // Node writes the title over the arguments, so a secret given as a flag is no longer shown by ps.
  if (config.secretsOnCommandLine) process.title = 'git-sidecar sync';
  const redactor = new Redactor();
  for (const secret of secretsOf(config)) redactor.add(secret);
  const errorFile = config.errorFile === undefined ? undefined : new ErrorFile(config.root, config.errorFile);
  const log = createSyncLogger(config, io, redactor, errorFile);
  try {
    await preflight(config);
    const root = await prepareRoot(config.root);
    log.info(0, 'starting up', {
      version: VERSION,
      pid: process.pid,
      compat: config.mode,
      reason: compatReason,
      repo: config.remote.shownUrl,
      ref: config.target.requested,
      root,
      link: config.link,
      period_ms: config.periodMs,
    });
    for (const notice of notices) log.warn(notice);
    return await serveAndSync({ config, root, log, redactor, errorFile, onProgress: progressFor(config, io) });
  } catch (error) {
    log.error(error, 'cannot start');
    await errorFile?.settled();
    return EXIT.failure;
  }
}

interface ProcessParts {
  readonly config: SyncConfig;
  /** Real path of the root. */
  readonly root: string;
  readonly log: Logger;
  readonly redactor: Redactor;
  readonly errorFile: ErrorFile | undefined;
  readonly onProgress: ((text: string) => void) | undefined;
}

async function serveAndSync({ config, root, log, redactor, errorFile, onProgress }: ProcessParts): Promise<number> {
  const clock = systemClock;
  const runner = createProcessRunner();
  const observability = await createObservability(config, clock);
  const shared = { config, root, runner, log, redactor, clock, ...(onProgress && { onProgress }) };
  const { context, dispose, wakeUps, inbound } = await wireWakeableSync({ ...shared, observability });
  const stopping = new AbortController();
  const signals = listenForSignals({
    wakeOn: config.syncOnSignal,
    log,
    onWake: () => wakeUps.wake('signal'),
    onStop: () => {
      wakeUps.wake('stop');
      stopping.abort();
    },
  });
  let server: HttpServer | undefined;
  let succeeded = false;
  try {
    server = await startEndpoint(config, observability, context, log, inbound);
    await openRepository(context, stopping.signal);
    const onSuccess = async (): Promise<void> => {
      await errorFile?.remove().catch((error: unknown) => log.warn(`the error file stays: ${messageOf(error)}`));
    };
    const loop = new SyncLoop({
      context,
      wakeUps,
      stages: createStages(),
      random: Math.random,
      signal: stopping.signal,
      onSuccess,
    });
    succeeded = await finish(await loop.run(), context, log);
  } catch (error) {
    if (!signals.stop()) log.error(error, 'giving up');
  }
  stopping.abort();
  await Promise.all([...context.hooks.map((hook) => hook.stop()), runner.endAll(), server?.close()]);
  await closeRepository(context);
  await errorFile?.settled();
  await dispose();
  signals.dispose();
  const stop = signals.stop();
  if (stop) log.info(0, 'stopped', { signal: stop.signal });
  // compat.md 6: with nothing left to follow, an interrupt is a normal end.
  if (stop?.signal === 'SIGINT' && config.target.kind === 'oid' && observability.health.isInitialized) return EXIT.ok;
  return stop?.exitStatus ?? (succeeded ? EXIT.ok : EXIT.failure);
}

/** What is left to do when the loop has ended by itself. Returns whether all went well. */
async function finish(end: LoopEnd, context: SyncContext, log: Logger): Promise<boolean> {
  if (end.kind === 'one-time') return await tellHooksOnce(context, end.cycle);
  if (end.kind === 'failed' && end.error.class !== 'stop') {
    const detail = 'too many failures in a row';
    log.error(new SidecarError('ERR_TOO_MANY_FAILURES', { op: 'sync', detail, cause: end.error }), 'giving up');
  }
  return end.kind === 'stopped';
}

/** compat.md 4: with `--one-time` each hook gets one attempt, in order; only v4 lets a failure decide the exit status. */
async function tellHooksOnce({ config, hooks }: SyncContext, cycle: Cycle): Promise<boolean> {
  const { wanted, candidate, live, updated } = cycle;
  const worktree = candidate ?? live;
  if (!wanted || !worktree || (config.mode !== 'v4' && !updated)) return true;
  let ok = true;
  for (const hook of hooks) ok = (await hook.once({ oid: wanted.oid, worktree: worktree.path })) && ok;
  return ok || config.mode !== 'v4';
}
