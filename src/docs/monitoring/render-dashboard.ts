import { type Panel, ROWS } from './panels.ts';

const HEIGHT = 8;
const COLUMNS = 24;
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const TYPES = { graph: 'timeseries', number: 'stat', table: 'table' } as const;

interface Place {
  readonly x: number;
  readonly y: number;
}

function renderPanel({ title, kind, unit, width, queries }: Panel, id: number, { x, y }: Place): object {
  return {
    id,
    title,
    type: TYPES[kind],
    datasource: DATASOURCE,
    gridPos: { x, y, w: width, h: HEIGHT },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
      ...(kind === 'table' && { format: 'table', instant: true }),
    })),
  };
}

/** Panels from left to right, each row under a title of its own. */
function renderPanels(): object[] {
  const panels: object[] = [];
  let y = 0;
  for (const row of ROWS) {
    panels.push({ id: panels.length + 1, title: row.title, type: 'row', gridPos: { x: 0, y, w: COLUMNS, h: 1 } });
    y += 1;
    let x = 0;
    for (const panel of row.panels) {
      if (x + panel.width > COLUMNS) [x, y] = [0, y + HEIGHT];
      panels.push(renderPanel(panel, panels.length + 1, { x, y }));
      x += panel.width;
    }
    y += HEIGHT;
  }
  return panels;
}

/** deploy/prometheus/dashboard.json, for Grafana's import (https://grafana.com/docs/grafana/latest/dashboards/). */
export function renderDashboard(): string {
  const dashboard = {
    uid: 'git-sidecar',
    title: 'git-sidecar',
    tags: ['git-sidecar'],
    schemaVersion: 39,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus' },
        {
          name: 'instance',
          type: 'query',
          datasource: DATASOURCE,
          query: 'label_values(process_start_time_seconds, instance)',
          refresh: 2,
          includeAll: true,
          multi: true,
          allValue: '.*',
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
    panels: renderPanels(),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
