import type { RelayConfig } from '../config/relay-config.ts';
import { prepareRoot } from '../fetch/root.ts';
import { asSidecarError, messageOf, SidecarError } from '../model/error.ts';
import { settledWithin } from '../platform/bounded.ts';
import { systemClock } from '../platform/clock.ts';
import type { Route } from '../platform/http-answer.ts';
import { Limited } from '../platform/limited.ts';
import type { Logger } from '../platform/log.ts';
import { endOrphans } from '../platform/orphans.ts';
import { createProcessRunner } from '../platform/process.ts';
import { Redactor } from '../platform/redact.ts';
import { createThreadedRunner } from '../platform/threaded-runner.ts';
import { type Overdue, Watchdog } from '../platform/watchdog.ts';
import { BEAT_MS } from '../relay/protocol/timing.ts';
import { claimRelayRoot } from '../relay/server/claim-root.ts';
import { fleetRoute } from '../relay/server/fleet-route.ts';
import { gitRoute } from '../relay/server/git-route.ts';
import { quotaRoute } from '../relay/server/quotas.ts';
import { eventsRoute, reportsRoute, statusRoute } from '../relay/server/routes.ts';
import type { Verdict } from '../serve/health.ts';
import type { InboundOptions } from '../serve/inbound/routes.ts';
import type { Metrics } from '../serve/metrics.ts';
import { metricsRoute, probeRoute, profilesRoute } from '../serve/routes.ts';
import { type HttpServer, startHttpServer } from '../serve/server.ts';
import { AGENT } from './create-poller.ts';
import { createMetrics, inboundRoutes } from './observability.ts';
import { EXIT, type Io } from './outcome.ts';
import { requireGit } from './preflight.ts';
import { createProcessLogger } from './process-logger.ts';
import { addSecrets } from './secrets.ts';
import { listenForSignals } from './signals.ts';
import { RUNNER_THREAD, VERSION } from './version.ts';
import { type WiredRelay, wireRelay } from './wire-relay.ts';

const FIRST_ORDER_MS = 3000;
const ORDER_EVERY_MS = 30_000;
const ACCESS_EVERY_MS = 5000;
/** git-gc of a large repository. */
const LONGEST_TIDY_MS = 3_600_000;
const LONGEST_ORDER_MS = 600_000;
/** Certificates end, and whoever holds a stream shows nothing again. */
const RECHECK_EVERY_MS = 60_000;
const DISK_EVERY_MS = 3000;
/** Connections besides the streams: fetches, reports, probes. */
const SPARE_CONNECTIONS = 2000;

/** Notifications and triggers make the relay ask the git servers now. */
function inboundOf({ repositories }: WiredRelay, log: Logger): InboundOptions {
  return {
    followed: () => repositories.followers.map(({ upstream }) => ({ url: upstream.url, refs: ['HEAD'] })),
    clock: systemClock,
    log,
    wake: (_reason, hint, about) => {
      for (const follower of repositories.followers)
        if (!about || about.url === follower.upstream.url) follower.wake(hint);
    },
    syncNow: async (timeoutMs) => {
      const { followers } = repositories;
      await Promise.all(followers.map((follower) => follower.askNow(timeoutMs)));
      const failed = followers.filter(({ trouble }) => trouble !== undefined);
      return {
        status: failed.length === 0 ? 'synced' : 'failed',
        repositories: followers.map(({ upstream, refs, trouble }) => ({
          repository: upstream.name,
          oid: refs.get('HEAD')?.oid,
          error: trouble?.code,
        })),
      };
    },
  };
}

