import { expect, test } from 'vitest';
import { ALERT_GROUPS } from '../../../src/docs/monitoring/alerts.ts';
import { ROWS } from '../../../src/docs/monitoring/panels.ts';
import { METRICS, type MetricDefinition } from '../../../src/serve/metrics-table.ts';

const ALERTS = ALERT_GROUPS.flatMap(({ alerts }) => alerts);
const QUERIES = ROWS.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries.map(({ expr }) => expr)));
const ALL = [...ALERTS.map(({ expr }) => expr), ...QUERIES];
const OF_THE_PROCESS = ['process_cpu_seconds_total', 'process_resident_memory_bytes'];
const SUFFIX = /_(?:bucket|sum|count)$/;

function definitionOf(name: string): MetricDefinition | undefined {
  const table: Readonly<Record<string, MetricDefinition>> = METRICS;
  const whole = table[name.replace(SUFFIX, '')];
  return table[name] ?? (whole?.kind === 'histogram' ? whole : undefined);
}

test.each(ALL)('%s asks for metrics that are served, by labels and values that they have', (expr) => {
  const named = [...expr.matchAll(/\b((?:git|process)_\w+)(?:\{([^}]*)\})?/g)];
  expect(named.length).toBeGreaterThan(0);
  for (const [, name = '', selector = ''] of named) {
    if (OF_THE_PROCESS.includes(name)) continue;
    const definition = definitionOf(name);
    expect(definition, name).toBeDefined();
    for (const [, label = '', values = ''] of selector.matchAll(/(\w+)[!=]~?="?"?([^",}]*)/g)) {
      if (label === 'instance') continue;
      const known = definition?.labels[label];
      expect(known, `${name}{${label}}`).toBeDefined();
      if (Array.isArray(known)) for (const value of values.split('|')) expect(known).toContain(value);
    }
  }
});

test('every alert has a name of its own, and says what happened and what to do first', () => {
  expect(new Set(ALERTS.map(({ name }) => name)).size).toBe(ALERTS.length);
  for (const { summary, action } of ALERTS) {
    expect(summary).toMatch(/[.]$/);
    expect(action.length).toBeGreaterThan(20);
  }
});

test('what an alert’s text names of a series is a label that its expression leaves there', () => {
  for (const { expr, summary } of ALERTS) {
    for (const [, label = ''] of summary.matchAll(/\$labels\.(\w+)/g)) {
      if (label === 'instance') continue;
      const [, name = ''] = /\b(git_\w+)/.exec(expr) ?? [];
      expect(Object.keys(definitionOf(name)?.labels ?? {}), expr).toContain(label);
    }
  }
});
