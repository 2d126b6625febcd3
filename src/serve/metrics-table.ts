import { CHANNELS, FORGES } from '../config/answer-config.ts';
import { ERROR_CODES } from '../model/error-codes.ts';

/** The values that a label may have. Every series stays in memory, so no label takes whatever comes from outside. */
export type LabelValues =
  /** These, and `other` for what is none of them. */
  | readonly string[]
  /** So many at a time; what comes when they are taken is `other`. */
  | { readonly most: number };

/** A metric's kind, labels and help text. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'summary' | 'histogram';
  readonly labels: Readonly<Record<string, LabelValues>>;
  readonly help: string;
}

const STATUS = ['success', 'error'] as const;
/** The gauge has one series, that of the present revision. */
const ONE = { most: 1 } as const;
/** As many as a relay follows at a time by default, twice. */
const REPOSITORIES = { most: 1000 } as const;

const ROLLOUT_STATUS = ['running', 'soaking', 'paused', 'frozen', 'halted', 'reverting', 'complete'] as const;

const DESTINATIONS = [...FORGES, ...CHANNELS] as const;

/** Every metric we serve; docs/metrics.md is rendered from it. The `git_*` names and help texts are git-sync's (compat.md 5). */
export const METRICS = {
  git_sync_duration_seconds: {
    kind: 'summary',
    labels: { status: [...STATUS, 'noop'] },
    help: 'Summary of git_sync durations',
  },
  git_sync_count_total: {
    kind: 'counter',
    labels: { status: [...STATUS, 'noop'] },
    help: 'How many git syncs completed, partitioned by state (success, error, noop)',
  },
  git_fetch_count_total: { kind: 'counter', labels: {}, help: 'How many git fetches were run' },
  git_sync_askpass_calls: {
    kind: 'counter',
    labels: { status: STATUS },
    help: 'How many git askpass calls completed, partitioned by state (success, error)',
  },
  git_sync_hook_run_count_total: {
    kind: 'counter',
    labels: { name: ['exechook', 'webhook', 'signal', 'pre-publish-exechook'], status: STATUS },
    help: 'How many hook runs completed, partitioned by name and state (success, error)',
  },
  git_sync_refresh_github_app_token_count: {
    kind: 'counter',
    labels: { status: STATUS },
    help: 'How many times the GitHub app token was refreshed, partitioned by state (success, error)',
  },
  git_sidecar_identity_count_total: {
    kind: 'counter',
    labels: {
      identity: ['azure', 'aws', 'google', 'exchange', 'vault', 'file', 'credential-helper'],
      status: STATUS,
    },
    help: 'How many times the party behind `--identity` or `--credential-helper` was asked, partitioned by which and by state (success, error)',
  },
  git_sidecar_verify_count_total: {
    kind: 'counter',
    labels: { status: ['success', ...Object.keys(ERROR_CODES)] },
    help: 'How many times a revision was verified, partitioned by result: success, or the code of the error',
  },
  git_sidecar_verify_refused: {
    kind: 'gauge',
    labels: {},
    help: '1 while the newest revision is refused because of `--verify` or `--fast-forward-only`, else 0',
  },
  git_sidecar_last_success_timestamp_seconds: {
    kind: 'gauge',
    labels: {},
    help: 'When the remote was last asked with success, in seconds since the epoch',
  },
  git_sidecar_published_info: {
    kind: 'gauge',
    labels: { ref: ONE, oid: ONE },
    help: 'The published revision, as labels; the value is always 1',
  },
  git_sidecar_published_timestamp_seconds: {
    kind: 'gauge',
    labels: {},
    help: 'When the published revision was published, in seconds since the epoch',
  },
  git_sidecar_poll_duration_seconds: { kind: 'histogram', labels: {}, help: 'How long asking the remote took' },
  git_sidecar_update_duration_seconds: {
    kind: 'histogram',
    labels: {},
    help: 'From the answer of the poll that saw a new commit to the switched link',
  },
  git_sidecar_requests_sent: {
    kind: 'gauge',
    labels: {},
    help: 'HTTP requests sent by the native poll since the start',
  },
  git_sidecar_git_processes_started: { kind: 'gauge', labels: {}, help: 'git commands started since the start' },
  git_sidecar_consecutive_failures: {
    kind: 'gauge',
    labels: {},
    help: 'Syncs in a row that failed; 0 after a success',
  },
  git_sidecar_worktree_changed_files: {
    kind: 'gauge',
    labels: {},
    help: 'Tracked files that looked changed when the published tree was last compared with its commit (at most 100)',
  },
  git_sidecar_worktree_untracked_files: {
    kind: 'gauge',
    labels: {},
    help: 'Files no commit put there, found when the published tree was last compared (at most 100)',
  },
  git_sidecar_deployments_total: {
    kind: 'counter',
    labels: { outcome: ['deployed', 'unchanged', 'build-failed', 'failed', 'rolled-back'] },
    help: 'run: how many deployments ended, by outcome (deployed, unchanged, build-failed, failed, rolled-back)',
  },
  git_sidecar_publish_to_running_seconds: {
    kind: 'histogram',
    labels: {},
    help: 'run: from the moment the link changed until the new revision was running and ready',
  },
  git_sidecar_running_info: {
    kind: 'gauge',
    labels: { oid: ONE },
    help: 'run: the revision that is running, as label; the value is always 1',
  },
  git_sidecar_process_restarts: {
    kind: 'gauge',
    labels: {},
    help: 'run: how often the process of the present revision was restarted after it had ended',
  },
  git_sidecar_relay_connected: {
    kind: 'gauge',
    labels: {},
    help: 'sync: 1 while the relay says where the ref is, 0 while it is unreachable',
  },
  git_sidecar_relay_repositories: { kind: 'gauge', labels: {}, help: 'relay: repositories followed' },
  git_sidecar_relay_subscribers: { kind: 'gauge', labels: {}, help: 'relay: open event streams' },
  git_sidecar_relay_subscribers_dropped: {
    kind: 'gauge',
    labels: {},
    help: 'relay: event streams that were closed because their reader took nothing, since the start',
  },
  git_sidecar_relay_subscribers_ended: {
    kind: 'gauge',
    labels: {},
    help: 'relay: event streams that the relay ended since the start: their access was over, the git server does not have their repository, or they gave way to a principal that had fewer',
  },
  git_sidecar_relay_refused_total: {
    kind: 'counter',
    labels: { what: ['requests', 'under-way', 'bytes', 'streams', 'repositories', 'answers'] },
    help: 'relay: requests that were refused because their principal had its share (requests a second, requests under way, bytes a second, streams, repositories), or because nothing had room for another answer to a fetch',
  },
  git_sidecar_relay_events_sent: {
    kind: 'gauge',
    labels: {},
    help: 'relay: events sent to subscribers since the start',
  },
  git_sidecar_relay_changes_total: {
    kind: 'counter',
    labels: { repository: REPOSITORIES },
    help: 'relay: refs that moved',
  },
  git_sidecar_relay_upstream_requests: {
    kind: 'gauge',
    labels: { repository: REPOSITORIES },
    help: 'relay: native requests sent to the git server since the repository was followed',
  },
  git_sidecar_relay_upstream_age_seconds: {
    kind: 'gauge',
    labels: { repository: REPOSITORIES },
    help: 'relay: how long ago the git server last confirmed the refs',
  },
  git_sidecar_relay_upstream_failures_total: {
    kind: 'counter',
    labels: { repository: REPOSITORIES, code: Object.keys(ERROR_CODES) },
    help: 'relay: attempts to ask the git server that failed, by error code',
  },
  git_sidecar_relay_verify_count_total: {
    kind: 'counter',
    labels: { status: ['success', ...Object.keys(ERROR_CODES)] },
    help: 'relay: how many tips were verified, partitioned by result: success, or the code of the error',
  },
  git_sidecar_relay_verify_refused: {
    kind: 'gauge',
    labels: { repository: REPOSITORIES },
    help: 'relay: refs whose newest tip is not passed on because of `--verify`',
  },
  git_sidecar_relay_fetches: {
    kind: 'gauge',
    labels: { answer: ['computed', 'joined', 'kept'] },
    help: 'relay: fetch requests since the start by how they were answered (computed: git worked; joined: with one under way; kept: from an earlier answer)',
  },
  git_sidecar_relay_cache_bytes: { kind: 'gauge', labels: {}, help: 'relay: bytes of kept answers' },
  git_sidecar_relay_answer_bytes: {
    kind: 'gauge',
    labels: {},
    help: 'relay: bytes of all answers, those that are only there for their readers included; `--cache-size` bounds them',
  },
  git_sidecar_relay_mirror_bytes: {
    kind: 'gauge',
    labels: {},
    help: 'relay: bytes of all mirrors, when last measured',
  },
  git_sidecar_relay_behind: {
    kind: 'gauge',
    labels: {},
    help: 'relay: subscribers that reported another commit than the one their ref is at',
  },
  git_sidecar_rollout_events_total: {
    kind: 'counter',
    labels: { repository: REPOSITORIES, what: { most: 30 } },
    help: 'relay: what happened to rollouts (started, opened: a stage, completed, halted, …)',
  },
  git_sidecar_rollouts: {
    kind: 'gauge',
    labels: { status: ROLLOUT_STATUS },
    help: 'relay: refs with a rollout policy, by the status of their rollout',
  },
  git_sidecar_rollouts_deciding: {
    kind: 'gauge',
    labels: {},
    help: 'relay: 1 while this one decides about the rollouts of its group; the sum over the group is 1',
  },
  git_sidecar_rollouts_undecided_seconds: {
    kind: 'gauge',
    labels: {},
    help: 'relay: since when no relay of the group decides about rollouts as far as this one knows; 0 while one does',
  },
  git_sidecar_rollout_unavailable: {
    kind: 'gauge',
    labels: {},
    help: 'relay: instances that were given a revision by a rollout and are not done with it',
  },
  git_sidecar_rollout_messages_total: {
    kind: 'counter',
    labels: { kind: DESTINATIONS, result: ['sent', 'failed', 'refused', 'dropped'] },
    help: 'relay: statuses and notifications by kind of receiver (failed: an attempt that is repeated; refused: the credential, the address or the content is wrong; dropped: no room, or refused again and again)',
  },
  git_sidecar_rollout_messages_pending: {
    kind: 'gauge',
    labels: { kind: DESTINATIONS },
    help: 'relay: statuses and notifications that are not delivered yet, by kind of receiver',
  },
  git_sidecar_relay_follow_seconds: {
    kind: 'histogram',
    labels: {},
    help: 'relay: from a change being known here to a subscriber reporting that it published it',
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;
