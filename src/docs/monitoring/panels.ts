/** One graph or number of the dashboard. */
export interface Panel {
  readonly title: string;
  readonly kind: 'graph' | 'number' | 'table';
  /** As Grafana names units; https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/ */
  readonly unit: 'short' | 's' | 'bytes' | 'reqps' | 'percentunit';
  /** Of 24 columns. */
  readonly width: number;
  readonly queries: readonly { readonly expr: string; readonly legend: string }[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

function quantiles(metric: string): Panel['queries'] {
  return [0.5, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (le) (rate(${metric}_bucket{instance=~"$instance"}[$__rate_interval])))`,
    legend: `p${quantile * 100}`,
  }));
}

const of = (metric: string, more = ''): string => `${metric}{instance=~"$instance"${more}}`;
const rate = (metric: string, by: string): string => `sum by (${by}) (rate(${of(metric)}[$__rate_interval]))`;

export const ROWS: readonly Row[] = [
  {
    title: 'Sync',
    panels: [
      {
        title: 'Published revisions',
        kind: 'table',
        unit: 'short',
        width: 12,
        queries: [{ expr: of('git_sidecar_published_info'), legend: '{{instance}} {{ref}} {{oid}}' }],
      },
      {
        title: 'Since the git server last answered',
        kind: 'graph',
        unit: 's',
        width: 12,
        queries: [{ expr: `time() - ${of('git_sidecar_last_success_timestamp_seconds')}`, legend: '{{instance}}' }],
      },
      {
        title: 'Syncs',
        kind: 'graph',
        unit: 'reqps',
        width: 8,
        queries: [{ expr: rate('git_sync_count_total', 'status'), legend: '{{status}}' }],
      },
      { title: 'Poll', kind: 'graph', unit: 's', width: 8, queries: quantiles('git_sidecar_poll_duration_seconds') },
      {
        title: 'New commit seen → link changed',
        kind: 'graph',
        unit: 's',
        width: 8,
        queries: quantiles('git_sidecar_update_duration_seconds'),
      },
    ],
  },
  {
    title: 'Run',
    panels: [
      {
        title: 'Deployments in an hour',
        kind: 'graph',
        unit: 'short',
        width: 12,
        queries: [
          { expr: `sum by (outcome) (increase(${of('git_sidecar_deployments_total')}[1h]))`, legend: '{{outcome}}' },
        ],
      },
      {
        title: 'Link changed → running and ready',
        kind: 'graph',
        unit: 's',
        width: 12,
        queries: quantiles('git_sidecar_publish_to_running_seconds'),
      },
    ],
  },
  {
    title: 'Relay',
    panels: [
      {
        title: 'Subscribers',
        kind: 'number',
        unit: 'short',
        width: 4,
        queries: [{ expr: `sum(${of('git_sidecar_relay_subscribers')})`, legend: '' }],
      },
      {
        title: 'Subscribers behind',
        kind: 'number',
        unit: 'short',
        width: 4,
        queries: [{ expr: `sum(${of('git_sidecar_relay_behind')})`, legend: '' }],
      },
      {
        title: 'Change → published',
        kind: 'graph',
        unit: 's',
        width: 8,
        queries: quantiles('git_sidecar_relay_follow_seconds'),
      },
      {
        title: 'Since the git server last confirmed the refs',
        kind: 'graph',
        unit: 's',
        width: 8,
        queries: [{ expr: of('git_sidecar_relay_upstream_age_seconds'), legend: '{{repository}}' }],
      },
      {
        title: 'Fetches, by how they were answered',
        kind: 'graph',
        unit: 'reqps',
        width: 8,
        queries: [{ expr: rate('git_sidecar_relay_fetches', 'answer'), legend: '{{answer}}' }],
      },
      {
        title: 'Requests to git servers',
        kind: 'graph',
        unit: 'reqps',
        width: 8,
        queries: [{ expr: rate('git_sidecar_relay_upstream_requests', 'repository'), legend: '{{repository}}' }],
      },
      {
        title: 'Refused',
        kind: 'graph',
        unit: 'reqps',
        width: 8,
        queries: [{ expr: rate('git_sidecar_relay_refused_total', 'what'), legend: '{{what}}' }],
      },
    ],
  },
  {
    title: 'Rollouts',
    panels: [
      {
        title: 'Refs, by the status of their rollout',
        kind: 'graph',
        unit: 'short',
        width: 12,
        queries: [{ expr: `sum by (status) (${of('git_sidecar_rollouts')})`, legend: '{{status}}' }],
      },
      {
        title: 'Instances that have a revision and are not done',
        kind: 'graph',
        unit: 'short',
        width: 12,
        queries: [{ expr: of('git_sidecar_rollout_unavailable'), legend: '{{instance}}' }],
      },
    ],
  },
  {
    title: 'Cost',
    panels: [
      {
        title: 'CPU without git, of a core',
        kind: 'graph',
        unit: 'percentunit',
        width: 12,
        queries: [{ expr: rate('process_cpu_seconds_total', 'instance'), legend: '{{instance}}' }],
      },
      {
        title: 'Resident memory',
        kind: 'graph',
        unit: 'bytes',
        width: 12,
        queries: [{ expr: of('process_resident_memory_bytes'), legend: '{{instance}}' }],
      },
    ],
  },
];
