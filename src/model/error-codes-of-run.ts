import type { ErrorCodeEntry } from './error-entry.ts';

/** Errors of `run`. The table is put together in `error-codes.ts`. */
export const ERROR_CODES_OF_RUN = {
  ERR_RUN_LINK: {
    class: 'stop',
    meaning: 'The link that `run` should follow is no link, or the directory that should hold it is missing.',
    hint: 'Point `--link` at the link that a sync publishes, and mount the volume that holds it.',
  },
  ERR_RUN_COMMAND: {
    class: 'stop',
    revision: 'disturbing',
    meaning: 'The command that `run` should start cannot be started.',
    hint: 'Check the command behind `--`: the program has to be on PATH, or a path inside the release.',
  },
  ERR_RUN_STATE: {
    class: 'stop',
    meaning: 'The state directory or the directory of `--into` cannot be used.',
    hint: 'Choose a writable `--state=DIR` that no other `run` uses; `--into` must be an existing, writable directory.',
  },
  ERR_RUN_COPY: {
    class: 'retry',
    meaning: 'A revision could not be copied to where it is to run.',
    hint: 'Look at the free space and the permissions of the directory; it is tried again.',
  },
  ERR_RUN_ESCAPE: {
    class: 'retry',
    revision: 'faulty',
    meaning: 'A path or a symbolic link of the revision leads out of the directory of `--into`.',
    hint: 'Remove the link from the repository or from the directory; what was deployed before goes on.',
  },
  ERR_RUN_BUILD: {
    class: 'retry',
    kind: 'build',
    revision: 'faulty',
    timeLimit: '--build-timeout',
    meaning: 'The build of a revision failed; the process that ran before keeps running.',
    hint: 'Read the output of the build above, correct it and push: the next revision is tried.',
  },
  ERR_RUN_NOT_READY: {
    class: 'retry',
    revision: 'disturbing',
    timeLimit: '--ready-timeout',
    meaning: 'A revision was started or reloaded and did not become ready; the one before is back.',
    hint: 'Read the output of the process above; raise `--ready-timeout` if it only needs longer.',
  },
  ERR_RUN_RELOAD: {
    class: 'retry',
    revision: 'disturbing',
    timeLimit: '--ready-timeout',
    meaning: 'The running process could not be asked to reload.',
    hint: 'Check `--reload-signal`, `--reload-http` or `--reload-exec`; the files of the revision before are back.',
  },
  ERR_RUN_ROLLBACK: {
    class: 'retry',
    meaning: 'A rollback by hand is not possible.',
    hint: 'See `/status`, or the file state.json in the state directory, for what is deployed and what there is to go back to.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;
