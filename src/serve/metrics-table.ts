/** A metric's kind, labels and help text. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'summary' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every metric we serve; docs/metrics.md is rendered from it. The `git_*` names and help texts are git-sync's (compat.md 5). */
export const METRICS = {
  git_sync_duration_seconds: { kind: 'summary', labels: ['status'], help: 'Summary of git_sync durations' },
  git_sync_count_total: {
    kind: 'counter',
    labels: ['status'],
    help: 'How many git syncs completed, partitioned by state (success, error, noop)',
  },
  git_fetch_count_total: { kind: 'counter', labels: [], help: 'How many git fetches were run' },
  git_sync_askpass_calls: {
    kind: 'counter',
    labels: ['status'],
    help: 'How many git askpass calls completed, partitioned by state (success, error)',
  },
  git_sync_hook_run_count_total: {
    kind: 'counter',
    labels: ['name', 'status'],
    help: 'How many hook runs completed, partitioned by name and state (success, error)',
  },
  git_sync_refresh_github_app_token_count: {
    kind: 'counter',
    labels: ['status'],
    help: 'How many times the GitHub app token was refreshed, partitioned by state (success, error)',
  },
  git_sidecar_last_success_timestamp_seconds: {
    kind: 'gauge',
    labels: [],
    help: 'When the remote was last asked with success, in seconds since the epoch',
  },
  git_sidecar_published_info: {
    kind: 'gauge',
    labels: ['ref', 'oid'],
    help: 'The published revision, as labels; the value is always 1',
  },
  git_sidecar_published_timestamp_seconds: {
    kind: 'gauge',
    labels: [],
    help: 'When the published revision was published, in seconds since the epoch',
  },
  git_sidecar_poll_duration_seconds: { kind: 'histogram', labels: [], help: 'How long asking the remote took' },
  git_sidecar_update_duration_seconds: {
    kind: 'histogram',
    labels: [],
    help: 'From the answer of the poll that saw a new commit to the switched link',
  },
  git_sidecar_requests_sent: {
    kind: 'gauge',
    labels: [],
    help: 'HTTP requests sent by the native poll since the start',
  },
  git_sidecar_git_processes_started: { kind: 'gauge', labels: [], help: 'git commands started since the start' },
  git_sidecar_consecutive_failures: {
    kind: 'gauge',
    labels: [],
    help: 'Syncs in a row that failed; 0 after a success',
  },
  git_sidecar_worktree_changed_files: {
    kind: 'gauge',
    labels: [],
    help: 'Tracked files that looked changed when the published tree was last compared with its commit (at most 100)',
  },
  git_sidecar_worktree_untracked_files: {
    kind: 'gauge',
    labels: [],
    help: 'Files no commit put there, found when the published tree was last compared (at most 100)',
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;