function showMetrics(metrics: Metrics, { repositories, hub, answers, fleet, git }: WiredRelay): void {
  metrics.set('git_sidecar_relay_repositories', repositories.followers.length);
  metrics.set('git_sidecar_relay_subscribers', hub.subscribers);
  metrics.set('git_sidecar_relay_subscribers_dropped', hub.dropped);
  metrics.set('git_sidecar_relay_subscribers_ended', hub.ended);
  metrics.set('git_sidecar_relay_events_sent', hub.eventsSent);
  metrics.set('git_sidecar_relay_behind', fleet.behind);
  metrics.set('git_sidecar_relay_cache_bytes', answers.keptBytes);
  metrics.set('git_sidecar_relay_answer_bytes', answers.bytes);
  metrics.set('git_sidecar_relay_mirror_bytes', repositories.bytes);
  metrics.set('git_sidecar_git_processes_started', git.started);
  for (const [answer, count] of Object.entries(answers.counts))
    metrics.set('git_sidecar_relay_fetches', count, { answer });
  // One that the git server never had has no series of its own: anybody can ask for such.
  const known = repositories.followers.filter(({ isKnown }) => isKnown);
  metrics.keep('repository', new Set(known.map(({ upstream }) => upstream.name)));
  for (const { upstream, requestsSent, asOf } of known) {
    const labels = { repository: upstream.name };
    metrics.set('git_sidecar_relay_upstream_requests', requestsSent, labels);
    metrics.set('git_sidecar_relay_upstream_age_seconds', Math.max(0, systemClock.now() - asOf) / 1000, labels);
  }
}

/** Time for everything to end by itself; the process then ends without it. */
const LONGEST_END_MS = 1500;

async function serve(
  config: RelayConfig,
  relay: WiredRelay,
  watchdog: Watchdog,
  metrics: Metrics | undefined,
  log: Logger,
): Promise<HttpServer> {
  const { hub, doorkeeper, onRefused } = relay;
  const mostConnections = config.maxSubscribers + SPARE_CONNECTIONS;
  // Those that watch over us are answered however much there is to do.
  const watched: Route[] = [
    probeRoute(
      () => readinessOf(relay, watchdog),
      () => livenessOf(watchdog),
    ),
  ];
  if (metrics) watched.push(metricsRoute(metrics, () => showMetrics(metrics, relay)));
  if (config.http.profiles)
    watched.push(profilesRoute(new (await import('../serve/profiles.ts')).Profiles(), config.http.profilesTokenFile));
  const routes: Route[] = [
    ...watched,
    // They have limits of their own, which no flood of other requests uses up.
    ...inboundRoutes(config.http, inboundOf(relay, log)),
    quotaRoute({
      clock: systemClock,
      ownerOf: (request) => doorkeeper.ownerOf(request),
      mostPerSecond: config.maxRequestsPerSecond,
      mostBytesPerSecond: config.maxTraffic,
      mostUnderWay: () => mostConnections - hub.subscribers,
      onRefused,
    }),
    gitRoute({ ...relay, agent: AGENT }),
    eventsRoute(relay),
    reportsRoute(relay),
    fleetRoute(relay),
    statusRoute(relay),
  ];
  return await startHttpServer({
    config: config.http,
    log,
    routes,
    tls: config.tls,
    mostConnections,
    mostOfOneAddress: config.maxConnectionsPerAddress,
  });
}

/** What is done again and again. @returns what ends that */
function keepHouse(
  relay: WiredRelay,
  server: HttpServer,
  log: Logger,
  signal: AbortSignal,
  watchdog: Watchdog,
): () => void {
  const limited = new Limited({ signal, watchdog });
  const complain = (error: unknown): void => {
    if (!signal.aborted) log.error(error, 'keeping order failed');
  };
  let isBusy = false;
  const keepOrder = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    try {
      relay.fleet.keepOrder();
      for (const mirror of relay.untidy) {
        relay.untidy.delete(mirror);
        await limited.run('tidy up a mirror', LONGEST_TIDY_MS, async (limit) => await mirror.collectGarbage(limit));
      }
      const keep = async (limit: AbortSignal): Promise<void> => await relay.repositories.keepOrder(limit);
      await limited.run('keep order among the mirrors', LONGEST_ORDER_MS, keep);
    } finally {
      isBusy = false;
    }
  };
  const renew = async (): Promise<void> => {
    if (await relay.access.refresh()) relay.hub.recheck();
    if (await server.refreshTls()) relay.hub.endCertificates();
  };
  const timers = [
    setInterval(() => relay.hub.beat(), BEAT_MS),
    setTimeout(() => void keepOrder().catch(complain), FIRST_ORDER_MS),
    setInterval(() => void keepOrder().catch(complain), ORDER_EVERY_MS),
    setInterval(() => void renew().catch(complain), ACCESS_EVERY_MS),
    setInterval(() => relay.hub.recheck(), RECHECK_EVERY_MS),
    setInterval(() => void relay.disk.check(), DISK_EVERY_MS),
  ];
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}

