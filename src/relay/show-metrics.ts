import type { Clock } from '../platform/clock.ts';
import type { MetricsSink } from '../serve/metrics-sink.ts';
import type { RolloutStatus } from './rollout/governed-view.ts';
import type { WiredRelay } from './wiring/wire.ts';

const STATUSES: readonly RolloutStatus[] = [
  'running',
  'soaking',
  'paused',
  'frozen',
  'halted',
  'reverting',
  'complete',
];

/** Brings the gauges of a relay up to date. */
export function showRelay(
  metrics: MetricsSink,
  { repositories, hub, answers, fleet, git, rollouts, outbox }: WiredRelay,
  clock: Clock,
): void {
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
  outbox.showMetrics();
  const { sharing } = rollouts;
  // Where the policies name the relay that decides, nothing is chosen.
  if (sharing && sharing.group !== null) {
    metrics.set('git_sidecar_rollouts_deciding', sharing.isDeciding ? 1 : 0);
    const undecidedMs = sharing.decider === null ? clock.now() - Date.parse(sharing.since) : 0;
    metrics.set('git_sidecar_rollouts_undecided_seconds', Math.max(0, undecidedMs) / 1000);
  }
  const views = [...rollouts.describe(() => () => true)];
  for (const status of STATUSES)
    metrics.set('git_sidecar_rollouts', views.filter((view) => view.status === status).length, { status });
  metrics.set(
    'git_sidecar_rollout_unavailable',
    views.reduce((sum, { unavailable }) => sum + unavailable, 0),
  );
  for (const [answer, count] of Object.entries(answers.counts))
    metrics.set('git_sidecar_relay_fetches', count, { answer });
  // A repository that the git server never had gets no series of its own: any client can ask for such names.
  const known = repositories.followers.filter(({ isKnown }) => isKnown);
  metrics.keep('repository', new Set(known.map(({ upstream }) => upstream.name)));
  for (const { upstream, requestsSent, asOf, refused } of known) {
    const labels = { repository: upstream.name };
    metrics.set('git_sidecar_relay_upstream_requests', requestsSent, labels);
    metrics.set('git_sidecar_relay_verify_refused', refused.size, labels);
    metrics.set('git_sidecar_relay_upstream_age_seconds', Math.max(0, clock.now() - asOf) / 1000, labels);
  }
}
