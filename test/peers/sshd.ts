import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type Prefix, stopAll } from './children.ts';
import { freePort, listening } from './ports.ts';
import { findProgram, missing } from './programs.ts';

const SSHD_PROGRAMS = ['sshd', 'ssh', 'ssh-keygen'];

/** For `skipIf`: true, with the reason printed, when no sshd can be had or would let this user in. */
export function sshUnavailable(): boolean {
  const { shell, username } = userInfo();
  if (!/nologin$|false$/.test(shell ?? '')) return missing(...SSHD_PROGRAMS);
  process.stderr.write(`left out, since ${username} may not log in over ssh\n`);
  return true;
}

export interface Sshd {
  readonly port: number;
  /** Key that the server accepts, in a directory with a blank in its name. */
  readonly keyFile: string;
  /** Key that the server does not know. */
  readonly strangerKeyFile: string;
  readonly knownHostsFile: string;
  /** Everything sshd logged; one line `Accepted publickey` a login. */
  log(): string;
  stop(): Promise<void>;
}

function makeKey(path: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
}

/** A real sshd on loopback that lets the current user in with one key. */
export async function startSshd(directory: string, prefix: Prefix = []): Promise<Sshd> {
  const keys = join(directory, 'my keys');
  mkdirSync(keys, { recursive: true });
  // sshd wants its privilege separation directory; only root can make it, and only root's sshd needs it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  for (const name of ['host', 'known', 'stranger']) makeKey(join(keys, name));
  writeFileSync(join(directory, 'authorized'), readFileSync(join(keys, 'known.pub')));
  const port = await freePort();
  const logFile = join(directory, 'sshd.log');
  const options = [
    `ListenAddress=127.0.0.1`,
    `HostKey="${join(keys, 'host')}"`,
    `AuthorizedKeysFile=${join(directory, 'authorized')}`,
    'StrictModes=no',
    'UsePAM=no',
    `PidFile=${join(directory, 'sshd.pid')}`,
    'AcceptEnv=GIT_PROTOCOL',
    'PermitRootLogin=yes',
    'LogLevel=VERBOSE',
    // bash reads ~/.bashrc for an ssh command unless it believes it runs inside another shell.
    'SetEnv=SHLVL=2',
  ];
  const args = [
    '-D',
    '-f',
    '/dev/null',
    '-p',
    String(port),
    '-E',
    logFile,
    ...options.flatMap((option) => ['-o', option]),
  ];
  const [file = '', ...rest] = [...prefix, findProgram('sshd') ?? 'sshd', ...args];
  const child = spawn(file, rest, { stdio: 'ignore', detached: true });
  await listening(port);
  const [type, key] = readFileSync(join(keys, 'host.pub'), 'utf8').split(' ');
  const knownHostsFile = join(keys, 'known_hosts');
  writeFileSync(knownHostsFile, `[127.0.0.1]:${port} ${type} ${key}\n`);
  return {
    port,
    knownHostsFile,
    keyFile: join(keys, 'known'),
    strangerKeyFile: join(keys, 'stranger'),
    log: () => readFileSync(logFile, 'utf8'),
    stop: () => stopAll([child]),
  };
}
