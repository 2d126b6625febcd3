import type { SyncConfig } from '../config/sync-config.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { Health } from '../serve/health.ts';
import type { Metrics } from '../serve/metrics.ts';
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
async function createMetrics({ http, mode }: SyncConfig): Promise<Metrics | undefined> {
  if (!http?.metrics) return undefined;
  const { Metrics } = await import('../serve/metrics.ts');
  return new Metrics(mode === 'v4' ? [] : [0.5, 0.9, 0.99]);
}

export async function createObservability(config: SyncConfig, clock: Clock): Promise<Observability> {
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

/**
 * Serves probes, metrics and profiles, where `--http-bind` asks for it.
 * @throws SidecarError ERR_SERVE_BIND
 */
export async function startEndpoint(
  config: SyncConfig,
  { health, metrics }: Observability,
  { poller, git }: SyncContext,
  log: Logger,
): Promise<HttpServer | undefined> {
  if (!config.http) return undefined;
  const profiles = config.http.profiles ? new (await import('../serve/profiles.ts')).Profiles() : undefined;
  return await startHttpServer({
    config: config.http,
    log,
    health,
    metrics,
    profiles,
    alwaysInitialized: config.mode === 'v3.1',
    beforeScrape: () => {
      metrics?.set('git_sidecar_requests_sent', poller.requestsSent);
      metrics?.set('git_sidecar_git_processes_started', git.started);
    },
  });
}
