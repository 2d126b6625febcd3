import { ALERT_GROUPS, type Alert } from './alerts.ts';

/** A text as YAML takes it in any case: JSON is YAML. */
const quote = (text: string): string => JSON.stringify(text);

function renderAlert({ name, expr, for: holds, severity, summary, action }: Alert): string {
  return [
    `      - alert: ${name}`,
    `        expr: ${quote(expr)}`,
    `        for: ${holds}`,
    `        labels: { severity: ${severity} }`,
    '        annotations:',
    `          summary: ${quote(summary)}`,
    `          description: ${quote(action)}`,
  ].join('\n');
}

/** deploy/prometheus/rules.yaml. */
export function renderRules(): string {
  const groups = ALERT_GROUPS.map(
    ({ name, alerts }) => `  - name: ${name}\n    rules:\n${alerts.map(renderAlert).join('\n')}`,
  );
  return `# Made by \`npm run docs\` from src/docs/monitoring/alerts.ts; do not edit.\ngroups:\n${groups.join('\n')}\n`;
}
