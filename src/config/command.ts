import { type CommandName, EVERY_COMMAND } from './option.ts';

/** What a command is, for its usage text and its manual. */
export interface CommandText {
  readonly name: CommandName;
  /** In a few words, without a full stop. */
  readonly summary: string;
  /** Its arguments; each is one way to use it. */
  readonly synopses: readonly string[];
  /** Paragraphs. */
  readonly description: readonly string[];
  /** What each exit status means, besides those that all commands have. */
  readonly statuses?: readonly (readonly [string, string])[];
}

const TEXTS: Readonly<Record<CommandName, Omit<CommandText, 'name'>>> = {
  sync: {
    summary: 'keep a directory equal to a git ref (drop-in for git-sync)',
    synopses: ['--repo=URL --root=DIR [options]'],
    description: [
      'Keeps a directory equal to a branch, tag or commit of a git repository. Flags and variables are those of git-sync.',
      'Asks the remote for the ref once a period. When it has moved, the new commit is fetched and checked out beside the published tree, and a symbolic link is switched to it in one rename. A consumer that follows the link sees one complete commit at any instant, also while this program is killed.',
      'Only what it made itself is ever removed.',
    ],
    statuses: [['0', '--one-time succeeded']],
  },
  run: {
    summary: 'run a command from what a sync publishes, and deploy each new revision',
    synopses: [
      '--link=PATH [options] -- COMMAND [ARGUMENT…]',
      '--repo=URL --root=DIR [options] -- COMMAND [ARGUMENT…]',
    ],
    description: [
      'Runs a command from the revision that a link shows, and brings each new revision to life: copy, build, start, wait until it is ready, stop the old one. A revision that fails is left out, and the process that ran before keeps running. The link is published by a sync in another container, or, with --repo, by this process; then all options of `git-sidecar sync` are allowed too.',
    ],
    statuses: [['N', 'the status of the process, if it exited; 128 + n if signal n ended it']],
  },
  up: {
    summary: 'run everything that a YAML document describes, and follow the document',
    synopses: ['FILE [--check | --explain]'],
    description: [
      'Runs all units of the document in one process: syncs, runs and relays, each independent of the others, behind one HTTP endpoint. When the file changes, or at SIGHUP, units that were added, removed or changed are started, stopped or restarted; the others keep running. A document that is not valid changes nothing. docs/document.md says what it may hold.',
    ],
  },
  status: {
    summary: 'show how the units of a running `up` are doing',
    synopses: ['URL [--json]'],
    description: [
      'Asks the HTTP endpoint of a process at URL, such as http://localhost:8080, and prints a line for each unit.',
    ],
    statuses: [['1', 'a unit is not ready, or there is no answer']],
  },
  relay: {
    summary: 'one client of the git server for a whole fleet of sidecars',
    synopses: ['--root=DIR --http-bind=ADDR --allow=PATTERN [options]'],
    description: [
      'Stands between a fleet of sidecars and git servers: follows each repository once, notifies subscribers within milliseconds when a ref moves, and serves the objects to them and to plain git clients from a mirror. Only the relay needs credentials for the git servers. Sidecars use it with --relay=URL; git with URL/git/HOST/PATH.',
    ],
  },
  fleet: {
    summary: 'show the rollouts of a relay, wait for one, or give an order',
    synopses: [
      'URL [--json]',
      'watch URL [REPOSITORY#REF] [--json]',
      'wait URL REPOSITORY#REF COMMIT [--within=DURATION] [--json]',
      '(pause | resume | promote | abort | unpin) URL REPOSITORY#REF --why=TEXT',
      '(revert | pin) URL REPOSITORY#REF [COMMIT] --why=TEXT',
    ],
    description: [
      'Asks the relay at URL, such as https://relay.example.com, about the refs that a policy of its --rollouts governs, and prints a line for each, with its stages. REPOSITORY is HOST/PATH, REF a branch or the full name of a ref. An order needs a token that the access file of the relay allows to steer. docs/rollouts.md says what the orders do.',
    ],
    statuses: [
      ['0', 'wait: the rollout of COMMIT is complete'],
      [
        '1',
        'wait: COMMIT is not rolled out: its rollout halted, was aborted, reverted or replaced, or the commit was left out; or an order was refused',
      ],
      ['3', 'wait: the rollout was not complete within the time of --within'],
      ['4', 'the relay cannot be asked: it gave no answer (wait asks again until its time is over), or refuses'],
    ],
  },
  doctor: {
    summary: 'look at everything that a sync, run or relay with these flags needs, and say what is wrong',
    synopses: [
      '[--output=FORMAT] [options of sync]',
      '[--output=FORMAT] run [options of run] [-- COMMAND]',
      '[--output=FORMAT] relay [options of relay]',
      '[--output=FORMAT] up FILE',
    ],
    description: [
      'Takes the flags and variables, or the document, with which something would run. Starts none of it, looks at what it needs, and prints a line for each check: names, connections, proxies, certificates, credentials, keys, the ref, directories, programs, ports and limits. Each line that begins with ✗ says what is wrong and what mends it. It ends within 15 seconds, changes nothing and prints no secret. docs/doctor.md has an example.',
    ],
    statuses: [
      ['0', 'all is well'],
      ['1', 'a line begins with ✗'],
    ],
  },
  rollback: {
    summary: 'send a run back to the release before',
    synopses: ['--state=DIR [COMMIT]'],
    description: [
      'Sends the run that keeps its state in DIR back to the release before, or to that of COMMIT, and leaves the present revision out until a newer one is published. The line "starting up" of run names DIR.',
    ],
  },
  install: {
    summary: 'put a self-contained copy where another image can run it',
    synopses: ['DIR'],
    description: [
      'Puts a copy of this program into DIR that needs nothing else: its runtime, the libraries that the runtime uses, and the programs git-sidecar and git-sync. An init container does this, so that an image without Node, and with another C library, can start DIR/git-sidecar run …',
    ],
  },
  demo: {
    summary: 'a git server and an application that is deployed from it, all on this machine',
    synopses: [''],
    description: [
      'Starts a git server with a sample repository, an application that is deployed from it, and a visitor who sends requests; takes no options. Ctrl-C ends it.',
    ],
  },
};

export function commandText(name: CommandName): CommandText {
  return { name, ...TEXTS[name] };
}

/** The commands in the order in which a list of them shows them. */
export const COMMAND_TEXTS: readonly CommandText[] = Object.keys(TEXTS).map((name) => commandText(name as CommandName));

/** The command that is called so; undefined when there is none. */
export function findCommand(name: string): CommandName | undefined {
  return EVERY_COMMAND.find((each) => each === name);
}
