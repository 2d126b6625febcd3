import { describe, expect, test } from 'vitest';
import { Metrics } from '../../src/serve/metrics.ts';
import { METRICS, type MetricDefinition, type MetricName } from '../../src/serve/metrics-table.ts';

const TABLE = Object.entries(METRICS) as [MetricName, MetricDefinition][];

/** The labels of each series of `name`. */
async function seriesOf(metrics: Metrics, name: MetricName): Promise<string[]> {
  const lines = (await metrics.render()).split('\n');
  const labels = lines.flatMap((line) => (line.startsWith(name) ? [/\{(.*)\}/.exec(line)?.[1] ?? ''] : []));
  return [...new Set(labels.map((text) => text.replace(/,?(?:le|quantile)="[^"]*"/, '')))];
}

/** Counts, sets or observes, as the metric wants it. */
function feed(metrics: Metrics, name: MetricName, labels: Record<string, string>): void {
  metrics.whole.count(name, labels);
  metrics.whole.set(name, 1, labels);
  metrics.whole.observe(name, 1, labels);
}

describe('metrics', () => {
  test.each(
    TABLE.flatMap(([name, { labels }]) => Object.entries(labels).map(([label, values]) => ({ name, label, values }))),
  )('$name: the values of $label are listed, or bounded by a number', ({ values }) => {
    if ('most' in values) expect(values.most).toBeLessThanOrEqual(1000);
    else expect(new Set(values).size).toBe(values.length);
  });

  test.each(TABLE.map(([name, { labels }]) => ({ name, labels })))(
    '$name has a bounded number of series, whatever comes from outside',
    async ({ name, labels }) => {
      const metrics = new Metrics([]);
      for (let index = 0; index < 3000; index += 1)
        feed(metrics, name, Object.fromEntries(Object.keys(labels).map((label) => [label, `outside-${index}`])));
      const values = Object.values(labels);
      const most = values.reduce((sum, each) => sum + ('most' in each ? each.most : 1), 1);
      expect((await seriesOf(metrics, name)).length).toBeLessThanOrEqual(most);
    },
  );

  test('values of the table are shown as they are, others as other', async () => {
    const metrics = new Metrics([]);
    metrics.whole.count('git_sync_hook_run_count_total', { name: 'exechook', status: 'success' });
    metrics.whole.count('git_sync_hook_run_count_total', { name: 'unheard-of', status: 'success' });
    const series = await seriesOf(metrics, 'git_sync_hook_run_count_total');
    expect(series).toEqual(['name="exechook",status="success"', 'name="other",status="success"']);
  });

  test('a repository that nobody follows any more has no series, and its place is free', async () => {
    const metrics = new Metrics([]);
    const name = 'git_sidecar_relay_changes_total';
    for (let index = 0; index < 2000; index += 1) metrics.whole.count(name, { repository: `h/${index}` });
    expect(await seriesOf(metrics, name)).toHaveLength(1001);
    metrics.whole.keep('repository', new Set(['h/7', 'h/new']));
    metrics.whole.count(name, { repository: 'h/new' });
    expect(await seriesOf(metrics, name)).toEqual(['repository="h/7"', 'repository="other"', 'repository="h/new"']);
  });

  test('the published revision is one series, however often it changes and however long its ref is', async () => {
    const metrics = new Metrics([]);
    for (const ref of ['refs/heads/main', 'refs/heads/dev', `refs/heads/${'x'.repeat(5000)}\u202e`])
      metrics.whole.setOnly('git_sidecar_published_info', 1, { ref, oid: '1'.repeat(40) });
    const [series = '', ...more] = await seriesOf(metrics, 'git_sidecar_published_info');
    expect(more).toEqual([]);
    expect(series).toMatch(/^ref="refs\/heads\/x+…",oid="1{40}"$/);
    expect(series.length).toBeLessThan(300);
  });

  test('each unit of a process has its own published revision, and one that is gone leaves no series', async () => {
    const metrics = new Metrics([], true);
    const name = 'git_sidecar_published_info';
    for (const unit of ['dags', 'plugins'])
      for (const oid of ['1'.repeat(40), '2'.repeat(40)])
        metrics.unit(unit).setOnly(name, 1, { ref: 'refs/heads/main', oid });
    const show = (unit: string): string => `unit="${unit}",ref="refs/heads/main",oid="${'2'.repeat(40)}"`;
    expect(await seriesOf(metrics, name)).toEqual([show('dags'), show('plugins')]);
    const late = metrics.unit('dags');
    metrics.forget('dags');
    expect(await seriesOf(metrics, name)).toEqual([show('plugins')]);
    // What still ends after that has nobody to count for.
    late.setOnly(name, 1, { ref: 'refs/heads/main', oid: '3'.repeat(40) });
    expect(await seriesOf(metrics, name)).toEqual([show('plugins')]);
    metrics.unit('dags').setOnly(name, 1, { ref: 'refs/heads/main', oid: '2'.repeat(40) });
    expect(await seriesOf(metrics, name)).toEqual([show('plugins'), show('dags')]);
  });
});
