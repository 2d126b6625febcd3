/**
 * Which keys of hosts are accepted. `accept-new`: those of `file`, and each that is not known yet, which is remembered.
 * `default` leaves it to ssh's own configuration.
 */
export type AskedHostKeys =
  | { readonly check: 'file' | 'accept-new'; readonly file: string }
  | { readonly check: 'none' }
  | { readonly check: 'default' };

/** The same with the file to which ssh writes new keys. */
export type HostKeys =
  | { readonly check: 'file'; readonly file: string }
  | { readonly check: 'accept-new'; readonly file: string; readonly own: string }
  | { readonly check: 'none' | 'default' };

/** What is needed to reach a server over ssh. */
export interface SshOptions {
  readonly keyFiles: readonly string[];
  readonly certificateFiles?: readonly string[];
  /** The socket of an agent; undefined: the one that ssh finds by itself. */
  readonly agent?: string | undefined;
  readonly hostKeys: HostKeys;
  /** The user's own GIT_SSH_COMMAND, taken as it is. */
  readonly command: string | undefined;
  readonly verbosity: number;
  /** Directory for the control socket of a shared connection; undefined: a connection for each command. */
  readonly controlDirectory: string | undefined;
  /** A passwd file that knows this user, and the library that makes ssh read it; see `lendUser`. */
  readonly lentUser?: { readonly library: string; readonly passwdFile: string };
  /** How long a shared connection stays open unused, in seconds. */
  readonly persistSeconds: number;
}

function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** An ssh_config value in double quotes, so that `-o Name=value` keeps blanks (ssh_config: arguments may be quoted). */
function optionQuote(text: string): string {
  return /\s/.test(text) ? `"${text}"` : text;
}

/** A server that answers nothing for 15 s, not even ssh's own question whether it is there, is gone; so is one that does not let us connect. */
const ALIVE = ['-o', 'ConnectTimeout=15', '-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=2'];

function hostKeyOptions(hostKeys: HostKeys): string[] {
  switch (hostKeys.check) {
    case 'file':
      return ['-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${optionQuote(hostKeys.file)}`];
    case 'accept-new': {
      // Of several files ssh writes to the first.
      const files = [hostKeys.own, hostKeys.file].map(optionQuote).join(' ');
      return ['-o', 'StrictHostKeyChecking=accept-new', '-o', `UserKnownHostsFile=${files}`];
    }
    case 'none':
      return ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
    case 'default':
      return [];
  }
}

function debugFlag(verbosity: number): string[] {
  if (verbosity >= 9) return ['-vvv'];
  if (verbosity >= 7) return ['-vv'];
  return verbosity >= 5 ? ['-v'] : [];
}

/** The user's own command makes ssh write about its work (`-v`). */
function asksForDebug(command: string | undefined): boolean {
  return /(?:^|\s)-v+(?=\s|$)/.test(command ?? '');
}

/**
 * The value of GIT_SSH_COMMAND. Paths may hold blanks. With a control directory the first command opens one connection
 * and those after it share it (ssh_config, ControlMaster): a poll then costs the server no login.
 *
 * When ssh writes about its work (`-v`), each command has a connection of its own: the process that keeps a shared one
 * would go on writing to the standard error of the command that began it, and git reads that to its end.
 */
export function sshCommand(options: SshOptions): string {
  const debug = debugFlag(options.verbosity);
  const words = [...debug];
  const isShared = debug.length === 0 && !asksForDebug(options.command);
  for (const key of options.keyFiles) words.push('-i', key);
  for (const path of options.certificateFiles ?? []) words.push('-o', `CertificateFile=${optionQuote(path)}`);
  if (options.agent !== undefined) words.push('-o', `IdentityAgent=${optionQuote(options.agent)}`);
  words.push(...hostKeyOptions(options.hostKeys));
  words.push('-o', 'BatchMode=yes', ...ALIVE);
  if (isShared && options.controlDirectory !== undefined) {
    words.push('-o', 'ControlMaster=auto', '-o', `ControlPath=${optionQuote(`${options.controlDirectory}/%C`)}`);
    words.push('-o', `ControlPersist=${options.persistSeconds}`);
  }
  const { lentUser } = options;
  // git hands this text to a shell, which takes assignments in front of a command.
  const lent = lentUser && [
    `LD_PRELOAD=${shellQuote(lentUser.library)}`,
    `NSS_WRAPPER_PASSWD=${shellQuote(lentUser.passwdFile)}`,
    'NSS_WRAPPER_GROUP=/etc/group',
  ];
  return [...(lent ?? []), options.command ?? 'ssh', ...words.map(shellQuote)].join(' ');
}
