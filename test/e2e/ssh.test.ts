import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { sshd } from '../kit/sshd.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { sshUnavailable } from '../peers/sshd.ts';
import { delay } from '../peers/wait.ts';

describe.skipIf(sshUnavailable())('sync over a real sshd', () => {
  async function setUp() {
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const oid = upstream.commit({ a: 'one' });
    const server = await sshd(join(dir, 'ssh'));
    const root = join(dir, 'root');
    const repo = `ssh://${userInfo().username}@127.0.0.1:${server.port}${upstream.bare}`;
    return { upstream, oid, server, root, repo, link: join(root, 'repo.git') };
  }

  test('polls over one shared connection: many polls, one login', async () => {
    const { upstream, oid, server, root, repo, link } = await setUp();
    const process = sidecar([
      `--repo=${repo}`,
      `--root=${root}`,
      '--period=50ms',
      `--ssh-key-file=${server.keyFile}`,
      `--ssh-known-hosts-file=${server.knownHostsFile}`,
    ]);
    await untilPublished(link, oid, process);
    await delay(500);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    expect(read(link, 'a')).toBe('two');
    await process.stop();
    expect(server.log().match(/Accepted publickey/g)).toHaveLength(1);
    expect(server.log()).toMatch(/Disconnected from|Received disconnect|Connection closed/);
  });

  test('shares it also where the temporary directory has a path too long for a socket, and leaves nothing of it', async () => {
    const { upstream, oid, server, root, repo, link } = await setUp();
    const long = join(tempDir(), 'a-directory-for-temporary-files-that-a-system-chose-by-itself');
    mkdirSync(long);
    // Its name is the same for each process with this temporary directory, root and link.
    const nameOf = (identity: string): string =>
      `git-sidecar-${createHash('sha256').update(identity).digest('hex').slice(0, 12)}`;
    const short = join('/tmp', nameOf(join(long, nameOf(`${root}\n${link}`))));
    const process = sidecar(
      [
        `--repo=${repo}`,
        `--root=${root}`,
        '--period=50ms',
        `--ssh-key-file=${server.keyFile}`,
        `--ssh-known-hosts-file=${server.knownHostsFile}`,
      ],
      { TMPDIR: long },
    );
    await untilPublished(link, oid, process);
    expect(existsSync(short)).toBe(true);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    await process.stop();
    expect(server.log().match(/Accepted publickey/g)).toHaveLength(1);
    expect(readdirSync(long)).toEqual([]);
    expect(existsSync(short)).toBe(false);
  });

  test('tries several keys until one fits', async () => {
    const { oid, server, root, repo, link } = await setUp();
    const { code, stderr } = await run([
      `--repo=${repo}`,
      `--root=${root}`,
      '--one-time',
      `--ssh-key-file=${server.strangerKeyFile}`,
      `--ssh-key-file=${server.keyFile}`,
      `--ssh-known-hosts-file=${server.knownHostsFile}`,
    ]);
    expect(code, stderr).toBe(0);
    await untilPublished(link, oid);
  });

  test('a strange host key is its own error, and --ssh-known-hosts=false accepts it', async () => {
    const { server, root, repo } = await setUp();
    const args = [`--repo=${repo}`, `--root=${root}`, '--one-time', `--ssh-key-file=${server.keyFile}`];
    const refused = await run([...args, '--ssh-known-hosts-file=/dev/null']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('ERR_REMOTE_HOST_KEY');
    expect((await run([...args, '--ssh-known-hosts=false'])).code).toBe(0);
  });

  test('a key that the server does not know is an authentication error', async () => {
    const { server, root, repo } = await setUp();
    const { code, stderr } = await run([
      `--repo=${repo}`,
      `--root=${root}`,
      '--one-time',
      `--ssh-key-file=${server.strangerKeyFile}`,
      `--ssh-known-hosts-file=${server.knownHostsFile}`,
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_REMOTE_AUTH');
  });

  test('scp-like addresses work, with GIT_SSH_COMMAND in front of our options', async () => {
    const { upstream, oid, server, root, link } = await setUp();
    const { code, stderr } = await run(
      [
        `--repo=${userInfo().username}@127.0.0.1:${upstream.bare}`,
        `--root=${root}`,
        '--one-time',
        `--ssh-key-file=${server.keyFile}`,
        '--ssh-known-hosts=false',
      ],
      { GIT_SSH_COMMAND: `ssh -p ${server.port}` },
    );
    expect(code, stderr).toBe(0);
    await untilPublished(link, oid);
  });

  test('v3 with --ssh reads its key and known hosts from v3’s variables', async () => {
    const { oid, server, root, repo, link } = await setUp();
    const { code, stderr } = await run([], {
      GIT_SYNC_REPO: repo,
      GIT_SYNC_ROOT: root,
      GIT_SYNC_BRANCH: 'main',
      GIT_SYNC_SSH: 'true',
      GIT_SYNC_ONE_TIME: 'true',
      GIT_SSH_KEY_FILE: server.keyFile,
      GIT_KNOWN_HOSTS: 'true',
      GIT_SSH_KNOWN_HOSTS_FILE: server.knownHostsFile,
    });
    expect(code, stderr).toBe(0);
    await untilPublished(link, oid);
  });
});
