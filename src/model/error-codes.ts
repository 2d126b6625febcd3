import { ERROR_CODES_OF_GIT } from './error-codes-of-git.ts';
import { ERROR_CODES_OF_INTO } from './error-codes-of-into.ts';
import { ERROR_CODES_OF_RELAY } from './error-codes-of-relay.ts';
import { ERROR_CODES_OF_RUN } from './error-codes-of-run.ts';
import { ERROR_CODES_OF_VERIFY } from './error-codes-of-verify.ts';
import type { ErrorCodeEntry } from './error-entry.ts';

/**
 * Every error code with its meaning, the facts that the code decides by, and the next thing to do. Nothing else in the
 * source lists or compares codes. docs/errors.md is rendered from it.
 */
export const ERROR_CODES = {
  ERR_CONFIG_USAGE: {
    class: 'stop',
    kind: 'usage',
    meaning: 'The command line cannot be parsed.',
    hint: 'See `--help` of the command; docs/options.md lists every flag and variable.',
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
  ERR_FETCH_OBJECTS: {
    class: 'retry',
    suspect: true,
    meaning: 'Objects are missing or damaged after a fetch.',
    hint: 'Nothing to do: the repository is rebuilt at the next attempt and the published tree stays.',
  },
  ERR_CHECKOUT_FAILED: {
    class: 'retry',
    suspect: true,
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
  ERR_CHECKOUT_PATH_MISSING: {
    class: 'retry',
    meaning: 'The new commit does not have the directory that `--path` names; nothing was published.',
    hint: 'Correct `--path`, or say with `--path-missing=keep` or `--path-missing=empty` that such commits are in order.',
  },
  ERR_CHECKOUT_PATH_KIND: {
    class: 'retry',
    meaning:
      'The new commit has something other than a directory at `--path`, or on the way there; nothing was published. Links and submodules are not followed.',
    hint: 'Give the directory itself as `--path`; for a part of a submodule, follow the repository of the submodule.',
  },
  ERR_PUBLISH_GROUP: {
    class: 'retry',
    meaning: 'Other syncs of the same group were not ready in time; nothing of the group was published.',
    hint: 'See in the log or in `/status` why the syncs that are named are not ready.',
  },
  ERR_ROOT_UNUSABLE: {
    class: 'stop',
    examined: true,
    meaning: 'The directory of `--root` or `--state-dir` cannot be created or written.',
    hint: 'Mount a writable volume there, owned by the user this process runs as.',
  },
  ERR_ROOT_WRITE: {
    class: 'retry',
    kind: 'unwritable',
    examined: true,
    meaning:
      'git could not write below the root: the disk is full, read-only or out of quota, or permissions are missing.',
    hint: 'Make room on the volume of `--root` (`df -h`, `df -i`), or give it to the user this process runs as.',
  },
  ERR_ROOT_HAS_STATE: {
    class: 'stop',
    meaning: '`--state-dir` names another place, but the root holds a repository and worktrees from before.',
    hint: 'Move `.git`, `.worktrees` and `.git-sidecar` from the root into the state directory while nothing runs; the message has the command.',
  },
  ERR_DIRECTORY_FOREIGN: {
    class: 'stop',
    meaning: 'A directory that git-sidecar is to fill, and in which it would remove files, holds something else.',
    hint: 'What is in it was not changed. Name a directory that is empty or does not exist yet, or move those files away.',
  },
  ERR_STORE_IN_USE: {
    class: 'stop',
    meaning: 'Another process uses the directory that a document names as its `store`.',
    hint: 'Give each document a `store` of its own, or end the other process. It is tried again by itself.',
  },
  ERR_STORE_UNUSABLE: {
    class: 'stop',
    meaning: 'The directory that a document names as its `store` cannot be made or written.',
    hint: 'Mount a writable volume there, owned by the user this process runs as.',
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
    timeLimit: '--exechook-timeout',
    meaning: 'The exechook command failed or ran out of time.',
    hint: 'The log line holds its output. Without output, check that the path is right, that the file may be executed and that its interpreter is there. It is tried again after `--exechook-backoff`; with `--one-time` it is not.',
  },
  ERR_NOTIFY_WEBHOOK: {
    class: 'retry',
    timeLimit: '--webhook-timeout',
    meaning: 'The webhook was not answered with the wanted status.',
    hint: 'Check `--webhook-url` and `--webhook-success-status`; it is tried again after `--webhook-backoff`.',
  },
  ERR_NOTIFY_PRE_PUBLISH: {
    class: 'veto',
    timeLimit: '--pre-publish-exechook-timeout',
    meaning: 'The pre-publish hook refused the new revision; the old one stays published.',
    hint: 'The log line holds its output. Without output, check that the path is right, that the file may be executed and that its interpreter is there. It is tried again after `--pre-publish-exechook-backoff`.',
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
    timeLimit: '--sync-timeout',
    meaning: 'A sync took longer than `--sync-timeout` while it waited for something other than a git process.',
    hint: 'Raise `--sync-timeout`, or look at what it waited for; the message names the stage.',
  },
  ERR_SYNC_STUCK: {
    class: 'stop',
    timeLimit: '--sync-timeout',
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
  ERR_INSTALL: {
    class: 'stop',
    meaning: '`git-sidecar install` could not copy the program.',
    hint: 'The directory must be writable and have about 150 MB of room; install needs Linux and a dynamically linked Node.',
  },
  ERR_STATUS: {
    class: 'stop',
    meaning: '`git-sidecar status` asked an address where no `git-sidecar up` answers.',
    hint: 'Use the address of `http.bind` in the document, such as http://localhost:8080. A `git-sync` alone has no `/status`; ask its `/readyz`.',
  },
  ERR_FLEET: {
    class: 'stop',
    exit: 4,
    meaning: '`git-sidecar fleet` cannot ask at that address: the relay refuses, or another program answers there.',
    hint: 'Use the address of `--http-bind` of a relay with `--rollouts`; where it has an access file, `--token-file`, and for orders a token whose line begins with `steer`.',
  },
  ERR_FLEET_UNREACHABLE: {
    class: 'retry',
    exit: 4,
    meaning:
      '`git-sidecar fleet` got no answer from the relay, or the answer that it cannot answer now. `wait`, and `watch` after its first answer, ask again.',
    hint: 'Check the address with `curl URL/healthz` from the same place; it is that of `--http-bind` of a relay.',
  },
  ERR_FLEET_ORDER: {
    class: 'stop',
    meaning: 'The relay refused an order of `git-sidecar fleet`, or could not carry it out.',
    hint: 'See with `git-sidecar fleet URL` where the rollout is. An order needs a token whose line in the access file of the relay begins with `steer`.',
  },
  ERR_FLEET_TIMEOUT: {
    class: 'stop',
    exit: 3,
    meaning: 'The rollout that `git-sidecar fleet wait` waited for was not complete in the time of `--within`.',
    hint: 'See with `git-sidecar fleet URL` what it waits for, or wait longer with `--within`.',
  },
  ERR_PATH_REDIRECTED: {
    class: 'retry',
    kind: 'redirected',
    meaning:
      'A directory in which this program works is a symbolic link or a mount point, so it can lead to files that are not ours. Nothing was written or deleted behind it.',
    hint: 'Look at the path with `ls -ld` and `findmnt -T`; remove the link, or unmount it.',
  },
  ERR_PATH_KEPT: {
    class: 'retry',
    meaning: 'Something that has to make way cannot be removed: a mount point, or a file that is protected or in use.',
    hint: 'Look at the path with `findmnt -T`, `lsattr -d` and `ls -ld`; unmount it, or make it removable.',
  },
  ...ERROR_CODES_OF_GIT,
  ...ERROR_CODES_OF_INTO,
  ...ERROR_CODES_OF_RELAY,
  ...ERROR_CODES_OF_RUN,
  ...ERROR_CODES_OF_VERIFY,
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What the code decides by; see `ErrorCodeEntry`. */
export function factsOf(code: ErrorCode): ErrorCodeEntry {
  return ERROR_CODES[code];
}

/** `text` is one of the codes: another process sent it. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(ERROR_CODES, text);
}
