import { ALERT_GROUPS } from './alerts.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|');
const INTRODUCTION = `Each process serves [its metrics](metrics.md) at \`/metrics\` with \`--http-bind=:PORT --http-metrics\`.

- \`deploy/prometheus/rules.yaml\`: the alerts below. Put its path under \`rule_files\` of Prometheus, or its groups into a \`PrometheusRule\`.
- \`deploy/prometheus/dashboard.json\`: a dashboard for Grafana (*Dashboards → New → Import*). It asks for the Prometheus data source, and shows the instances that you choose.

\`severity: page\` means that a person is needed now, \`ticket\` within days. The bounds fit a \`--period\` of up to 5 minutes; change them where yours is longer.

With \`--kubernetes-events\` a process writes events about its own Pod: \`Published\`, \`SyncFailed\`, \`Deployed\`, \`DeploymentFailed\`, \`BuildFailed\`, \`RolledBack\`, \`RolloutStarted\`, \`RolloutCompleted\`, \`RolloutHalted\` and others. Its service account needs a Role with the verb \`create\` for \`events\` in the API group \`events.k8s.io\`. \`kubectl describe pod\` lists them when the container gets its UID:

\`\`\`yaml
env:
  - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
  - { name: POD_UID, valueFrom: { fieldRef: { fieldPath: metadata.uid } } }
\`\`\`

With the Helm chart of the relay it is \`kubernetesEvents: true\`.

[Traces](traces.md) show the way of one commit through all processes.`;

/** docs/monitoring.md. */
export function renderMonitoringDoc(): string {
  const groups = ALERT_GROUPS.map(({ name, alerts }) => {
    const rows = alerts.map(
      ({ name: alert, expr, for: holds, severity, action }) =>
        `| \`${alert}\` | ${severity} | \`${cell(expr)}\` for ${holds} | ${cell(action)} |`,
    );
    return `## ${name}\n\n| alert | severity | when | what to do first |\n|---|---|---|---|\n${rows.join('\n')}`;
  });
  return `${[
    '# Monitoring',
    '<!-- Made by `npm run docs` from src/docs/monitoring/; do not edit. -->',
    INTRODUCTION,
    ...groups,
  ].join('\n\n')}\n`;
}
