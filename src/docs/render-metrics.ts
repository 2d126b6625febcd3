import { METRICS } from '../serve/metrics-table.ts';

/** docs/metrics.md. */
export function renderMetricsDoc(): string {
  const rows = Object.entries(METRICS).map(
    ([name, { kind, labels, help }]) =>
      `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return `${[
    '# Metrics',
    '<!-- Made by `npm run docs` from src/serve/metrics-table.ts; do not edit. -->',
    'Served at `/metrics` with `--http-bind` and `--http-metrics` (on by default in v3 mode). The `git_*` names are git-sync’s; beside these there are the usual `process_*` and `nodejs_*` metrics.',
    `| name | kind | labels | meaning |\n|---|---|---|---|\n${rows.join('\n')}`,
  ].join('\n\n')}\n`;
}
