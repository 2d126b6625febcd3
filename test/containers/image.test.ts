import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nginx } from '../kit/nginx.ts';
import { BASE, Container, IMAGE, runContainer, volume } from '../kit/podman.ts';
import { sshd } from '../kit/sshd.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { delay, until } from '../peers/wait.ts';

async function guarded() {
  const dir = tempDir();
  const upstream = new Upstream(join(dir, 'srv'));
  const first = upstream.commit({ a: 'one' });
  const server = await nginx(join(dir, 'nginx'), { projectRoot: join(dir, 'srv'), users: { jylee: 'mypassword' } });
  return { dir, upstream, first, url: `${server.url}/repo.git` };
}

const sharedHistory = (image: string, git: string, path: string): string =>
  runContainer(['-v', `${git}:/git`, '--entrypoint=/bin/cat'], image, path).stdout;

describe('the image', () => {
  test('git-sync’s entry point, user, home and root; the programs that it needs', () => {
    expect(runContainer([], IMAGE, '--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const asked = runContainer(
      ['--entrypoint=/bin/sh'],
      IMAGE,
      '-c',
      'id -u; id -g; echo $HOME $PWD $GITSYNC_ROOT; for p in git ssh git-lfs tar gzip curl; do command -v $p > /dev/null || echo no $p; done; ls -l /git-sync /git-sidecar | wc -l',
    );
    expect(asked.stdout).toBe('65533\n65533\n/tmp /tmp /git\n2\n');
  });

  test('git-sync’s lines in /etc/passwd and /etc/group, its mode, and its group for whoever names no group', () => {
    const said = (...options: string[]): string =>
      runContainer([...options, '--entrypoint=/bin/sh'], IMAGE, '-c', 'id -u; id -g').stdout;
    const { stdout } = runContainer(
      ['--passwd=false', '--entrypoint=/bin/sh'],
      IMAGE,
      '-c',
      'grep -h ^git-sync: /etc/passwd /etc/group; stat -c %a /etc/passwd',
    );
    expect(stdout).toBe('git-sync:x:65533:65533::/tmp:/sbin/nologin\ngit-sync:x:65533:git-sync\n666\n');
    for (const user of ['65533', 'git-sync', '65533:65533'])
      expect(said('--passwd=false', `--user=${user}`), user).toBe('65533\n65533\n');
  });

  test.each([
    ['its own user', []],
    ['the user’s name', ['--user=git-sync']],
    ['an arbitrary user', ['--user=1234567:0']],
    ['an arbitrary user where nothing but /tmp can be written', ['--user=1234567:0', '--read-only', '--tmpfs=/tmp']],
  ])('Airflow’s Pod starts as %s: --add-user', async (_who, user) => {
    const { url, first } = await guarded();
    const git = volume();
    const both = (name: string, value: string): string[] => [
      '-e',
      `GIT_SYNC_${name}=${value}`,
      '-e',
      `GITSYNC_${name}=${value}`,
    ];
    const { status, stderr } = runContainer(
      [
        ...['--passwd=false', ...user, '-v', `${git}:/git`],
        ...both('REPO', url),
        ...both('ROOT', '/git'),
        ...both('ADD_USER', 'true'),
        ...both('ONE_TIME', 'true'),
        ...both('USERNAME', 'jylee'),
        ...both('PASSWORD', 'mypassword'),
        ...['-e', 'GIT_SYNC_DEST=repo', '-e', 'GITSYNC_LINK=repo', '-e', 'GIT_SYNC_REV=HEAD', '-e', 'GITSYNC_REF=HEAD'],
      ],
      IMAGE,
    );
    expect(status, stderr).toBe(0);
    expect(stderr).toContain(first);
    expect(stderr).not.toContain('"severity":"warning","msg":"GITSYNC_ROOT');
  });

  test.each([
    ['its own user', []],
    ['an arbitrary user', ['--user=1234567:0']],
  ])('syncs with a read-only root file system as %s', async (_who, user) => {
    const { url, first } = await guarded();
    const git = volume();
    const options = [...user, '--read-only', '--tmpfs=/tmp:mode=1777', '-v', `${git}:/git`];
    const { status, stderr } = runContainer(
      [...options, '-e', 'GITSYNC_USERNAME=jylee', '-e', 'GITSYNC_PASSWORD=mypassword'],
      IMAGE,
      `--repo=${url}`,
      '--link=current',
      '--one-time',
    );
    expect(stderr).toContain(first);
    expect(status).toBe(0);
    expect(sharedHistory(IMAGE, git, '/git/current/a')).toBe('one');
  });

  test.each([
    ['without --add-user', []],
    ['with --add-user', ['--add-user']],
  ])('ssh works %s for a user without an entry in /etc/passwd, which cannot be written', async (_how, more) => {
    const dir = tempDir();
    const upstream = new Upstream(join(dir, 'srv'));
    upstream.commit({ a: 'over ssh' });
    const server = await sshd(join(dir, 'ssh'));
    const keys = tempDir();
    copyFileSync(server.keyFile, join(keys, 'ssh'));
    copyFileSync(server.knownHostsFile, join(keys, 'known_hosts'));
    chmodSync(join(keys, 'ssh'), 0o644);
    chmodSync(keys, 0o755);
    const git = volume();
    const url = `ssh://${userInfo().username}@127.0.0.1:${server.port}${upstream.bare}`;
    const options = ['--link=current', '--one-time', '--ssh-key-file=/tmp/key', ...more];
    const known = '--ssh-known-hosts-file=/etc/git-secret/known_hosts';
    const secret = ['--mount', `type=bind,src=${keys},dst=/etc/git-secret,ro`];
    const { status, stderr } = runContainer(
      // A key that others may read is refused by ssh; in a Pod fsGroup gives it to the user's group. Here it is copied.
      [
        '--user=1234567:0',
        '--passwd=false',
        '--read-only',
        '--tmpfs=/tmp:mode=1777',
        '-v',
        `${git}:/git`,
        ...secret,
        '--entrypoint=/bin/sh',
      ],
      IMAGE,
      '-c',
      `umask 077; cp /etc/git-secret/ssh /tmp/key; exec /git-sync --repo=${url} ${known} ${options.join(' ')}`,
    );
    expect(stderr).toContain('published');
    expect(status).toBe(0);
    expect(sharedHistory(IMAGE, git, '/git/current/a')).toBe('over ssh');
  });

  test('as process 1 it ends at once when it is told to, and leaves no zombies', async () => {
    const { url } = await guarded();
    const container = new Container(
      ['-e', 'GITSYNC_USERNAME=jylee', '-e', 'GITSYNC_PASSWORD=mypassword'],
      IMAGE,
      `--repo=${url}`,
      '--period=50ms',
    );
    await until('it is published', () => container.logs().includes('"published"'));
    // A git that goes into the background leaves a child to process 1.
    container.exec('sh', '-c', '(sleep 0.1 &) ; true');
    await delay(500);
    expect(container.exec('sh', '-c', "cat /proc/[0-9]*/status | grep -c '^State:.Z' || true").trim()).toBe('0');
    const before = Date.now();
    expect(container.stop()).toBe(143);
    expect(Date.now() - before).toBeLessThan(9000);
  });
});

describe('the articles, on containers', () => {
  test('the first: unchanged arguments, credentials from a secret, the unmodified inotify script in the app container', async () => {
    const { dir, upstream, first, url } = await guarded();
    const git = volume();
    const secret = join(dir, 'secret.env');
    writeFileSync(secret, 'GIT_SYNC_USERNAME=jylee\nGIT_SYNC_PASSWORD=mypassword\n');
    writeFileSync(
      join(dir, 'entrypoint.sh'),
      `#!/bin/bash
inotifywait -m -e delete /git | while read -r directory events filename; do
  cp -fR /git/synchronized/. /app/
  echo "deployed $(cat /app/a)"
done
`,
    );
    chmodSync(join(dir, 'entrypoint.sh'), 0o755);
    upstream.git('checkout', '-q', '-b', 'develop');
    upstream.push();
    const app = new Container(
      [
        '-v',
        `${git}:/git:ro`,
        '--tmpfs=/app',
        '--mount',
        `type=bind,src=${join(dir, 'entrypoint.sh')},dst=/entrypoint.sh,ro`,
      ],
      BASE,
      '/entrypoint.sh',
    );
    const sync = new Container(
      ['--env-file', secret, '-v', `${git}:/git`],
      IMAGE,
      `--repo=${url}`,
      '--branch=develop',
      '--depth=1',
      '--root=/git',
      '--dest=synchronized',
    );
    await until(
      () => `it syncs\n${sync.logs()}`,
      () => sync.logs().includes(first),
      30_000,
    );
    await delay(500);
    upstream.commit({ a: 'two' });
    await until(
      () => `the script deploys\n${app.logs()}\n${sync.logs()}`,
      () => app.logs().includes('deployed two'),
      30_000,
    );
    upstream.commit({ a: 'three' });
    await until(
      () => `and again\n${app.logs()}`,
      () => app.logs().includes('deployed three'),
      30_000,
    );
    expect(app.logs().match(/^deployed/gm)).toHaveLength(2);
  });

  test('the second: variables of v3.1.1, nothing else: the link and what is behind it', async () => {
    const dir = tempDir();
    const upstream = new Upstream(join(dir, 'srv'), 'gitops-argocd.git', { branch: 'master' });
    const first = upstream.commit({ 'service.yaml': 'port: 80' });
    const server = await nginx(join(dir, 'nginx'), { projectRoot: join(dir, 'srv') });
    const git = volume();
    const main = new Container(['-v', `${git}:/git`], BASE, 'sleep', '1000000');
    new Container(
      [
        '-v',
        `${git}:/git`,
        '-e',
        `GIT_SYNC_REPO=${server.url}/gitops-argocd.git`,
        '-e',
        'GIT_SYNC_BRANCH=master',
        '-e',
        'GIT_SYNC_ROOT=/git',
      ],
      IMAGE,
    );
    await until('it syncs', () => main.ask('cat', '/git/gitops-argocd.git/service.yaml') === 'port: 80', 30_000);
    expect(main.exec('readlink', '/git/gitops-argocd.git')).toBe(`${first}\n`);
    upstream.commit({ 'service.yaml': 'port: 8080' });
    await until(
      'the change arrives',
      () => main.ask('cat', '/git/gitops-argocd.git/service.yaml') === 'port: 8080',
      30_000,
    );
  });

  test('the same with run: no script, in an image that has no git-sidecar; a bad push changes nothing', async () => {
    const dir = tempDir();
    const upstream = new Upstream(join(dir, 'srv'));
    upstream.commit({ 'app.sh': 'echo one > /tmp/running; exec sleep 1000' });
    const server = await nginx(join(dir, 'nginx'), { projectRoot: join(dir, 'srv') });
    const [git, sidecar] = [volume(), volume()];
    expect(
      runContainer(['-v', `${sidecar}:/sidecar`, '--entrypoint=/git-sidecar'], IMAGE, 'install', '/sidecar').status,
    ).toBe(0);
    new Container(
      ['-v', `${git}:/git`],
      IMAGE,
      `--repo=${server.url}/repo.git`,
      '--link=current',
      '--period=200ms',
      '--max-failures=-1',
    );
    const app = new Container(
      ['--user=65533', '--read-only', '--tmpfs=/tmp:mode=1777', '-v', `${git}:/git:ro`, '-v', `${sidecar}:/sidecar:ro`],
      BASE,
      '/sidecar/git-sidecar',
      'run',
      '--link=/git/current',
      '--ready-delay=300ms',
      '--',
      'sh',
      'app.sh',
    );
    await until(
      () => `it runs\n${app.logs()}`,
      () => app.ask('cat', '/tmp/running') === 'one\n',
      30_000,
    );
    const two = upstream.commit({ 'app.sh': 'echo two > /tmp/running; exec sleep 1000' });
    await until(
      () => `the change runs, and has proven itself\n${app.logs()}`,
      () => app.ask('cat', '/tmp/running') === 'two\n' && app.logs().includes(`"${two}","outcome":"deployed"`),
      30_000,
    );
    const bad = upstream.commit({ 'app.sh': 'exit 1' });
    await until(
      () => `it is refused\n${app.logs()}`,
      () => app.logs().includes(`"${bad}","outcome":"failed"`),
      30_000,
    );
    await until(
      'the old one runs again',
      () => (app.ask('sh', '-c', 'cat /proc/[0-9]*/cmdline') ?? '').includes('sleep'),
      30_000,
    );
    expect(app.ask('cat', '/tmp/running')).toBe('two\n');
    expect(app.stop()).toBe(143);
  });
});
