import type { ErrorCodeEntry } from './error-entry.ts';

/** Errors of git and of the git server. The table is put together in `error-codes.ts`. */
export const ERROR_CODES_OF_GIT = {
  ERR_GIT_MISSING: {
    class: 'stop',
    meaning: 'The git program cannot be started.',
    hint: 'Install git, or name it with `--git=/path/to/git`.',
  },
  ERR_GIT_FAILED: {
    class: 'retry',
    suspect: true,
    meaning: 'A git command failed for a reason that has no error code of its own.',
    hint: 'Read git’s own message above; run again with `-v 5` to see each command.',
  },
  ERR_GIT_KILLED: {
    class: 'retry',
    kind: 'killed',
    passing: true,
    meaning: 'A git process was ended by a signal that did not come from here; mostly the kernel was short of memory.',
    hint: 'It is tried again at once. If the error comes back, look for “oom” in `dmesg` or `kubectl describe pod`, and raise the memory limit.',
  },
  ERR_GIT_MEMORY: {
    class: 'retry',
    kind: 'out-of-memory',
    passing: true,
    meaning: 'A git process ran out of memory: the kernel killed it, or refused to give it more.',
    hint: 'It is tried again with settings that need less memory. If the error comes back, raise the memory limit of the container.',
  },
  ERR_GIT_TIMEOUT: {
    class: 'retry',
    kind: 'too-slow',
    timeLimit: '--sync-timeout',
    meaning: 'A git command did not finish in time and was ended with all its children.',
    hint: 'Raise `--sync-timeout`, or look at what the git server is doing.',
  },
  ERR_GIT_LOCKED: {
    class: 'retry',
    kind: 'locked',
    meaning: 'A lock file of an earlier, interrupted git process is in the way.',
    hint: 'Nothing to do: stale locks are removed before the next attempt.',
  },
  ERR_REMOTE_URL: {
    class: 'stop',
    kind: 'url',
    meaning: 'The repository URL cannot be understood.',
    hint: 'Use https://host/path, ssh://user@host/path, user@host:path, git://host/path, file:///path or a path.',
  },
  ERR_REMOTE_UNREACHABLE: {
    class: 'retry',
    kind: 'no-answer',
    passing: true,
    timeLimit: '--sync-timeout',
    examined: true,
    meaning: 'The git server cannot be reached or fails: name, network, TLS or connection trouble, or status 5xx.',
    hint: 'Try `git ls-remote URL` from this machine; check DNS, proxy, CA and firewall.',
  },
  ERR_REMOTE_TLS_PIN: {
    class: 'retry',
    examined: true,
    meaning:
      'The git server shows another public key than those of `--tls-pin`, or of `http.pinnedPubkey` in git’s settings. Nothing was asked of it.',
    hint: 'Ask the owner of the host whether its key was replaced. If so, give the new one with `--tls-pin`; otherwise another machine may be pretending to be this host. This prints the key behind `sha256//`: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`',
  },
  ERR_REMOTE_AUTH: {
    class: 'retry',
    kind: 'refused',
    absence: true,
    examined: true,
    meaning: 'The git server refused the credentials, or wants some and none are set.',
    hint: 'Set `--username` with `--password-file`, `--credential`, `--ssh-key-file` or `--askpass-url`.',
    v3Hint:
      'Set `--username` with `--password-file`, or `--askpass-url`; for an ssh URL `--ssh` with `--ssh-key-file`.',
  },
  ERR_REMOTE_HOST_KEY: {
    class: 'retry',
    kind: 'unknown-host',
    examined: true,
    meaning: 'The ssh host key is unknown or has changed.',
    hint: 'Put the key of the host into the file of `--ssh-known-hosts-file` (`ssh-keyscan -p PORT HOST`), and compare it with what the host’s owner publishes.',
  },
  ERR_REMOTE_SSH_FILE: {
    class: 'retry',
    examined: true,
    meaning:
      'A private key, a certificate, the socket of the agent or the file of known hosts is missing or cannot be read, so ssh did not get in.',
    hint: 'Mount the Secret at the path named above; in a Pod `securityContext.fsGroup: 65533` and `defaultMode: 0440` let this user read it.',
  },
  ERR_REMOTE_NOT_FOUND: {
    class: 'retry',
    kind: 'no-repository',
    absence: true,
    examined: true,
    meaning: 'There is no repository at this URL, or these credentials may not see it.',
    hint: 'Check `--repo`; many servers answer “not found” when the credentials lack access.',
  },
  ERR_REMOTE_CORRUPT: {
    class: 'retry',
    passing: true,
    meaning: 'The git server finds its own repository damaged; what is here is sound.',
    hint: 'Run `git fsck` on the git server and repair the repository there; nothing has to be done here.',
  },
  ERR_REMOTE_BUSY: {
    class: 'wait',
    passing: true,
    meaning: 'The git server asked us to slow down (429 or 503).',
    hint: 'Nothing to do: the next attempt waits as long as the server asked. Many followers? Use a longer `--period`.',
  },
  ERR_REMOTE_PROTOCOL: {
    class: 'retry',
    kind: 'no-git',
    examined: true,
    meaning: 'The answer of the git server is not valid git protocol.',
    hint: 'Is there a login page or a proxy between? Try `git ls-remote URL`.',
  },
  ERR_REMOTE_TOO_LARGE: {
    class: 'retry',
    meaning: 'A server answered with more than is taken: 250,000 refs, or 32 MiB of refs.',
    hint: 'Count them with `git ls-remote URL | wc -l`, and remove those that are not needed. A relay takes only the refs that its pattern names behind `#`; see docs/relay.md.',
  },
  ERR_REMOTE_REF: {
    class: 'retry',
    kind: 'no-ref',
    passing: true,
    absence: true,
    examined: true,
    meaning: 'The remote has no such branch, tag or commit.',
    hint: 'List what it has with `git ls-remote URL`, then correct `--ref` (or `--branch` and `--rev`).',
    v3Hint: 'List what it has with `git ls-remote URL`, then correct `--branch` and `--rev`.',
  },
  ERR_REMOTE_NO_MATCH: {
    class: 'retry',
    kind: 'no-ref',
    passing: true,
    meaning: 'The remote has no branch or tag that matches `--ref-semver` or `--ref-pattern`.',
    hint: 'List what it has with `git ls-remote URL`, then correct `--ref-semver`, `--ref-pattern` or `--ref-order`. A range leaves out pre-releases that it does not name; see docs/tags.md.',
  },
  ERR_REMOTE_NO_DATES: {
    class: 'retry',
    meaning: 'It cannot be known which of the refs was committed last, as `--ref-order=committed` wants it.',
    hint: 'Use `--ref-order=version` or `name`, or a narrower `--ref-pattern`; on a git server of your own `git config uploadpack.allowFilter true`.',
  },
  ERR_REMOTE_CREDENTIAL_SOURCE: {
    class: 'retry',
    examined: true,
    meaning:
      'A credential could not be obtained: password file, askpass URL, GitHub App, `--identity` or `--credential-helper`.',
    hint: 'Check that this user may read the file (in a Pod `securityContext.fsGroup`), and that the URL answers within a second with username= and password= lines.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;