function livenessOf({ overdue }: Watchdog): Verdict {
  return overdue ? { ok: false, text: `stuck: ${overdue.what}` } : { ok: true, text: 'ok' };
}

/** Ready is who has something to serve, also while a git server is away; nobody is while something is stuck. */
function readinessOf({ repositories, disk }: WiredRelay, watchdog: Watchdog): Verdict {
  if (disk.trouble !== undefined) return { ok: false, text: disk.trouble };
  const missing = repositories.followers.filter((each) => repositories.isAlways(each) && !each.isKnown);
  if (missing.length === 0) return livenessOf(watchdog);
  return { ok: false, text: `not mirrored yet: ${missing.map(({ upstream }) => upstream.name).join(' ')}` };
}

function stuckError({ what, forMs, limitMs }: Overdue): SidecarError {
  const detail = `it takes ${Math.round(forMs / 1000)} s by now and should have ended after ${Math.round(limitMs / 1000)} s`;
  return new SidecarError('ERR_RELAY_STUCK', { op: 'wait for', target: what, detail });
}

async function serveUntilStopped(config: RelayConfig, root: string, log: Logger, redactor: Redactor): Promise<number> {
  const runner = RUNNER_THREAD === undefined ? createProcessRunner() : createThreadedRunner(RUNNER_THREAD);
  const metrics = await createMetrics({ http: config.http, mode: 'v4' });
  const stopping = new AbortController();
  let stuck: Overdue | undefined;
  const watchdog = new Watchdog({
    clock: systemClock,
    onOverdue: (overdue) => log.error(stuckError(overdue), 'something is stuck'),
    onStuck: (overdue) => {
      stuck = overdue;
      stopping.abort();
    },
  });
  const relay = await wireRelay({ config, root, runner, log, redactor, clock: systemClock, metrics, watchdog });
  const stopped = new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve()));
  const signals = listenForSignals({
    wakeOn: undefined,
    log,
    onWake: () => undefined,
    onStop: () => stopping.abort(),
  });
  let server: HttpServer | undefined;
  let endHousekeeping: () => void = () => undefined;
  try {
    await relay.access.open();
    await relay.disk.check();
    await relay.answers.open();
    await relay.repositories.open();
    server = await serve(config, relay, watchdog, metrics, log);
    endHousekeeping = keepHouse(relay, server, log, stopping.signal, watchdog);
    await stopped;
  } finally {
    stopping.abort();
    endHousekeeping();
    relay.hub.close();
    const end = async (): Promise<void> => {
      await Promise.all([server?.close(), relay.repositories.close(), relay.answers.close(), runner.endAll()]);
      await relay.dispose();
    };
    if (!(await settledWithin(end(), LONGEST_END_MS))) log.warn('not everything ended in time');
    signals.dispose();
  }
  if (stuck) {
    log.error(stuckError(stuck), 'ending, since nothing else helps');
    return EXIT.failure;
  }
  const stop = signals.stop();
  if (stop) log.info(0, 'stopped', { signal: stop.signal });
  return stop?.exitStatus ?? EXIT.ok;
}

/** One relay, from checked configuration to exit status. */
export async function runRelayProcess(config: RelayConfig, notices: readonly string[], io: Io): Promise<number> {
  if (config.secretsOnCommandLine) process.title = 'git-sidecar relay';
  const redactor = new Redactor();
  addSecrets(redactor, config);
  const log = createProcessLogger(config, io, redactor);
  try {
    await requireGit(config.git, config.environment.PATH);
    const root = await prepareRoot(config.root, 0o700);
    await claimRelayRoot(root);
    const facts = {
      version: VERSION,
      pid: process.pid,
      root,
      allow: config.allow.join(' '),
      period_ms: config.periodMs,
    };
    log.info(0, 'starting up', facts);
    for (const notice of notices) log.warn(notice);
    if (config.accessFile === undefined)
      log.warn('without --access-file everybody who reaches this relay may read all that it serves');
    const orphans = await endOrphans(root);
    if (orphans.length > 0) log.warn('ended git processes of a killed predecessor', { processes: orphans });
    return await serveUntilStopped(config, root, log, redactor);
  } catch (error) {
    const failure = asSidecarError(error, 'relay');
    log.error(failure, `cannot serve: ${messageOf(failure)}`);
    return EXIT.failure;
  }
}
