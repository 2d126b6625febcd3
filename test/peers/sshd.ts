import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type Prefix, stopAll } from './children.ts';
import { notTried } from './not-tried.ts';
import { freePort, listening } from './ports.ts';
import { findProgram, missing } from './programs.ts';

const SSHD_PROGRAMS = ['sshd', 'ssh', 'ssh-keygen'];

/** For `skipIf`: true, with the reason printed, when no sshd can be had or would let this user in. */
export function sshUnavailable(): boolean {
  const { shell, username } = userInfo();
  if (!/nologin$|false$/.test(shell ?? '')) return missing(...SSHD_PROGRAMS);
  notTried(`${username} may not log in over ssh`);
  return true;
}

export interface SshdOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** The host shows a certificate of a CA, for these names. */
  readonly certifiedFor?: string;
  /** Users with a certificate of the same CA are let in. */
  readonly takesCertificates?: boolean;
}

export interface Sshd {
  /** Signs hosts and users; made where an option asks for it. */
  readonly authorityFile: string;
  /** The line of the host's own key, and one for its authority, without a marker. */
  readonly lines: { readonly key: string; readonly authority: string };
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

/** Makes `KEY-cert.pub` beside the key. @param options of ssh-keygen */
export function signKey(authorityFile: string, keyFile: string, options: readonly string[]): void {
  execFileSync('ssh-keygen', ['-q', '-s', authorityFile, '-I', 'test', ...options, `${keyFile}.pub`]);
}

/** A real sshd on loopback that lets the current user in with one key. */
export async function startSshd(
  directory: string,
  prefix: Prefix = [],
  { port: wanted, certifiedFor, takesCertificates }: SshdOptions = {},
): Promise<Sshd> {
  const keys = join(directory, 'my keys');
  mkdirSync(keys, { recursive: true });
  // sshd wants its privilege separation directory; only root can make it, and only root's sshd needs it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  for (const name of ['host', 'known', 'stranger']) makeKey(join(keys, name));
  writeFileSync(join(directory, 'authorized'), readFileSync(join(keys, 'known.pub')));
  const authorityFile = join(keys, 'authority');
  if (certifiedFor !== undefined || takesCertificates) makeKey(authorityFile);
  if (certifiedFor !== undefined) signKey(authorityFile, join(keys, 'host'), ['-h', '-n', certifiedFor]);
  const port = wanted ?? (await freePort());
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
    ...(certifiedFor === undefined ? [] : [`HostCertificate="${join(keys, 'host-cert.pub')}"`]),
    ...(takesCertificates ? [`TrustedUserCAKeys="${authorityFile}.pub"`] : []),
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
  const lineOf = (path: string): string => {
    const [type, key] = readFileSync(`${path}.pub`, 'utf8').split(' ');
    return `[127.0.0.1]:${port} ${type} ${key}`;
  };
  const key = lineOf(join(keys, 'host'));
  const knownHostsFile = join(keys, 'known_hosts');
  writeFileSync(knownHostsFile, `${key}\n`);
  return {
    port,
    authorityFile,
    lines: { key, authority: certifiedFor === undefined ? '' : lineOf(authorityFile) },
    knownHostsFile,
    keyFile: join(keys, 'known'),
    strangerKeyFile: join(keys, 'stranger'),
    log: () => readFileSync(logFile, 'utf8'),
    stop: () => stopAll([child]),
  };
}
