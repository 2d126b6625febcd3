/**
 * What the loop does about an error of this class.
 *
 * - `retry`: try again after the backoff; counts as a failure.
 * - `wait`: the remote asked for time (429, 503, Retry-After); like retry, never sooner than it asked.
 * - `stop`: trying again cannot help; exit non-zero.
 */
export type ErrorClass = 'retry' | 'wait' | 'stop';

export interface ErrorCodeEntry {
  readonly class: ErrorClass;
  readonly meaning: string;
  readonly hint: string;
}

/** Every error code with its meaning, its class and the next thing to do. docs/errors.md is rendered from it. */
export const ERROR_CODES = {
  ERR_CONFIG_USAGE: {
    class: 'stop',
    meaning: 'The command line cannot be parsed.',
    hint: 'See `git-sidecar sync --help`; every flag and variable is listed in docs/options.md.',
  },
  ERR_CONFIG_INVALID: {
    class: 'stop',
    meaning: 'An option has a value that is not allowed, or options contradict each other.',
    hint: 'Run the same command with `--explain` to see each value and where it came from.',
  },
  ERR_CONFIG_GIT_CONFIG: {
    class: 'stop',
    meaning: 'The text of `--git-config` or `--git-config-add` does not follow its grammar.',
    hint: 'Write `key:value,key:value`; quote a value that holds a comma: `key:"a,b"`.',
  },
  ERR_CONFIG_ADD_USER: {
    class: 'stop',
    meaning: '`--add-user` could not append the current user id to /etc/passwd.',
    hint: 'Make /etc/passwd writable for the group, or run as a user id that has an entry and drop `--add-user`.',
  },
  ERR_GIT_MISSING: {
    class: 'stop',
    meaning: 'The git program cannot be started.',
    hint: 'Install git, or name it with `--git=/path/to/git`.',
  },
  ERR_GIT_FAILED: {
    class: 'retry',
    meaning: 'A git command failed for a reason this program has no special word for.',
    hint: 'Read git’s own message above; run again with `-v 5` to see each command.',
  },
  ERR_GIT_TIMEOUT: {
    class: 'retry',
    meaning: 'A git command did not finish in time and was ended with all its children.',
    hint: 'Raise `--sync-timeout`, or look at what the git server is doing.',
  },
  ERR_GIT_LOCKED: {
    class: 'retry',
    meaning: 'A lock file of an earlier, interrupted git process is in the way.',
    hint: 'Nothing to do: stale locks are removed before the next attempt.',
  },
  ERR_REMOTE_URL: {
    class: 'stop',
    meaning: 'The repository URL cannot be understood.',
    hint: 'Use https://host/path, ssh://user@host/path, user@host:path, git://host/path, file:///path or a path.',
  },
  ERR_REMOTE_UNREACHABLE: {
    class: 'retry',
    meaning: 'The git server cannot be reached: name, network, TLS or connection trouble.',
    hint: 'Try `git ls-remote URL` from this machine; check DNS, proxy, CA and firewall.',
  },
  ERR_REMOTE_AUTH: {
    class: 'retry',
    meaning: 'The git server refused the credentials, or wants some and none are set.',
    hint: 'Set `--username` with `--password-file`, `--credential`, `--ssh-key-file` or `--askpass-url`.',
  },
  ERR_REMOTE_HOST_KEY: {
    class: 'retry',
    meaning: 'The ssh host key is unknown or has changed.',
    hint: 'Put the host into the file of `--ssh-known-hosts-file` (`ssh-keyscan HOST`), or set `--ssh-known-hosts=false`.',
  },
  ERR_REMOTE_NOT_FOUND: {
    class: 'retry',
    meaning: 'There is no repository at this URL, or these credentials may not see it.',
    hint: 'Check `--repo`; many servers answer “not found” when the credentials lack access.',
  },
  ERR_REMOTE_BUSY: {
    class: 'wait',
    meaning: 'The git server asked us to slow down (429 or 503).',
    hint: 'Nothing to do: the next attempt waits as long as the server asked. Many followers? Use a longer `--period`.',
  },
  ERR_REMOTE_PROTOCOL: {
    class: 'retry',
    meaning: 'The answer of the git server is not valid git protocol.',
    hint: 'Is there a login page or a proxy between? Try `git ls-remote URL`.',
  },
  ERR_REMOTE_REF: {
    class: 'retry',
    meaning: 'The remote has no such branch, tag or commit.',
    hint: 'List what it has with `git ls-remote URL`, then correct `--ref` (or `--branch` and `--rev`).',
  },
  ERR_REMOTE_CREDENTIAL_SOURCE: {
    class: 'retry',
    meaning: 'A credential could not be obtained: password file, askpass URL or GitHub App.',
    hint: 'Check that the file is readable and that the URL answers within a second with username= and password= lines.',
  },
  ERR_FETCH_OBJECTS: {
    class: 'retry',
    meaning: 'Objects are missing or damaged after a fetch.',
    hint: 'Nothing to do: the repository is rebuilt at the next attempt and the published tree stays.',
  },
  ERR_CHECKOUT_FAILED: {
    class: 'retry',
    meaning: 'The new revision could not be checked out; nothing was published.',
    hint: 'Check free space and permissions below `--root`.',
  },
  ERR_CHECKOUT_SPARSE_FILE: {
    class: 'retry',
    meaning: 'The sparse-checkout file cannot be read.',
    hint: 'Check the path in `--sparse-checkout-file` and the volume it comes from.',
  },
  ERR_CHECKOUT_SUBMODULE: {
    class: 'retry',
    meaning: 'A submodule could not be fetched or checked out; nothing was published.',
    hint: 'Give its credentials with `--credential`, or leave submodules out with `--submodules=off`.',
  },
  ERR_ROOT_UNUSABLE: {
    class: 'stop',
    meaning: 'The root directory cannot be created or written.',
    hint: 'Mount a writable volume at `--root`, owned by the user this process runs as.',
  },
  ERR_ROOT_FOREIGN_REPO: {
    class: 'stop',
    meaning: 'The root holds a git repository that git-sidecar or git-sync did not make.',
    hint: 'Choose another `--root`, or pass `--move-aside` to rename that repository and continue.',
  },
  ERR_PUBLISH_LINK_OCCUPIED: {
    class: 'stop',
    meaning: 'A real file or directory is where the link should go.',
    hint: 'Choose another `--link`, or pass `--move-aside` to rename what is there and continue.',
  },
  ERR_PUBLISH_FAILED: {
    class: 'retry',
    meaning: 'The link could not be switched; the old revision stays published.',
    hint: 'Check permissions of the directory that holds the link.',
  },
  ERR_NOTIFY_EXECHOOK: {
    class: 'retry',
    meaning: 'The exechook command failed or ran out of time.',
    hint: 'Its output is in the log line; it is tried again after `--exechook-backoff`.',
  },
  ERR_NOTIFY_WEBHOOK: {
    class: 'retry',
    meaning: 'The webhook was not answered with the wanted status.',
    hint: 'Check `--webhook-url` and `--webhook-success-status`; it is tried again after `--webhook-backoff`.',
  },
  ERR_NOTIFY_PRE_PUBLISH: {
    class: 'retry',
    meaning: 'The pre-publish hook refused the new revision; the old one stays published.',
    hint: 'Its output is in the log line; it is tried again after `--pre-publish-exechook-backoff`.',
  },
  ERR_SERVE_BIND: {
    class: 'stop',
    meaning: 'The HTTP endpoint cannot listen on the given address.',
    hint: 'Choose a free port in `--http-bind`, for instance `:1234`.',
  },
  ERR_TOO_MANY_FAILURES: {
    class: 'stop',
    meaning: 'The failures in a row reached `--max-failures`.',
    hint: 'The error before this line is the cause; raise `--max-failures` (-1: never stop) to keep trying.',
  },
  ERR_INTERNAL: {
    class: 'retry',
    meaning: 'A fault in git-sidecar itself.',
    hint: 'Please report it with the log around this line.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;
