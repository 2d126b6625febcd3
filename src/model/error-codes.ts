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
  /** Options are named as v4 does; `HintWords` puts in the names that the user's mode has. */
  readonly hint: string;
  /** Where v3 has no option of that kind at all. */
  readonly v3Hint?: string;
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
    meaning:
      '`--add-user` could not append the current user id to /etc/passwd, and ssh cannot be given an entry in another way.',
    hint: 'Install libnss_wrapper (Debian: libnss-wrapper), make /etc/passwd writable, or run as a user id that has an entry.',
  },
  ERR_DOCUMENT_READ: {
    class: 'stop',
    meaning: 'The document of `git-sidecar up` cannot be read.',
    hint: 'Check the path and its permissions. In Kubernetes, check that the ConfigMap is mounted there.',
  },
  ERR_DOCUMENT_SYNTAX: {
    class: 'stop',
    meaning: 'The document of `git-sidecar up` is not YAML, or is too large.',
    hint: 'Correct the lines that are named. docs/document.md says what a document may hold.',
  },
  ERR_DOCUMENT_INVALID: {
    class: 'stop',
    meaning:
      'The document of `git-sidecar up` has keys or values that are not allowed, or units that contradict each other.',
    hint: 'Correct the lines that are named. docs/document.md has the rules, docs/options.md every option.',
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
  ERR_GIT_KILLED: {
    class: 'retry',
    meaning: 'A git process was ended by a signal that did not come from here; mostly the kernel was short of memory.',
    hint: 'It is tried again at once. When it comes back, look for “oom” in `dmesg` or `kubectl describe pod`, and raise the memory limit.',
  },
  ERR_GIT_MEMORY: {
    class: 'retry',
    meaning: 'A git process had not enough memory: the kernel killed it, or gave it no more.',
    hint: 'It is tried again with settings that need less memory. When it comes back, raise the memory limit of the container.',
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
    meaning: 'The git server cannot be reached or fails: name, network, TLS or connection trouble, or status 5xx.',
    hint: 'Try `git ls-remote URL` from this machine; check DNS, proxy, CA and firewall.',
  },
  ERR_REMOTE_AUTH: {
    class: 'retry',
    meaning: 'The git server refused the credentials, or wants some and none are set.',
    hint: 'Set `--username` with `--password-file`, `--credential`, `--ssh-key-file` or `--askpass-url`.',
    v3Hint:
      'Set `--username` with `--password-file`, or `--askpass-url`; for an ssh URL `--ssh` with `--ssh-key-file`.',
  },
  ERR_REMOTE_HOST_KEY: {
    class: 'retry',
    meaning: 'The ssh host key is unknown or has changed.',
    hint: 'Put the key of the host into the file of `--ssh-known-hosts-file` (`ssh-keyscan -p PORT HOST`), and compare it with what the host’s owner publishes.',
  },
  ERR_REMOTE_SSH_FILE: {
    class: 'retry',
    meaning: 'A private key or the file of known hosts is missing or cannot be read, so ssh did not get in.',
    hint: 'Mount the Secret at the path named above; in a Pod `securityContext.fsGroup: 65533` and `defaultMode: 0440` let this user read it.',
  },
  ERR_REMOTE_NOT_FOUND: {
    class: 'retry',
    meaning: 'There is no repository at this URL, or these credentials may not see it.',
    hint: 'Check `--repo`; many servers answer “not found” when the credentials lack access.',
  },
  ERR_REMOTE_CORRUPT: {
    class: 'retry',
    meaning: 'The git server finds its own repository damaged; what is here is sound.',
    hint: 'Run `git fsck` on the git server and repair the repository there; nothing has to be done here.',
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
  ERR_REMOTE_TOO_LARGE: {
    class: 'retry',
    meaning: 'A server answered with more than is taken: 250,000 refs, or 32 MiB of refs.',
    hint: 'Count them with `git ls-remote URL | wc -l`, and remove those that nobody needs. A relay takes only the refs that its pattern names behind `#`; see docs/relay.md.',
  },
  ERR_REMOTE_REF: {
    class: 'retry',
    meaning: 'The remote has no such branch, tag or commit.',
    hint: 'List what it has with `git ls-remote URL`, then correct `--ref` (or `--branch` and `--rev`).',
    v3Hint: 'List what it has with `git ls-remote URL`, then correct `--branch` and `--rev`.',
  },
  ERR_REMOTE_CREDENTIAL_SOURCE: {
    class: 'retry',
    meaning: 'A credential could not be obtained: password file, askpass URL or GitHub App.',
    hint: 'Check that this user may read the file (in a Pod `securityContext.fsGroup`), and that the URL answers within a second with username= and password= lines.',
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
    v3Hint:
      'Its server has to take the credentials of `--repo`, or none; or leave submodules out with `--submodules=off`.',
  },
  ERR_ROOT_UNUSABLE: {
    class: 'stop',
    meaning: 'The root directory cannot be created or written.',
    hint: 'Mount a writable volume at `--root`, owned by the user this process runs as.',
  },
  ERR_ROOT_WRITE: {
    class: 'retry',
    meaning:
      'git could not write below the root: the disk is full, read-only or out of quota, or permissions are missing.',
    hint: 'Make room on the volume of `--root` (`df -h`, `df -i`), or give it to the user this process runs as.',
  },
  ERR_DIRECTORY_FOREIGN: {
    class: 'stop',
    meaning: 'A directory that git-sidecar is to fill, and in which it would remove files, holds something else.',
    hint: 'What is in it was not changed. Name a directory that is empty or does not exist yet, or move those files away.',
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
    v3Hint: 'Its output is in the log line; it is tried again after the backoff.',
  },
  ERR_SERVE_BIND: {
    class: 'stop',
    meaning: 'The HTTP endpoint cannot listen on the given address.',
    hint: 'Choose a free port in `--http-bind`, for instance `:1234`.',
  },
  ERR_TOO_MANY_FAILURES: {
    class: 'stop',
    meaning: 'The failures in a row reached `--max-failures`.',
    hint: 'The error before this line is the cause; a higher `--max-failures` (-1: never stop) keeps trying.',
  },
  ERR_SYNC_TIMEOUT: {
    class: 'retry',
    meaning: 'A sync took longer than `--sync-timeout` while it waited for something that is no git process.',
    hint: 'Raise `--sync-timeout`, or look at what it waited for; the message names the stage.',
  },
  ERR_SYNC_STUCK: {
    class: 'stop',
    meaning:
      'A sync was not over long after `--sync-timeout`: something that it waits for cannot be interrupted. The process ends, so that a new one can start.',
    hint: 'The stage is named in the message. Look for a disk or network drive that does not answer; if there is none, please report it.',
  },
  ERR_INTERNAL: {
    class: 'retry',
    meaning: 'A fault in git-sidecar itself.',
    hint: 'Please report it with the log around this line.',
  },
  ERR_NOTIFY_SIGNAL: {
    class: 'retry',
    meaning: 'The process of `--signal-process` could not be signalled; the publish stands and it is tried again.',
    hint: 'Check the name with `ps`; in a Pod set `shareProcessNamespace: true`, and run as the same user or with CAP_KILL.',
  },
  ERR_RUN_LINK: {
    class: 'stop',
    meaning: 'The link that `run` should follow is no link, or the directory that should hold it is missing.',
    hint: 'Point `--link` at the link that a sync publishes, and mount the volume that holds it.',
  },
  ERR_RUN_COMMAND: {
    class: 'stop',
    meaning: 'The command that `run` should start cannot be started.',
    hint: 'Check the words behind `--`: the program has to be on PATH, or a path inside the release.',
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
    meaning: 'A path or a symbolic link of the revision leads out of the directory of `--into`.',
    hint: 'Remove the link from the repository or from the directory; what was deployed before goes on.',
  },
  ERR_RUN_BUILD: {
    class: 'retry',
    meaning: 'The build of a revision failed; what ran before runs on.',
    hint: 'Read the output of the build above, correct it and push: the next revision is tried.',
  },
  ERR_RUN_NOT_READY: {
    class: 'retry',
    meaning: 'A revision was started or reloaded and did not become ready; the one before is back.',
    hint: 'Read the output of the process above; raise `--ready-timeout` if it only needs longer.',
  },
  ERR_RUN_RELOAD: {
    class: 'retry',
    meaning: 'The running process could not be told to reload.',
    hint: 'Check `--reload-signal`, `--reload-http` or `--reload-exec`; the files of the revision before are back.',
  },
  ERR_RUN_ROLLBACK: {
    class: 'retry',
    meaning: 'A rollback by hand is not possible.',
    hint: 'See `/status`, or the file state.json in the state directory, for what is deployed and what there is to go back to.',
  },
  ERR_RELAY_STUCK: {
    class: 'stop',
    meaning: 'Some work took more than twice its time and could not be ended, so the process ends itself.',
    hint: 'Whatever started it starts it again. If that happens again, the last lines of the log say what it was doing.',
  },
  ERR_RELAY_PENDING: {
    class: 'retry',
    meaning: 'The relay is there, but it has not mirrored the repository yet.',
    hint: 'See `/status` and the log of the relay: the first copy of a large repository takes its time.',
  },
  ERR_RELAY_PATTERN: {
    class: 'stop',
    meaning: 'A pattern of `--allow`, `--follow` or the access file cannot be understood.',
    hint: 'Write it like https://git.example.com/team/* or git@git.example.com:team/app.git#main,release/*',
  },
  ERR_RELAY_ACCESS_FILE: {
    class: 'stop',
    meaning: 'The file of `--access-file` cannot be read or understood.',
    hint: 'A line is `bearer TOKEN PATTERN…` or `certificate NAME PATTERN…`; see docs/relay.md.',
  },
  ERR_RELAY_REPOSITORY: {
    class: 'stop',
    meaning: 'A relay cannot serve this repository: its URL has no host.',
    hint: 'Use the https or ssh URL of the repository in `--repo`, or leave out `--relay`.',
  },
  ERR_RELAY_REFUSED: {
    class: 'retry',
    meaning:
      'The relay refused: the token or certificate is missing or wrong, or the repository is not among those allowed.',
    hint: 'Check `--relay-token-file` here, and `--allow` and `--access-file` of the relay.',
  },
  ERR_RELAY_REPORT: {
    class: 'retry',
    meaning:
      'A relay does not take the report of a subscriber: a value of it is missing, too long or outside its range.',
    hint: 'The detail names the value. `--instance` has at most 200 visible characters; docs/relay.md lists the limits.',
  },
  ERR_RELAY_UNREACHABLE: {
    class: 'retry',
    meaning: 'The relay cannot be reached.',
    hint: 'Try `curl RELAY/healthz` from here; with `--relay-fallback` the git server is asked instead.',
  },
  ERR_RELAY_STALE: {
    class: 'retry',
    meaning: 'What the relay tells was confirmed by the git server longer ago than `--max-staleness`.',
    hint: 'See `/status` of the relay for why it cannot ask the git server.',
  },
  ERR_RELAY_FULL: {
    class: 'wait',
    meaning: 'The relay has as much to do as it may: repositories, or fetches that wait.',
    hint: 'It is tried again. If it stays so: raise `--max-repositories` of the relay, narrow `--allow`, or start another relay.',
  },
  ERR_NATS: {
    class: 'retry',
    meaning: 'The NATS server cannot be reached, or refuses.',
    hint: 'Check `--nats`, its credentials and that JetStream is on; without it, polls and the relay still bring every update.',
  },
  ERR_INSTALL: {
    class: 'stop',
    meaning: '`git-sidecar install` could not copy the program.',
    hint: 'The directory must be writable and have about 150 MB of room; install needs Linux and a dynamically linked Node.',
  },
  ERR_PATH_REDIRECTED: {
    class: 'retry',
    meaning:
      'A directory in which this program works is a symbolic link or a mount point, so it can lead to files of somebody else. Nothing was written or deleted behind it.',
    hint: 'Look at the path with `ls -ld` and `findmnt -T`; remove the link, or unmount it.',
  },
  ERR_PATH_KEPT: {
    class: 'retry',
    meaning: 'Something that has to make way cannot be removed: a mount point, or a file that is protected or in use.',
    hint: 'Look at the path with `findmnt -T`, `lsattr -d` and `ls -ld`; unmount it, or make it removable.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;
