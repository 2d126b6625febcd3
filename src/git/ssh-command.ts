/** What is needed to reach a server over ssh. */
export interface SshOptions {
  readonly keyFiles: readonly string[];
  /** `default` leaves it to ssh's own configuration. */
  readonly hostKeys: { readonly check: 'file'; readonly file: string } | { readonly check: 'none' | 'default' };
  /** The user's own GIT_SSH_COMMAND, taken as it is. */
  readonly command: string | undefined;
  readonly verbosity: number;
  /** Directory for the control socket of a shared connection; undefined: a connection for each command. */
  readonly controlDirectory: string | undefined;
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

function debugFlag(verbosity: number): string[] {
  if (verbosity >= 9) return ['-vvv'];
  if (verbosity >= 7) return ['-vv'];
  return verbosity >= 5 ? ['-v'] : [];
}

/**
 * The value of GIT_SSH_COMMAND. Paths may hold blanks. With a control directory the first command opens one
 * connection and those after it share it (ssh_config, ControlMaster): a poll then costs the server no login.
 */
export function sshCommand(options: SshOptions): string {
  const words = [...debugFlag(options.verbosity)];
  for (const key of options.keyFiles) words.push('-i', key);
  if (options.hostKeys.check === 'file') {
    words.push('-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${optionQuote(options.hostKeys.file)}`);
  } else if (options.hostKeys.check === 'none') {
    words.push('-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null');
  }
  words.push('-o', 'BatchMode=yes');
  if (options.controlDirectory !== undefined) {
    words.push('-o', 'ControlMaster=auto', '-o', `ControlPath=${optionQuote(`${options.controlDirectory}/%C`)}`);
    words.push(
      '-o',
      `ControlPersist=${options.persistSeconds}`,
      '-o',
      'ServerAliveInterval=15',
      '-o',
      'ServerAliveCountMax=2',
    );
  }
  return [options.command ?? 'ssh', ...words.map(shellQuote)].join(' ');
}
