import { copyFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nginx } from '../kit/nginx.ts';
import { BASE, buildImage, Container, IMAGE, runContainer, volume } from '../kit/podman.ts';
import { sshd } from '../kit/sshd.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';
import { until } from '../peers/wait.ts';

/** As little as a Pod can have: no capability, no way to get one, nothing to write but /tmp, only the calls of the profile. */
const CONFINED = [
  '--cap-drop=all',
  '--security-opt=no-new-privileges',
  `--security-opt=seccomp=${resolve('deploy/seccomp.json')}`,
  '--read-only',
  '--tmpfs=/tmp:mode=1777',
];

async function served() {
  const dir = tempDir();
  const upstream = new Upstream(join(dir, 'srv'));
  const first = upstream.commit({ a: 'one', 'app.sh': 'echo running > /tmp/running; exec sleep 1000' });
  const server = await nginx(join(dir, 'nginx'), { projectRoot: join(dir, 'srv') });
  return { dir, upstream, first, url: `${server.url}/repo.git` };
}

const shown = (git: string, path = '/git/current/a'): string =>
  runContainer(['-v', `${git}:/git`, '--entrypoint=/bin/cat'], IMAGE, path).stdout;

describe('with the system calls of deploy/seccomp.json only, without capabilities, on a read-only root', () => {
  test('the profile is in force', () => {
    const line = 'grep ^Seccomp: /proc/self/status; mknod /tmp/pipe p; mknod /tmp/device c 1 3; ls /tmp';
    const { stdout, stderr } = runContainer([...CONFINED, '--entrypoint=/bin/sh'], IMAGE, '-c', line);
    // A named pipe is for the last lines of an application.
    expect(stdout).toBe('Seccomp:\t2\npipe\n');
    expect(stderr).toMatch(/mknod.*not implemented/i);
  });

  test.each([
    ['the link', []],
    ['a directory, durably, with a hook', ['--into=/git/into', '--durable', '--exechook-command=/bin/true']],
  ])('sync publishes over HTTP, and updates: %s', async (_what, more) => {
    const { upstream, first, url } = await served();
    const git = volume();
    const options = [`--repo=${url}`, '--link=current', '--period=200ms', '--max-failures=-1', ...more];
    const sync = new Container([...CONFINED, '-v', `${git}:/git`], IMAGE, ...options);
    await until(
      () => `the first is published\n${sync.logs()}`,
      () => sync.logs().includes(`"published","ref":"HEAD","hash":"${first}"`),
      30_000,
    );
    const second = upstream.commit({ a: 'two' });
    await until(
      () => `the second is published\n${sync.logs()}`,
      () => sync.logs().includes(`"published","ref":"HEAD","hash":"${second}"`),
      30_000,
    );
    expect(shown(git)).toBe('two');
    expect(sync.logs()).not.toContain('"severity":"error"');
    expect(sync.stop()).toBe(143);
  });

  test('sync publishes over ssh', async () => {
    const dir = tempDir();
    const upstream = new Upstream(join(dir, 'srv'));
    upstream.commit({ a: 'over ssh' });
    const server = await sshd(join(dir, 'ssh'));
    const keys = tempDir();
    copyFileSync(server.keyFile, join(keys, 'ssh'));
    copyFileSync(server.knownHostsFile, join(keys, 'known_hosts'));
    const git = volume();
    const url = `ssh://${userInfo().username}@127.0.0.1:${server.port}${upstream.bare}`;
    const mounts = ['-v', `${git}:/git`, '--mount', `type=bind,src=${keys},dst=/etc/git-secret,ro`];
    const options = ['--link=current', '--one-time', '--ssh-key-file=/etc/git-secret/ssh'];
    const known = '--ssh-known-hosts-file=/etc/git-secret/known_hosts';
    // Root, because a key that others may read is refused; it has no capability.
    const { status, stderr } = runContainer(
      [...CONFINED, '--user=0', ...mounts],
      IMAGE,
      `--repo=${url}`,
      known,
      ...options,
    );
    expect(stderr).toContain('published');
    expect(status).toBe(0);
    expect(shown(git)).toBe('over ssh');
  });

  test('run builds, starts and rolls back', async () => {
    const { upstream, first, url } = await served();
    const git = volume();
    const options = [`--repo=${url}`, '--root=/git', '--link=current', '--period=200ms', '--state=/tmp/state'];
    const app = new Container(
      [...CONFINED, '-v', `${git}:/git`, '--entrypoint=/git-sidecar'],
      IMAGE,
      ...['run', ...options, '--ready-delay=300ms', '--ready-for=0s', '--build=test -f app.sh', '--', 'sh', 'app.sh'],
    );
    await until(
      () => `it runs\n${app.logs()}`,
      () => app.logs().includes(`"${first}","outcome":"deployed"`),
      30_000,
    );
    const bad = upstream.commit({ 'app.sh': 'exit 1' });
    await until(
      () => `it is refused\n${app.logs()}`,
      () => app.logs().includes(`"${bad}","outcome":"failed"`),
      30_000,
    );
    expect(app.stop()).toBe(143);
  });

  test('a relay serves a sync', async () => {
    const { first, url } = await served();
    const [git, mirrors] = [volume(), volume()];
    const port = await freePort();
    const relay = new Container(
      [...CONFINED, '-v', `${mirrors}:/mirrors`, '--entrypoint=/git-sidecar'],
      IMAGE,
      ...['relay', `--http-bind=127.0.0.1:${port}`, '--root=/mirrors', '--period=1s'],
      ...[`--allow=${url}`, `--follow=${url}`],
    );
    await until(
      () => `the relay is ready\n${relay.logs()}`,
      async () => (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.status === 200,
    );
    const { status, stderr } = runContainer(
      [...CONFINED, '-v', `${git}:/git`],
      IMAGE,
      ...[`--repo=${url}`, `--relay=http://127.0.0.1:${port}`, '--link=current', '--one-time'],
    );
    expect(stderr, relay.logs()).toContain(first);
    expect(status).toBe(0);
    expect(shown(git)).toBe('one');
  });
});

describe('an image without a shell, made of nothing but what install copies and a static program', () => {
  /** The words that start the installed copy there. */
  function bare(): { image: string; words: readonly string[] } {
    const context = tempDir();
    const lines = [`FROM ${BASE} AS base`, `FROM ${IMAGE} AS sidecar`, 'FROM scratch'];
    lines.push('COPY --from=base /bin/busybox /app/busybox', 'COPY --from=sidecar /opt/git-sidecar /sidecar');
    writeFileSync(join(context, 'Containerfile'), `${lines.join('\n')}\n`);
    const image = buildImage('-f', join(context, 'Containerfile'), context);
    const list = ['--entrypoint=/bin/sh', '--user=0'];
    const loader = runContainer(list, IMAGE, '-c', 'cd /opt/git-sidecar/lib && ls ld-linux*').stdout.trim();
    const words = [`/sidecar/lib/${loader}`, '--library-path', '/sidecar/lib', '/sidecar/bin/node'];
    return { image, words: [...words, '/sidecar/lib/git-sidecar.cjs'] };
  }

  test('run starts and restarts a static program there', async () => {
    const { upstream, first, url } = await served();
    const git = volume();
    new Container(
      ['-v', `${git}:/git`],
      IMAGE,
      `--repo=${url}`,
      '--link=current',
      '--period=200ms',
      '--max-failures=-1',
    );
    const { image, words } = bare();
    const run = ['run', '--link=/git/current', '--state=/tmp/state', '--ready-delay=200ms', '--ready-for=0s'];
    const app = new Container(
      [...CONFINED, '--user=65533', '-v', `${git}:/git:ro`],
      image,
      ...words,
      ...run,
      ...['--', '/app/busybox', 'sleep', '1000'],
    );
    const deployed = async (oid: string): Promise<unknown> =>
      await until(
        () => `${oid} is deployed\n${app.logs()}`,
        () => app.logs().includes(`"${oid}","outcome":"deployed"`),
        30_000,
      );
    await deployed(first);
    await deployed(upstream.commit({ a: 'two' }));
    expect(app.stop()).toBe(143);
  });

  test('what needs a shell is refused at the start, by name', () => {
    const { image, words } = bare();
    const git = volume();
    const { status, stderr } = runContainer(
      ['--user=65533', '--read-only', '--tmpfs=/tmp:mode=1777', '-v', `${git}:/git:ro`],
      image,
      ...words,
      ...['run', '--link=/git/current', '--state=/tmp/state', '--build=make', '--', '/app/busybox', 'sleep', '1'],
    );
    expect(status).not.toBe(0);
    expect(stderr).toContain('/bin/sh');
    expect(stderr).toContain('--build');
    expect(stderr).toContain('ERR_RUN_COMMAND');
  });
});
