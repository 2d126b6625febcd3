import { bothNames, rows, SERVICES } from '../option.ts';

/** git itself. */
export const GIT_OPTIONS = rows({ group: 'git', commands: SERVICES }, [
  {
    name: 'git',
    type: 'string',
    env: bothNames('GIT'),
    v3Env: 'GIT_SYNC_GIT',
    default: 'git',
    placeholder: 'PATH',
    doc: 'The git program: a name on PATH, a path, or a wrapper script.',
  },
  {
    name: 'git-config',
    type: 'string',
    env: bothNames('GIT_CONFIG'),
    v3Env: 'GIT_SYNC_GIT_CONFIG',
    since: '3.3.5',
    placeholder: 'PAIRS',
    secret: 'git-settings',
    doc: 'git settings as `key:value,key:value`; values may be quoted. They replace ours of the same key.',
  },
  {
    name: 'git-config-add',
    type: 'repeat',
    since: '4.next',
    placeholder: 'PAIRS',
    secret: 'git-settings',
    doc: 'git settings in the grammar of `--git-config`, added to what is there, so that a key may have several values. May be repeated.',
  },
  {
    name: 'git-gc',
    commands: ['sync', 'run'],
    choices: { auto: 'when there is enough of it', always: '', aggressive: '', off: '' },
    type: 'string',
    env: bothNames('GIT_GC'),
    default: 'auto',
    since: '4',
    placeholder: 'MODE',
    doc: 'Collecting garbage after an update. git-sync’s default is `always`, which packs the whole repository again for every change.',
  },
]);
