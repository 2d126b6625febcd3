import { type LabelValues, METRICS, type MetricDefinition } from '../serve/metrics-table.ts';

function describeValues(values: LabelValues): string {
  if ('most' in values)
    return values.most === 1 ? 'the present one' : `at most ${values.most} at a time, then \`other\``;
  return values.length > 6 ? 'docs/errors.md' : values.join(', ');
}

function describeLabels({ labels }: MetricDefinition): string {
  return Object.entries(labels)
    .map(([label, values]) => `\`${label}\` (${describeValues(values)})`)
    .join('; ');
}

/** docs/metrics.md. */
export function renderMetricsDoc(): string {
  const rows = Object.entries(METRICS).map(
    ([name, metric]) => `| \`${name}\` | ${metric.kind} | ${describeLabels(metric)} | ${metric.help} |`,
  );
  return `${[
    '# Metrics',
    '<!-- Made by `npm run docs` from src/serve/metrics-table.ts; do not edit. -->',
    'Served at `/metrics` with `--http-bind` and `--http-metrics` (on by default in v3 mode). The `git_*` names are git-sync’s; beside these there are the usual `process_*` and `nodejs_*` metrics.',
    `| name | kind | labels | meaning |\n|---|---|---|---|\n${rows.join('\n')}`,
  ].join('\n\n')}\n`;
}
