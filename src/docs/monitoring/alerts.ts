/** A rule of Prometheus (https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/). */
export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** How long it has to hold, as Prometheus writes durations. */
  readonly for: string;
  /** `page`: a person is needed now. `ticket`: within days. */
  readonly severity: 'page' | 'ticket';
  /** One sentence; may name labels as Prometheus' templates do. */
  readonly summary: string;
  /** What to do first. */
  readonly action: string;
}

export interface AlertGroup {
  readonly name: string;
  readonly alerts: readonly Alert[];
}

const SYNC: readonly Alert[] = [
  {
    name: 'GitSidecarSyncStale',
    expr: 'time() - git_sidecar_last_success_timestamp_seconds > 900',
    for: '1m',
    severity: 'page',
    summary: 'The git server gave no answer to {{ $labels.instance }} for {{ $value | humanizeDuration }}.',
    action: 'Run `git-sidecar doctor` with the flags of the sync. With a `--period` above 5 minutes raise the bound.',
  },
  {
    name: 'GitSidecarSyncFailing',
    expr: 'git_sidecar_consecutive_failures >= 3',
    for: '5m',
    severity: 'ticket',
    summary: '{{ $value }} syncs in a row failed at {{ $labels.instance }}.',
    action: 'Read the error in the log, the error file or `/status`; docs/errors.md has the next step for its code.',
  },
  {
    name: 'GitSidecarRevisionRefused',
    expr: 'git_sidecar_verify_refused == 1',
    for: '1m',
    severity: 'page',
    summary:
      '{{ $labels.instance }} does not publish the newest revision: its signature, or its ancestry, is not accepted.',
    action: 'See who pushed it. `git-sidecar doctor` names the commit and the reason (docs/verify.md).',
  },
  {
    name: 'GitSidecarPublishedTreeChanged',
    expr: 'git_sidecar_worktree_changed_files + git_sidecar_worktree_untracked_files > 0',
    for: '15m',
    severity: 'ticket',
    summary: '{{ $value }} files of the published tree at {{ $labels.instance }} are not as their commit has them.',
    action: 'Find the process that writes there. What it wrote is lost with the next revision.',
  },
  {
    name: 'GitSidecarHookFailing',
    expr: 'increase(git_sync_hook_run_count_total{status="error"}[15m]) >= 3',
    for: '0m',
    severity: 'ticket',
    summary: 'The hook {{ $labels.name }} fails again and again at {{ $labels.instance }}.',
    action: 'Read what it wrote: its last lines are in the log.',
  },
  {
    name: 'GitSidecarIdentityFailing',
    expr: 'increase(git_sidecar_identity_count_total{status="error"}[15m]) >= 3',
    for: '0m',
    severity: 'ticket',
    summary: '{{ $labels.instance }} gets no credential from {{ $labels.identity }}.',
    action:
      'Updates stop when the present credential ends. Ask `git-sidecar doctor`; docs/identities.md lists the rights.',
  },
  {
    name: 'GitSidecarRelayUnreachable',
    expr: 'git_sidecar_relay_connected == 0',
    for: '10m',
    severity: 'ticket',
    summary: '{{ $labels.instance }} has no connection to its relay.',
    action:
      'It gets no news until then, unless it has `--relay-fallback`. Look at the relay’s `/readyz` and its access file.',
  },
];

const RUN: readonly Alert[] = [
  {
    name: 'GitSidecarDeploymentFailed',
    expr: 'increase(git_sidecar_deployments_total{outcome=~"build-failed|failed|rolled-back"}[10m]) > 0',
    for: '0m',
    severity: 'page',
    summary: 'A revision did not go live at {{ $labels.instance }}: {{ $labels.outcome }}.',
    action: 'The revision before it still serves. `/status` has the reason and the last lines of its output.',
  },
  {
    name: 'GitSidecarProcessRestarting',
    expr: 'delta(git_sidecar_process_restarts[15m]) >= 3',
    for: '0m',
    severity: 'page',
    summary: 'The process at {{ $labels.instance }} ends again and again.',
    action: 'Read its output; `/status` shows the last exit. A push of the last good commit deploys that one again.',
  },
];

const RELAY: readonly Alert[] = [
  {
    name: 'GitSidecarRelayUpstreamStale',
    expr: 'git_sidecar_relay_upstream_age_seconds > 300',
    for: '5m',
    severity: 'page',
    summary:
      'The git server did not confirm the refs of {{ $labels.repository }} to the relay for {{ $value | humanizeDuration }}.',
    action: 'No subscriber of it gets news. `/status` of the relay names the error.',
  },
  {
    name: 'GitSidecarRelayTipRefused',
    expr: 'git_sidecar_relay_verify_refused > 0',
    for: '1m',
    severity: 'page',
    summary:
      'The relay does not pass on {{ $value }} refs of {{ $labels.repository }}: nobody whose key it has signed them.',
    action: 'See who pushed them; `/status` of the relay names the commits and the reasons.',
  },
  {
    name: 'GitSidecarRelayRefusing',
    expr: 'rate(git_sidecar_relay_refused_total[5m]) > 1',
    for: '10m',
    severity: 'ticket',
    summary: 'The relay {{ $labels.instance }} refuses {{ $value | humanize }} requests a second: {{ $labels.what }}.',
    action: 'A principal has used up its share (docs/relay.md, “Shares”): find it in the log, or raise the limit.',
  },
  {
    name: 'GitSidecarInstancesBehind',
    expr: 'git_sidecar_relay_behind > 0 unless on (instance) git_sidecar_rollouts{status!="complete"} > 0',
    for: '30m',
    severity: 'ticket',
    summary: '{{ $value }} instances do not publish the commit that their ref is at.',
    action:
      'The page of the relay lists them under *Instances* (state *behind*), `curl RELAY/fleet` too, each with what it publishes.',
  },
];

const ROLLOUTS: readonly Alert[] = [
  {
    name: 'GitSidecarRolloutHalted',
    expr: 'git_sidecar_rollouts{status=~"halted|reverting"} > 0',
    for: '0m',
    severity: 'page',
    summary: '{{ $value }} rollouts at {{ $labels.instance }} have stopped: {{ $labels.status }}.',
    action:
      '`git-sidecar fleet RELAY` shows the stage and the first reason, the page of the relay each instance that failed. Push a correction, or `promote`.',
  },
  {
    name: 'GitSidecarRolloutPausedLong',
    expr: 'git_sidecar_rollouts{status="paused"} > 0',
    for: '24h',
    severity: 'ticket',
    summary: '{{ $value }} rollouts at {{ $labels.instance }} are paused since a day.',
    action: '`git-sidecar fleet resume` goes on with one, `abort` ends it.',
  },
];

export const ALERT_GROUPS: readonly AlertGroup[] = [
  { name: 'git-sidecar sync', alerts: SYNC },
  { name: 'git-sidecar run', alerts: RUN },
  { name: 'git-sidecar relay', alerts: RELAY },
  { name: 'git-sidecar rollouts', alerts: ROLLOUTS },
];
