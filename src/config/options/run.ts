import { rows } from '../option.ts';

/** What is deployed, and where. */
const DEPLOY = rows(
  { group: 'deploy', prefix: 'GIT_SIDECAR', commands: ['run'], since: 'git-sidecar', runAlone: true },
  [
    {
      name: 'copy',
      needs: ['into'],
      type: 'repeat',
      placeholder: 'SRC[:DST]',
      doc: 'Mirror this file or directory of the revision to DST below `--into` (default: the same path; `.` is the whole of it). May be given several times.',
    },
    {
      name: 'build',
      type: 'string',
      placeholder: 'COMMAND',
      doc: 'A shell line that is run in the new release before anything is stopped. When it fails, the old process keeps running.',
    },
    {
      name: 'build-timeout',
      detailOf: ['build'],
      range: { least: '10ms' },
      type: 'duration',
      default: '10m',
      placeholder: 'DURATION',
      doc: 'How long a build may take.',
    },
    {
      name: 'state',
      commands: ['run', 'rollback'],
      type: 'string',
      placeholder: 'DIR',
      doc: 'Where releases and the memory of what is deployed are kept. Default: `git-sidecar/run-…`, named after what is deployed and how, in `$XDG_STATE_HOME`, `$HOME/.local/state` or the temporary directory, the first that can be written.',
    },
    {
      name: 'keep-releases',
      range: { least: '2' },
      type: 'int',
      default: '3',
      placeholder: 'N',
      doc: 'Release directories that are kept, the running one and the way back included.',
    },
    {
      name: 'rollback-exec',
      type: 'string',
      placeholder: 'COMMAND',
      doc: 'A shell line that is run after a rollback, with `GIT_SIDECAR_BAD_OID`, `GIT_SIDECAR_OID` and `GIT_SIDECAR_REASON`.',
    },
    {
      name: 'recheck',
      range: { least: '10ms' },
      type: 'duration',
      default: '5s',
      placeholder: 'DURATION',
      doc: 'How often the link is read again, beside being watched: network volumes do not report changes.',
    },
  ],
);

/** When a new process is ready. */
const READY = rows({ group: 'ready', prefix: 'GIT_SIDECAR', commands: ['run'], since: 'git-sidecar', runAlone: true }, [
  {
    name: 'ready-http',
    type: 'string',
    placeholder: '/PATH',
    doc: 'The process is ready when this answers with a status from 200 to 399: `/PATH` on its own port (with `--listen`), `:PORT/PATH`, or a URL.',
  },
  {
    name: 'ready-tcp',
    range: { least: '0', most: '65535' },
    type: 'int',
    default: '0',
    placeholder: 'PORT',
    doc: 'The process is ready when this port accepts connections. With `--listen` the port of the process itself is asked if nothing else is set.',
  },
  {
    name: 'ready-exec',
    type: 'string',
    placeholder: 'COMMAND',
    doc: 'The process is ready when this shell line exits with 0.',
  },
  {
    name: 'ready-delay',
    range: { least: '0s' },
    type: 'duration',
    default: '1s',
    placeholder: 'DURATION',
    doc: 'Without a readiness check: a process that lives this long is regarded as ready.',
  },
  {
    name: 'ready-timeout',
    range: { least: '10ms' },
    type: 'duration',
    default: '30s',
    placeholder: 'DURATION',
    doc: 'A revision that is not ready by then is rolled back, files and process, and left out until a newer one comes.',
  },
  {
    name: 'ready-for',
    range: { least: '0s' },
    type: 'duration',
    default: '5s',
    placeholder: 'DURATION',
    doc: 'Probation: a new process that ends within this time after it became ready is rolled back. With `--listen` it serves from the moment it is ready, and the old process stays as it is until the probation is over. `0s`: ready is good enough.',
  },
]);

/** How the process is kept, ended and reloaded. */
const SUPERVISE = rows(
  { group: 'supervise', prefix: 'GIT_SIDECAR', commands: ['run'], since: 'git-sidecar', runAlone: true },
  [
    {
      name: 'stop-signal',
      form: 'signal',
      type: 'string',
      default: 'TERM',
      placeholder: 'SIGNAL',
      doc: 'The signal that asks the process to end.',
    },
    {
      name: 'stop-timeout',
      range: { least: '10ms' },
      type: 'duration',
      default: '10s',
      placeholder: 'DURATION',
      doc: 'After this long its whole process group is killed.',
    },
    {
      name: 'restart',
      choices: { always: '', 'on-failure': '', never: '' },
      type: 'string',
      default: 'always',
      placeholder: 'WHEN',
      doc: 'Restart a process that ended, with a pause that grows from 1 s to 30 s. If it is not restarted, run exits with its status.',
    },
    {
      name: 'report-output',
      range: { least: '0', most: '50' },
      type: 'int',
      default: '10',
      placeholder: 'LINES',
      doc: 'With `--relay`: the last lines that a failed process wrote to its standard error are reported, without secrets. They come through a pipe and are passed on unchanged; `0` lets the process write where run writes, as it does without a relay.',
    },
    {
      name: 'reload-signal',
      needs: ['into'],
      excludes: ['reload-http', 'reload-exec', 'listen'],
      form: 'signal',
      type: 'string',
      placeholder: 'SIGNAL',
      doc: 'Send this signal to the running process instead of starting it anew.',
    },
    {
      name: 'reload-http',
      needs: ['into'],
      excludes: ['reload-exec', 'listen'],
      type: 'string',
      placeholder: 'URL',
      doc: 'POST to this URL instead of starting the process anew; any status from 200 to 299 is success.',
    },
    {
      name: 'reload-exec',
      needs: ['into'],
      excludes: ['listen'],
      type: 'string',
      placeholder: 'COMMAND',
      doc: 'Run this shell line, with the process id as `GIT_SIDECAR_PID`, instead of starting the process anew.',
    },
  ],
);

/** How no request is dropped. */
const FRONT = rows({ group: 'front', prefix: 'GIT_SIDECAR', commands: ['run'], since: 'git-sidecar', runAlone: true }, [
  {
    name: 'listen',
    type: 'string',
    placeholder: 'ADDR',
    doc: 'Accept TCP connections here and pass them to the process, which gets a free port of its own: a new revision takes over when it is ready, and no request is dropped.',
  },
  {
    name: 'port-env',
    detailOf: ['listen'],
    type: 'string',
    default: 'PORT',
    placeholder: 'NAME',
    doc: 'The variable that holds the port for the process.',
  },
  {
    name: 'drain-timeout',
    detailOf: ['listen'],
    range: { least: '10ms' },
    type: 'duration',
    default: '30s',
    placeholder: 'DURATION',
    doc: 'How long connections with open requests may stay with the old process before it is stopped; at the end of run, with the last one.',
  },
  {
    name: 'drain-delay',
    range: { least: '0s' },
    type: 'duration',
    default: '5s',
    placeholder: 'DURATION',
    doc: 'On SIGTERM: `/readyz` turns to 503 at once and the process serves on for this long, so that load balancers take note, before it is stopped. A second signal, or SIGINT, ends the wait. Without `--listen` and `--http-bind` no load balancer can take note, and there is no wait unless this is set.',
  },
]);

/** What `git-sidecar run` has besides the options of sync. */
export const RUN_OPTIONS = [...DEPLOY, ...READY, ...SUPERVISE, ...FRONT];
