import { readFile } from 'node:fs/promises';
import { findProgram } from '../platform/find-program.ts';
import type { GitAccess } from '../remote/git-access.ts';
import type { RemoteUrl } from '../remote/url.ts';
import { checkAddress } from './address.ts';
import type { Check, Examination } from './examination.ts';
import { none, ok, wrong } from './finding.ts';
import type { GitTools } from './git-tools.ts';
import { checkAcceptedHosts, checkKnownHosts, type KnownHost } from './known-hosts.ts';
import type { Parts } from './parts.ts';
import { certificatesOf, checkSshAgent, checkSshCertificate } from './ssh-identity.ts';
import { checkKey } from './ssh-key.ts';

export interface SshWayPlan {
  readonly access: GitAccess & { readonly remote: RemoteUrl };
  readonly tools: GitTools;
  readonly prefix: string;
  /** Where `--ssh-accept-new` keeps the keys that it accepted. */
  readonly knownHosts: string;
}

/** What each key is, once it was looked at. */
export type OfferedKeys = readonly (() => string)[];

interface Destination {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
}

/** Where a URL or a scp-like address leads to. */
function destinationOf({ fetchUrl, host = '' }: RemoteUrl): Destination {
  const [, bare = host, port] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(host) ?? [];
  const user = /^(?:[^:/]+:\/\/)?([^@/]+)@/.exec(fetchUrl)?.[1];
  return { user, host: bare.replace(/^\[|\]$/g, ''), port: port === undefined ? undefined : Number(port) };
}

interface Resolved extends KnownHost {
  /** A program or another host stands between. */
  readonly isIndirect: boolean;
}

/**
 * What ssh makes of the destination: its own configuration may name another host, port or way (`ssh -G`). A program of
 * the user's in its place is not asked, since it may not know that option and connect.
 */
async function resolve({ access, tools }: SshWayPlan, { runner }: Parts, signal: AbortSignal): Promise<Resolved> {
  const { user, host, port } = destinationOf(access.remote);
  const plain = { host, port: port ?? 22, isIndirect: false };
  if (access.ssh.command !== undefined) return plain;
  const env = tools.hermetic.environment();
  const words = [
    '-G',
    ...(port === undefined ? [] : ['-p', String(port)]),
    user === undefined ? host : `${user}@${host}`,
  ];
  const args = ['-c', `${env.GIT_SSH_COMMAND} "$@"`, 'ssh', ...words];
  const result = await runner.run({ file: 'sh', args, env, signal }).catch(() => undefined);
  if (result?.code !== 0) return plain;
  const of = (name: string): string | undefined =>
    new RegExp(`^${name} (.+)$`, 'm').exec(result.stdout.toString())?.[1];
  const isIndirect = ['proxycommand', 'proxyjump'].some((name) => (of(name) ?? 'none') !== 'none');
  return { host: of('hostkeyalias') ?? of('hostname') ?? host, port: Number(of('port')) || plain.port, isIndirect };
}

/** The program that git starts for ssh: the first word that sets no variable. */
function programOf({ ssh }: GitAccess): string {
  const words = (ssh.command ?? 'ssh').trim().split(/\s+/);
  return (words.find((word) => !/^\w+=/.test(word)) ?? 'ssh').replace(/^['"]|['"]$/g, '');
}

async function hasUserEntry(): Promise<boolean> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  return passwd.split('\n').some((line) => line.split(':')[2] === String(process.getuid?.() ?? 0));
}

function checkProgram(examination: Examination, { access, prefix, tools }: SshWayPlan): Check {
  const program = programOf(access);
  return examination.check({
    name: `${prefix}ssh program`,
    target: program,
    look: async () => {
      const found = await findProgram(program, access.environment.PATH);
      if (found === undefined)
        return wrong(
          'there is no such program on PATH',
          'install the ssh client (Debian: openssh-client), or name it in GIT_SSH_COMMAND',
        );
      const isLent = /NSS_WRAPPER_PASSWD=/.test(tools.hermetic.environment().GIT_SSH_COMMAND ?? '');
      if (!isLent && !(await hasUserEntry()))
        return wrong(
          `ssh works only for a user with an entry in /etc/passwd, and ${process.getuid?.()} has none`,
          'set `--add-user`, or install libnss_wrapper (Debian: libnss-wrapper)',
        );
      return ok(found);
    },
  });
}

/** Program, keys, known hosts and connection. */
export async function checkWayOverSsh(
  examination: Examination,
  plan: SshWayPlan,
  parts: Parts,
): Promise<{ readonly checks: readonly Check[]; readonly keys: OfferedKeys }> {
  const { access, tools, prefix } = plan;
  const { keyFiles, hostKeys, certificateFiles, agent } = access.ssh;
  const env = tools.hermetic.environment();
  const program = checkProgram(examination, plan);
  const described = new Map<string, string>();
  const keys = keyFiles.map((path) =>
    examination.check({
      name: `${prefix}ssh key`,
      target: path,
      look: async (signal) => await checkKey(path, env, parts, (text) => described.set(path, text), signal),
    }),
  );
  const certificates = (await certificatesOf(certificateFiles, keyFiles)).map((path) =>
    examination.check({
      name: `${prefix}ssh certificate`,
      target: path,
      look: async (signal) => await checkSshCertificate(path, env, parts, signal),
    }),
  );
  const agents = (agent === undefined ? [] : [agent]).map((socket) =>
    examination.check({
      name: `${prefix}ssh agent`,
      target: socket,
      look: async (signal) => await checkSshAgent(socket, env, parts, signal),
    }),
  );
  const server = await resolve(plan, parts, AbortSignal.timeout(RESOLVE_MS));
  const known = examination.check({
    name: `${prefix}known hosts`,
    target: server.host,
    look: async (signal) => {
      if (hostKeys.check === 'none') return none('keys of hosts are not checked');
      if (hostKeys.check === 'default') return none('it is left to the settings of ssh');
      if (hostKeys.check === 'file') return await checkKnownHosts(hostKeys.file, server, env, parts, signal);
      return await checkAcceptedHosts([plan.knownHosts, hostKeys.file], server, env, parts, signal);
    },
  });
  const names = { dns: `${prefix}dns`, tcp: `${prefix}tcp` };
  const tcp = server.isIndirect
    ? examination.check({
        name: names.tcp,
        target: server.host,
        look: () => none('ssh goes through another host or program'),
      })
    : checkAddress(examination, server, names);
  return {
    // Of several keys one may be bad: ssh takes another one.
    checks: [
      program,
      ...(keys.length === 1 && agent === undefined ? keys : []),
      ...certificates,
      ...(keys.length === 0 ? agents : []),
      known,
      tcp,
    ],
    keys: [
      ...(agent === undefined ? [] : [() => `the keys of the agent at ${agent}`]),
      ...keyFiles.map((path) => () => `${described.get(path) ?? 'the key'} (${path})`),
    ],
  };
}

/** `ssh -G` reads files and asks nobody. */
const RESOLVE_MS = 3000;
