import type { SyncConfig } from '../config/sync-config.ts';
import { prepareRoot } from '../fetch/root.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { ErrorFile } from '../notify/files.ts';
import { systemClock } from '../platform/clock.ts';
import { createLogger, type Logger } from '../platform/log.ts';
import { jsonLogFormat, terminalLogFormat } from '../platform/log-format.ts';
import { createProcessRunner } from '../platform/process.ts';
import { Redactor } from '../platform/redact.ts';
import { Health } from '../serve/health.ts';
import { type HttpServer, startHttpServer } from '../serve/server.ts';
import { SyncMetrics } from '../serve/sync-metrics.ts';
import { type LoopEnd, SyncLoop } from '../sync/loop.ts';
import { closeRepository, openRepository } from '../sync/open.ts';
import { createStages } from '../sync/stages.ts';
import { WakeUps } from '../sync/wake-ups.ts';
import { EXIT, type Io } from './outcome.ts';
import { preflight } from './preflight.ts';
import { listenForSignals, type Stop } from './signals.ts';
import { VERSION } from './version.ts';
import { type SyncCounters, wireSync } from './wire-sync.ts';

/** Secrets that the configuration itself holds; those from files and services are added as they are read. */
function secretsOf(config: SyncConfig): (string | undefined)[] {
  return [
    ...config.credentials.map(({ password }) => password),
    config.remote.userinfo?.password,
    config.githubApp?.privateKey,
    ...config.gitConfig
      .filter(({ key }) => /extraheader/i.test(key))
      .map(({ value }) => value.split(':').slice(1).join(':').trim()),
  ];
}

function createProcessLogger(config: SyncConfig, io: Io, redactor: Redactor, errorFile: ErrorFile | undefined): Logger {
  const text = config.logFormat === 'text' || (config.logFormat === 'auto' && io.stderrIsTerminal);
  return createLogger({
    verbosity: config.verbosity,
    format: text ? terminalLogFormat(io.stderrIsTerminal) : jsonLogFormat,
    redactor,
    write: io.stderr,
    now: systemClock.now,
    onError: (record) => {
      errorFile
        ?.write(record, (line) => redactor.redact(line))
        .catch((error: unknown) => {
          io.stderr(`cannot write the error file: ${messageOf(error)}\n`);
        });
    },
  });
}

/** Shows git's own progress on a terminal: `--one-time` on a large repository would otherwise look stuck. */
function progressFor(config: SyncConfig, io: Io): ((text: string) => void) | undefined {
  return config.oneTime && io.stderrIsTerminal && config.logFormat !== 'json' ? io.stderr : undefined;
}

function exitStatus(stop: Stop | undefined, end: LoopEnd): number {
  if (stop) return stop.exitStatus;
  return end.kind === 'failed' ? EXIT.failure : EXIT.ok;
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
  const errorFile = config.errorFile === undefined ? undefined : new ErrorFile(config.errorFile);
  const log = createProcessLogger(config, io, redactor, errorFile);
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
    return await serveAndSync(config, root, log, redactor, errorFile, io);
  } catch (error) {
    log.error(error, 'cannot start');
    await errorFile?.settled();
    return EXIT.failure;
  }
}

async function serveAndSync(
  config: SyncConfig,
  root: string,
  log: Logger,
  redactor: Redactor,
  errorFile: ErrorFile | undefined,
  io: Io,
): Promise<number> {
  const clock = systemClock;
  const runner = createProcessRunner();
  const health = new Health(clock, config.http?.maxStalenessMs ?? 0);
  const metrics = config.http?.metrics ? await createMetrics(config) : undefined;
  const counters: SyncCounters = {
    fetched: () => metrics?.count('git_fetch_count_total'),
    askpass: (ok) => metrics?.count('git_sync_askpass_calls', { status: ok ? 'success' : 'error' }),
    githubToken: (ok) =>
      metrics?.count('git_sync_refresh_github_app_token_count', { status: ok ? 'success' : 'error' }),
    hook: (name, ok) => metrics?.count('git_sync_hook_run_count_total', { name, status: ok ? 'success' : 'error' }),
  };
  const onProgress = progressFor(config, io);
  const { context, dispose } = await wireSync({
    config,
    root,
    runner,
    log,
    redactor,
    clock,
    counters,
    observer: new SyncMetrics(clock, health, metrics),
    ...(onProgress && { onProgress }),
  });
  const wakeUps = new WakeUps(clock);
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
  let end: LoopEnd = { kind: 'stopped' };
  try {
    server =
      config.http &&
      (await startHttpServer({
        config: config.http,
        log,
        health,
        metrics,
        alwaysInitialized: config.mode === 'v3.1',
        profiles: config.http.profiles ? new (await import('../serve/profiles.ts')).Profiles() : undefined,
        beforeScrape: () => {
          metrics?.set('git_sidecar_requests_sent', context.poller.requestsSent);
          metrics?.set('git_sidecar_git_processes_started', context.git.started);
        },
      }));
    await openRepository(context, stopping.signal);
    const loop = new SyncLoop({
      context,
      wakeUps,
      stages: createStages(),
      random: Math.random,
      signal: stopping.signal,
      onSuccess: async () => await errorFile?.remove(),
    });
    end = await loop.run();
    if (end.kind === 'failed') reportGivingUp(end.error, log);
    if (end.kind === 'one-time' && !(await tellHooksOnce(context, end))) end = { kind: 'failed', error: hookFailure() };
  } catch (error) {
    if (!signals.stop()) {
      log.error(error, 'giving up');
      end = { kind: 'failed', error: error instanceof SidecarError ? error : hookFailure() };
    }
  }
  stopping.abort();
  await Promise.all([...context.hooks.map((hook) => hook.stop()), runner.endAll(), server?.close()]);
  await closeRepository(context);
  await errorFile?.settled();
  await dispose();
  signals.dispose();
  const stop = signals.stop();
  if (stop) log.info(0, 'stopped', { signal: stop.signal });
  return exitStatus(stop, end);
}

async function createMetrics(config: SyncConfig) {
  const { Metrics } = await import('../serve/metrics.ts');
  return new Metrics(config.mode === 'v4' ? [] : [0.5, 0.9, 0.99]);
}

function reportGivingUp(cause: SidecarError, log: Logger): void {
  if (cause.class === 'stop') return;
  log.error(
    new SidecarError('ERR_TOO_MANY_FAILURES', { op: 'sync', detail: 'too many failures in a row', cause }),
    'giving up',
  );
}

function hookFailure(): SidecarError {
  return new SidecarError('ERR_NOTIFY_EXECHOOK', { op: 'run the hooks', detail: 'a hook failed' });
}

/** compat.md 4: with `--one-time` each hook gets one attempt, in order; only v4 lets a failure decide the exit status. */
async function tellHooksOnce(context: Awaited<ReturnType<typeof wireSync>>['context'], end: LoopEnd): Promise<boolean> {
  if (end.kind !== 'one-time') return true;
  const { wanted, candidate, live } = end.cycle;
  const worktree = candidate ?? live;
  if (!wanted || !worktree || (context.config.mode !== 'v4' && !end.cycle.updated)) return true;
  let ok = true;
  for (const hook of context.hooks) ok = (await hook.once({ oid: wanted.oid, worktree: worktree.path })) && ok;
  return ok || context.config.mode !== 'v4';
}
