import type { SyncConfig } from '../config/sync-config.ts';
import type { RefChoice } from '../poll/ref-choice.ts';
import { Health } from '../serve/health.ts';
import type { Followed } from '../serve/inbound/match.ts';
import type { MetricsSink } from '../serve/metrics-sink.ts';
import { SyncMetrics } from '../serve/sync-metrics.ts';
import type { Ambient } from '../service/ambient.ts';
import type { SyncContext } from './context.ts';
import type { SyncCounters } from './wiring/wire.ts';

/** What is kept so that others can see how the sync is doing. */
export interface Observability {
  readonly health: Health;
  readonly observer: SyncMetrics;
  readonly counters: SyncCounters;
}

const status = (success: boolean): { status: string } => ({ status: success ? 'success' : 'error' });

export function createObservability(
  { http }: Pick<SyncConfig, 'http'>,
  { clock, metrics }: Pick<Ambient, 'clock' | 'metrics'>,
): Observability {
  const health = new Health(clock, http?.maxStalenessMs ?? 0);
  return {
    health,
    observer: new SyncMetrics(clock, health, metrics),
    counters: {
      fetched: () => metrics?.count('git_fetch_count_total'),
      askpass: (ok) => metrics?.count('git_sync_askpass_calls', status(ok)),
      githubToken: (ok) => metrics?.count('git_sync_refresh_github_app_token_count', status(ok)),
      identity: (name, ok) => metrics?.count('git_sidecar_identity_count_total', { identity: name, ...status(ok) }),
      verified: (code) => metrics?.count('git_sidecar_verify_count_total', { status: code ?? 'success' }),
      hook: (name, ok) => metrics?.count('git_sync_hook_run_count_total', { name, ...status(ok) }),
    },
  };
}

/** Brings gauges about the sync up to date. */
export function showSync(
  metrics: MetricsSink,
  { source, git, verification }: Pick<SyncContext, 'source' | 'git' | 'verification'>,
): void {
  if (verification) metrics.set('git_sidecar_verify_refused', verification.refused ? 1 : 0);
  metrics.set('git_sidecar_requests_sent', source.requestsSent);
  metrics.set('git_sidecar_git_processes_started', git.started);
  if (source.isRelayConnected !== undefined)
    metrics.set('git_sidecar_relay_connected', source.isRelayConnected ? 1 : 0);
}

/** What a notification has to be about. */
export function followedBy({ remote, target }: SyncConfig, choice: RefChoice): Followed {
  const refs = target.kind === 'oid' ? ['HEAD'] : (choice.names ?? []);
  return { url: remote.fetchUrl, refs, pattern: choice.names ? undefined : choice };
}
