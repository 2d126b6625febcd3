import type { HttpConfig, SyncConfig } from '../config/sync-config.ts';
import type { Git } from '../git/git.ts';
import type { Clock } from '../platform/clock.ts';
import type { Route } from '../platform/http-answer.ts';
import type { Logger } from '../platform/log.ts';
import type { RefSource } from '../poll/ref-source.ts';
import { Health } from '../serve/health.ts';
import type { Followed } from '../serve/inbound/match.ts';
import { type InboundOptions, pushRoute, triggerRoute } from '../serve/inbound/routes.ts';
import type { Metrics } from '../serve/metrics.ts';
import { metricsRoute, probeRoute, profilesRoute, rootRoute } from '../serve/routes.ts';
import { type HttpServer, startHttpServer } from '../serve/server.ts';
import { SyncMetrics } from '../serve/sync-metrics.ts';
import type { SyncContext } from '../sync/context.ts';
import type { SyncCounters } from './wire-sync.ts';

/** What is kept so that others can see how the sync is doing. */
export interface Observability {
  readonly health: Health;
  /** undefined: nobody can ask for them, so none are kept. */
  readonly metrics: Metrics | undefined;
  readonly observer: SyncMetrics;
  readonly counters: SyncCounters;
}

const status = (success: boolean): { status: string } => ({ status: success ? 'success' : 'error' });

/** Loads the metrics library only when metrics are served: most sidecars never need it. */
export async function createMetrics({ http, mode }: Pick<SyncConfig, 'http' | 'mode'>): Promise<Metrics | undefined> {
  if (!http?.metrics) return undefined;
  const { Metrics } = await import('../serve/metrics.ts');
  return new Metrics(mode === 'v4' ? [] : [0.5, 0.9, 0.99]);
}

export async function createObservability(
  config: Pick<SyncConfig, 'http' | 'mode'>,
  clock: Clock,
): Promise<Observability> {
  const health = new Health(clock, config.http?.maxStalenessMs ?? 0);
  const metrics = await createMetrics(config);
  return {
    health,
    metrics,
    observer: new SyncMetrics(clock, health, metrics),
    counters: {
      fetched: () => metrics?.count('git_fetch_count_total'),
      askpass: (ok) => metrics?.count('git_sync_askpass_calls', status(ok)),
      githubToken: (ok) => metrics?.count('git_sync_refresh_github_app_token_count', status(ok)),
      hook: (name, ok) => metrics?.count('git_sync_hook_run_count_total', { name, ...status(ok) }),
    },
  };
}

/** Brings gauges about the sync up to date. */
export function showSync(metrics: Metrics, source: RefSource, git: Git): void {
  metrics.set('git_sidecar_requests_sent', source.requestsSent);
  metrics.set('git_sidecar_git_processes_started', git.started);
  if (source.isRelayConnected !== undefined)
    metrics.set('git_sidecar_relay_connected', source.isRelayConnected ? 1 : 0);
}

/** `/push` and `/sync`, where their secrets are configured. */
export function inboundRoutes(http: HttpConfig, inbound: InboundOptions): Route[] {
  const { pushSecretFile, syncTokenFile } = http;
  return [
    ...(pushSecretFile === undefined ? [] : [pushRoute(pushSecretFile, inbound)]),
    ...(syncTokenFile === undefined ? [] : [triggerRoute(syncTokenFile, inbound)]),
  ];
}

/** What a notification has to be about. */
export function followedBy({ remote, target }: SyncConfig): Followed {
  return { url: remote.fetchUrl, refs: target.kind === 'oid' ? ['HEAD'] : target.candidates };
}

/**
 * Serves probes, metrics and profiles, where `--http-bind` asks for it.
 * @throws SidecarError ERR_SERVE_BIND
 */
export async function startEndpoint(
  config: SyncConfig,
  { health, metrics }: Observability,
  { source, git }: SyncContext,
  log: Logger,
  inbound: InboundOptions,
): Promise<HttpServer | undefined> {
  if (!config.http) return undefined;
  const routes: Route[] = [
    ...inboundRoutes(config.http, inbound),
    probeRoute(
      () => health.readiness(),
      () => health.liveness(),
    ),
  ];
  if (metrics) {
    routes.push(
      metricsRoute(metrics, () => {
        showSync(metrics, source, git);
      }),
    );
  }
  if (config.http.profiles) routes.push(profilesRoute(new (await import('../serve/profiles.ts')).Profiles()));
  routes.push(rootRoute(health, config.mode === 'v3.1'));
  return await startHttpServer({ config: config.http, log, routes });
}
