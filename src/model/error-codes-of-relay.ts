import type { ErrorCodeEntry } from './error-entry.ts';

/** Errors of the relay, of its clients and of NATS. The table is put together in `error-codes.ts`. */
export const ERROR_CODES_OF_RELAY = {
  ERR_RELAY_STUCK: {
    class: 'stop',
    meaning: 'Some work took more than twice its time limit and could not be stopped, so the process ends itself.',
    hint: 'Its supervisor (such as Kubernetes or systemd) starts it again. If the error comes back, the last lines of the log say what it was doing.',
  },
  ERR_RELAY_PENDING: {
    class: 'retry',
    meaning: 'The relay is reachable, but it has not mirrored the repository yet.',
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
    hint: 'A line is `bearer TOKEN PATTERN…` or `certificate NAME PATTERN…`, with or without `steer` before it; see docs/relay.md.',
  },
  ERR_RELAY_REPOSITORY: {
    class: 'stop',
    meaning: 'A relay cannot serve this repository: its URL has no host.',
    hint: 'Use the https or ssh URL of the repository in `--repo`, or leave out `--relay`.',
  },
  ERR_RELAY_REFUSED: {
    class: 'retry',
    kind: 'refused',
    absence: true,
    examined: true,
    meaning:
      'The relay refused: the token or certificate is missing or wrong, or the repository is not among those allowed.',
    hint: 'Check `--relay-token-file` here, and `--allow` and `--access-file` of the relay.',
  },
  ERR_RELAY_OLD: {
    class: 'retry',
    meaning: 'The relay does not know `--ref-semver` and `--ref-pattern`: it is an older release.',
    hint: 'Update the relay first, then its sidecars; until then `--ref`, or `--relay-fallback` with credentials here.',
  },
  ERR_RELAY_REPORT: {
    class: 'retry',
    meaning:
      'A relay does not accept the report of a subscriber: a value of it is missing, too long or outside its range.',
    hint: 'The detail names the value. `--instance` has at most 200 visible characters; docs/relay.md lists the limits.',
  },
  ERR_RELAY_UNREACHABLE: {
    class: 'retry',
    kind: 'no-answer',
    passing: true,
    examined: true,
    meaning: 'The relay cannot be reached.',
    hint: 'Try `curl RELAY/healthz` from here; with `--relay-fallback` the git server is asked instead.',
  },
  ERR_RELAY_STALE: {
    class: 'retry',
    meaning: 'The git server confirmed the relay’s last answer longer ago than `--max-staleness`.',
    hint: 'See `/status` of the relay for why it cannot ask the git server.',
  },
  ERR_RELAY_FULL: {
    class: 'wait',
    kind: 'full',
    meaning: 'The relay is at a limit: of repositories, or of fetches that wait.',
    hint: 'It is tried again. If it stays so: raise `--max-repositories` of the relay, narrow `--allow`, or start another relay.',
  },
  ERR_NATS: {
    class: 'retry',
    examined: true,
    meaning: 'The NATS server cannot be reached, or refuses.',
    hint: 'Check `--nats`, its credentials and that JetStream is on; without it, polls and the relay still bring every update.',
  },
  ERR_ANSWER_UNDELIVERED: {
    class: 'retry',
    meaning: 'The forge or the receiver of a notification cannot be reached, has trouble, or asks for time.',
    hint: 'Nothing to do if it passes: it is tried again, and what is pending is kept. Otherwise check url of the entry, DNS, proxy and firewall.',
  },
  ERR_ANSWER_REFUSED: {
    class: 'retry',
    meaning:
      'The forge or the receiver of a notification refuses what a relay sends: the credential, the address or the content is wrong. Rollouts go on without it.',
    hint: 'Correct the entry in the file of --rollouts, or replace the token in its file. It is tried again at once then, and otherwise after ten minutes or more.',
  },
  ERR_ROLLOUT_POLICY: {
    class: 'stop',
    meaning: 'The rollout policies cannot be read or understood.',
    hint: 'Correct the lines that are named. docs/rollouts.md says what a policy may hold.',
  },
  ERR_ROLLOUT_STATE: {
    class: 'stop',
    meaning:
      'What a relay wrote down about rollouts, in `rollouts` below its root or on NATS, cannot be used, so it is not known how far each rollout came.',
    hint: 'Restore the file or the bucket from a backup; or move it away, and what the ref shows now becomes the revision that has completed.',
  },
  ERR_ROLLOUT_DECIDER: {
    class: 'retry',
    meaning: 'No relay of the group decides about rollouts at the moment, or this one no longer does.',
    hint: 'It is tried again by itself. `GET /rollouts` and `/status` of each relay say which one decides; check that all of them reach NATS.',
  },
  ERR_ROLLOUT_ORDER: {
    class: 'stop',
    meaning: 'An order for a rollout cannot be understood, or there is nothing that it could be done to.',
    hint: 'The detail says why. The overview of the fleet shows what is under way.',
  },
} as const satisfies Record<string, ErrorCodeEntry>;
