import type { Revision } from '../model/revision.ts';
import type { CycleReport, SyncObserver } from '../model/sync-observer.ts';
import type { Clock } from '../platform/clock.ts';
import type { Health } from './health.ts';
import type { MetricsSink } from './metrics-sink.ts';

/** Turns what the sync reports into metrics and health; without metrics only health is kept. */
export class SyncMetrics implements Omit<SyncObserver, 'onCycleStart'> {
  readonly #clock: Clock;
  readonly #health: Health;
  readonly #metrics: MetricsSink | undefined;
  #failures = 0;

  constructor(clock: Clock, health: Health, metrics: MetricsSink | undefined) {
    this.#clock = clock;
    this.#health = health;
    this.#metrics = metrics;
  }

  onCycle(report: CycleReport): void {
    const metrics = this.#metrics;
    this.#failures = report.status === 'error' ? this.#failures + 1 : 0;
    metrics?.count('git_sync_count_total', { status: report.status });
    metrics?.observe('git_sync_duration_seconds', report.durationMs / 1000, { status: report.status });
    metrics?.set('git_sidecar_consecutive_failures', this.#failures);
    if (report.pollMs !== undefined) metrics?.observe('git_sidecar_poll_duration_seconds', report.pollMs / 1000);
    if (report.status === 'error') return;
    this.#health.succeeded();
    if (report.revision) this.#showRevision(report.revision);
    metrics?.set('git_sidecar_last_success_timestamp_seconds', this.#clock.now() / 1000);
  }

  onPublish(revision: Revision, updateMs: number): void {
    const metrics = this.#metrics;
    this.#showRevision(revision);
    metrics?.set('git_sidecar_published_timestamp_seconds', this.#clock.now() / 1000);
    metrics?.observe('git_sidecar_update_duration_seconds', updateMs / 1000);
  }

  #showRevision({ ref, oid }: Revision): void {
    this.#metrics?.setOnly('git_sidecar_published_info', 1, { ref, oid });
  }

  onVerify(changed: number, untracked: number): void {
    this.#metrics?.set('git_sidecar_worktree_changed_files', changed);
    this.#metrics?.set('git_sidecar_worktree_untracked_files', untracked);
  }
}
