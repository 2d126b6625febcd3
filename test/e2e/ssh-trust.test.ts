import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { diagnose } from '../doctor/kit.ts';
import { published, read, run } from '../kit/sidecar.ts';
import { sshd } from '../kit/sshd.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { type Sshd, type SshdOptions, signKey, sshUnavailable } from '../peers/sshd.ts';
import { until } from '../peers/wait.ts';

async function setUp(options: SshdOptions = {}) {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const oid = upstream.commit({ a: 'one' });
  const server = await sshd(join(dir, 'ssh'), options);
  const root = join(dir, 'root');
  const repo = (at: Sshd): string => `ssh://${userInfo().username}@127.0.0.1:${at.port}${upstream.bare}`;
  const place = [`--root=${root}`, '--link=link', '--one-time'];
  const args = [`--repo=${repo(server)}`, ...place];
  return { dir, upstream, oid, server, root, repo, place, args, link: join(root, 'link') };
}

/** A file of known hosts with these lines. */
function knownHosts(dir: string, ...lines: string[]): string {
  const path = join(dir, 'known hosts');
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

describe.skipIf(sshUnavailable())('--ssh-accept-new', () => {
  test('accepts the first key of a host, knows it after a restart, and refuses another one until its line is removed', async () => {
    const { dir, upstream, oid, server, args, link, root } = await setUp();
    const accept = [...args, `--ssh-key-file=${server.keyFile}`, '--ssh-accept-new', '--ssh-known-hosts-file=/none'];
    const first = await run(accept);
    expect(first.code, first.stderr).toBe(0);
    expect(published(link)).toBe(oid);
    const own = join(root, '.git-sidecar', 'known_hosts');
    const accepted = read(own);
    expect(accepted).toContain('ssh-ed25519');
    const second = upstream.commit({ a: 'two' });
    expect((await run(accept)).code).toBe(0);
    expect(published(link)).toBe(second);
    expect(read(own)).toBe(accepted);
    await server.stop();
    const other = await sshd(join(dir, 'other'), { port: server.port });
    const sameUser = accept.map((arg) => (arg.startsWith('--ssh-key-file=') ? `--ssh-key-file=${other.keyFile}` : arg));
    upstream.commit({ a: 'three' });
    const refused = await run(sameUser);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('ERR_REMOTE_HOST_KEY');
    expect(refused.stderr).toContain(`of ${own} has another key of [127.0.0.1]:${server.port}`);
    expect(published(link)).toBe(second);
    expect(read(own)).toBe(accepted);
    const [, command = ''] = /removes the old line: `([^`]+)`/.exec(refused.stderr) ?? [];
    expect(command).toBe(`ssh-keygen -R '[127.0.0.1]:${server.port}' -f '${own}'`);
    execFileSync('/bin/sh', ['-c', command], { stdio: 'ignore' });
    const again = await run(sameUser);
    expect(again.code, again.stderr).toBe(0);
  });

  test('a key that the file of known hosts denies is not accepted, and one that it has is not written again', async () => {
    const { dir, server, args, root } = await setUp();
    const accept = [...args, `--ssh-key-file=${server.keyFile}`, '--ssh-accept-new'];
    const revoked = knownHosts(dir, `@revoked ${server.lines.key}`);
    const refused = await run([...accept, `--ssh-known-hosts-file=${revoked}`]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('A line `@revoked`')]);
    expect((await run([...accept, `--ssh-known-hosts-file=${server.knownHostsFile}`])).code).toBe(0);
    expect(existsSync(join(root, '.git-sidecar', 'known_hosts'))).toBe(false);
  });

  test('follows no symbolic link that a neighbour has put in the place of its file', async () => {
    const { dir, server, args, root } = await setUp();
    const precious = join(dir, 'precious');
    writeFileSync(precious, 'mine\n');
    mkdirSync(join(root, '.git-sidecar'), { recursive: true });
    symlinkSync(precious, join(root, '.git-sidecar', 'known_hosts'));
    const accept = [`--ssh-key-file=${server.keyFile}`, '--ssh-accept-new', '--ssh-known-hosts-file=/none'];
    const { code, stderr } = await run([...args, ...accept]);
    expect(code, stderr).toBe(0);
    expect(read(precious)).toBe('mine\n');
    expect(read(root, '.git-sidecar', 'known_hosts')).toContain('ssh-ed25519');
  });

  test('doctor says what is known, and keeps nothing', async () => {
    const { server, args, root } = await setUp();
    mkdirSync(root);
    const accept = [`--ssh-key-file=${server.keyFile}`, '--ssh-accept-new', '--ssh-known-hosts-file=/none'];
    const places = args.filter((arg) => arg !== '--one-time');
    const before = await diagnose([...places, ...accept]);
    expect(before.stdout).toContain('is not known yet; the first key that it shows is accepted');
    expect(before.status, before.stdout).toBe(0);
    expect(existsSync(join(root, '.git-sidecar'))).toBe(false);
    expect((await run([...args, ...accept])).code).toBe(0);
    const after = await diagnose([...places, ...accept]);
    expect(after.stdout).toContain(`${join(root, '.git-sidecar', 'known_hosts')} has [127.0.0.1]:${server.port}`);
  });
});

describe.skipIf(sshUnavailable())('lines of --ssh-known-hosts-file', () => {
  test('hashed names are found', async () => {
    const { dir, oid, server, args, link } = await setUp();
    const file = knownHosts(dir, server.lines.key);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
    expect(read(file)).toMatch(/^\|1\|/);
    const { code, stderr } = await run([...args, `--ssh-key-file=${server.keyFile}`, `--ssh-known-hosts-file=${file}`]);
    expect(code, stderr).toBe(0);
    expect(published(link)).toBe(oid);
  });

  test('@cert-authority vouches for a host with a certificate for its name, and for no other', async () => {
    const { dir, oid, server, args, link } = await setUp({ certifiedFor: '127.0.0.1' });
    const file = knownHosts(dir, `@cert-authority ${server.lines.authority}`);
    const known = [...args, `--ssh-key-file=${server.keyFile}`, `--ssh-known-hosts-file=${file}`];
    const { code, stderr } = await run(known);
    expect(code, stderr).toBe(0);
    expect(published(link)).toBe(oid);
    const doctor = await diagnose(known.filter((arg) => arg !== '--one-time'));
    expect(doctor.stdout).toContain('authority ssh-ed25519');
    const other = await sshd(join(dir, 'other'), { certifiedFor: 'git.example.com' });
    const foreign = knownHosts(dir, `@cert-authority ${other.lines.authority}`);
    const repo = args.map((arg) => arg.replace(`:${server.port}/`, `:${other.port}/`));
    const refused = await run([...repo, `--ssh-key-file=${other.keyFile}`, `--ssh-known-hosts-file=${foreign}`]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('ERR_REMOTE_HOST_KEY')]);
  });

  test('@revoked refuses a key that another line accepts, and doctor says so', async () => {
    const { dir, server, args } = await setUp();
    const file = knownHosts(dir, server.lines.key, `@revoked ${server.lines.key}`);
    const known = [...args, `--ssh-key-file=${server.keyFile}`, `--ssh-known-hosts-file=${file}`];
    const { code, stderr } = await run(known);
    expect([code, stderr]).toEqual([1, expect.stringContaining('ERR_REMOTE_HOST_KEY')]);
    expect(stderr).toContain('do not remove the line');
    const doctor = await diagnose(known.filter((arg) => arg !== '--one-time'));
    expect(doctor.stdout).toContain('1 of its keys are revoked');
    expect(doctor.status).toBe(1);
  });
});

describe.skipIf(sshUnavailable())('ssh certificates of users', () => {
  const me = userInfo().username;

  test('one beside the key is used, one elsewhere with --ssh-certificate-file', async () => {
    const { dir, oid, server, args, link, upstream } = await setUp({ takesCertificates: true });
    const known = [...args, `--ssh-known-hosts-file=${server.knownHostsFile}`];
    const key = `--ssh-key-file=${server.strangerKeyFile}`;
    const without = await run([...known, key]);
    expect([without.code, without.stderr]).toEqual([1, expect.stringContaining('ERR_REMOTE_AUTH')]);
    signKey(server.authorityFile, server.strangerKeyFile, ['-n', me]);
    const beside = await run([...known, key]);
    expect(beside.code, beside.stderr).toBe(0);
    expect(published(link)).toBe(oid);
    const elsewhere = join(dir, 'the certificate');
    renameSync(`${server.strangerKeyFile}-cert.pub`, elsewhere);
    const second = upstream.commit({ a: 'two' });
    expect((await run([...known, key])).code).toBe(1);
    const named = await run([...known, key, `--ssh-certificate-file=${elsewhere}`]);
    expect(named.code, named.stderr).toBe(0);
    expect(published(link)).toBe(second);
    const missingFile = await run([...known, key, '--ssh-certificate-file=/no/certificate']);
    expect(missingFile.stderr).toContain('the certificate /no/certificate: there is no such file');
  });

  test('doctor says whom a certificate is for, and that one has ended', async () => {
    const { server, args } = await setUp({ takesCertificates: true });
    const words = args.filter((arg) => arg !== '--one-time');
    const known = [...words, `--ssh-known-hosts-file=${server.knownHostsFile}`];
    const key = `--ssh-key-file=${server.strangerKeyFile}`;
    signKey(server.authorityFile, server.strangerKeyFile, ['-n', `${me},other`]);
    expect((await diagnose([...known, key])).stdout).toContain(`-cert.pub: for ${me}, other, for ever`);
    rmSync(`${server.strangerKeyFile}-cert.pub`);
    signKey(server.authorityFile, server.strangerKeyFile, ['-n', me, '-V', '20200101000000:20210101000000']);
    const { stdout, status } = await diagnose([...known, key]);
    expect(stdout).toMatch(/✗ ssh certificate +\S.*: it ended on 2021-01-01T/);
    expect(status).toBe(1);
  });
});

describe.skipIf(sshUnavailable() || missing('ssh-agent', 'ssh-add'))('--ssh-agent', () => {
  const agents: ChildProcess[] = [];
  afterEach(async () => {
    for (const agent of agents.splice(0)) {
      const gone = new Promise((done) => agent.once('close', done));
      agent.kill();
      await gone;
    }
  });

  /** A real agent with these keys. @returns its socket */
  async function agentWith(dir: string, ...keys: string[]): Promise<string> {
    const socket = join(dir, 'agent');
    agents.push(spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' }));
    await until('the agent has its socket', () => existsSync(socket));
    for (const key of keys) {
      // ssh-add wants the key for itself alone.
      const copy = join(dir, 'for-the-agent');
      copyFileSync(key, copy);
      execFileSync('ssh-add', ['-q', copy], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'ignore' });
      rmSync(copy);
    }
    return socket;
  }

  test('uses the keys of an agent, by its path or by the variable, and no key file', async () => {
    const { dir, oid, upstream, server, args, link } = await setUp();
    const socket = await agentWith(dir, server.keyFile);
    const known = [...args, `--ssh-known-hosts-file=${server.knownHostsFile}`];
    const byPath = await run([...known, `--ssh-agent=${socket}`]);
    expect(byPath.code, byPath.stderr).toBe(0);
    expect(published(link)).toBe(oid);
    const second = upstream.commit({ a: 'two' });
    const byName = await run([...known, '--ssh-agent=SSH_AUTH_SOCK'], { SSH_AUTH_SOCK: socket });
    expect(byName.code, byName.stderr).toBe(0);
    expect(published(link)).toBe(second);
    const doctor = await diagnose([...known.filter((arg) => arg !== '--one-time'), `--ssh-agent=${socket}`]);
    expect(doctor.stdout).toMatch(/✓ ssh agent +\S+: 256 SHA256:\S+/);
    expect(doctor.stdout).toContain(`accepted: the keys of the agent at ${socket}`);
    expect(doctor.status, doctor.stdout).toBe(0);
  });

  test('an agent that is not there, and a variable that is not set, are said', async () => {
    const { dir, server, args } = await setUp();
    const known = [...args, `--ssh-known-hosts-file=${server.knownHostsFile}`];
    const missingAgent = await run([...known, `--ssh-agent=${join(dir, 'nobody')}`]);
    expect(missingAgent.code).toBe(1);
    expect(missingAgent.stderr).toContain(`the socket of the agent ${join(dir, 'nobody')}: there is no such file`);
    const unset = await run([...known, '--ssh-agent=SSH_AUTH_SOCK']);
    expect([unset.code, unset.stderr]).toEqual([1, expect.stringContaining('needs this variable to be set')]);
    const doctor = await diagnose([...known.filter((arg) => arg !== '--one-time'), '--ssh-agent=/nobody']);
    expect(doctor.stdout).toMatch(/✗ ssh agent +\/nobody: there is no such file/);
  });
});
