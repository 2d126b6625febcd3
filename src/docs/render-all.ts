import { renderDocumentSchema } from '../config/document/render-document-schema.ts';
import { renderOptionsDoc } from '../config/render-docs.ts';
import { renderSchema } from '../config/render-schema.ts';
import { renderDashboard } from './monitoring/render-dashboard.ts';
import { renderMonitoringDoc } from './monitoring/render-monitoring.ts';
import { renderRules } from './monitoring/render-rules.ts';
import { renderErrorsDoc } from './render-errors.ts';
import { renderMetricsDoc } from './render-metrics.ts';

/** Every generated file, by path. */
export function renderAll(): Record<string, string> {
  return {
    'docs/options.md': renderOptionsDoc(),
    'docs/options.schema.json': `${JSON.stringify(renderSchema(), null, 2)}\n`,
    'docs/document.schema.json': `${JSON.stringify(renderDocumentSchema(), null, 2)}\n`,
    'docs/errors.md': renderErrorsDoc(),
    'docs/metrics.md': renderMetricsDoc(),
    'docs/monitoring.md': renderMonitoringDoc(),
    'deploy/prometheus/rules.yaml': renderRules(),
    'deploy/prometheus/dashboard.json': renderDashboard(),
  };
}
