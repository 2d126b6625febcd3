import { rows, SERVICES } from '../option.ts';

/** Where spans go. */
export const TRACES_OPTIONS = rows({ group: 'traces', commands: SERVICES, since: 'git-sidecar', runAlone: true }, [
  {
    name: 'kubernetes-events',
    type: 'bool',
    env: ['GIT_SIDECAR_KUBERNETES_EVENTS'],
    default: 'false',
    doc: 'Write Kubernetes events about this Pod: what was published and deployed, what fails, what became of rollouts. Its service account has to be allowed to; see docs/monitoring.md.',
  },
  {
    name: 'otlp-endpoint',
    type: 'string',
    env: ['GIT_SIDECAR_OTLP_ENDPOINT'],
    placeholder: 'URL',
    secret: 'address',
    doc: 'Send spans to this collector of OpenTelemetry, such as `http://collector:4318`, over HTTP: how each new commit was found, fetched, checked out, published and brought to life. All processes put one commit into one trace, and hooks get it as `TRACEPARENT`.',
  },
  {
    name: 'otlp-headers-file',
    needs: ['otlp-endpoint'],
    type: 'string',
    env: ['GIT_SIDECAR_OTLP_HEADERS_FILE'],
    placeholder: 'PATH',
    doc: 'Headers for the collector, one `NAME: VALUE` a line; read for each request.',
  },
]);
