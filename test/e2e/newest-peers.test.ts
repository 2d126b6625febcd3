import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { nginx } from '../kit/nginx.ts';
import { Releases } from '../kit/releases.ts';
import { read, Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { sshd } from '../kit/sshd.ts';
import { tempDir } from '../kit/temp.ts';
import { startUp } from '../kit/up.ts';
import { git } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { sshUnavailable } from '../peers/sshd.ts';
import { until } from '../peers/wait.ts';

function setUp() {
  const dir = tempDir();
  const upstream = new Releases(join(dir, 'srv'));
  upstream.release('v1.0.0');
  const newest = upstream.release('v1.1.0', { annotated: true });
  upstream.release('v2.0.0');
  const root = join(dir, 'root');
  const args = [`--root=${root}`, '--link=link', '--period=50ms', '--ref-semver=<2'];
  return { dir, upstream, newest, args, link: join(root, 'link') };
}

describe('the newest version', () => {
  test.skipIf(missing('nginx'))('comes from nginx with one request a poll', async () => {
    const { dir, upstream, newest, args, link } = setUp();
    const server = await nginx(join(dir, 'nginx'), { projectRoot: join(dir, 'srv') });
    const process = sidecar([...args, `--repo=${server.url}/repo.git`, '-v=3']);
    await untilPublished(link, newest, process);
    await untilPublished(link, upstream.release('v1.2.0'), process);
    const asked = process.logs.filter(({ msg }) => msg === 'polling').map(({ how }) => how);
    expect(asked).toEqual(['ls-refs over a kept-alive connection']);
  });

  test.skipIf(sshUnavailable())('comes over ssh', async () => {
    const { dir, upstream, newest, args, link } = setUp();
    const server = await sshd(join(dir, 'ssh'));
    const process = sidecar([
      ...args,
      `--repo=ssh://${userInfo().username}@127.0.0.1:${server.port}${upstream.bare}`,
      `--ssh-key-file=${server.keyFile}`,
      `--ssh-known-hosts-file=${server.knownHostsFile}`,
    ]);
    await untilPublished(link, newest, process);
    await untilPublished(link, upstream.release('v1.2.0'), process);
    upstream.withdraw('v1.2.0');
    await untilPublished(link, newest, process);
  });

  test.each([0, 1])(
    'comes from a server that speaks version %i of the protocol and lists everything',
    async (version) => {
      const { upstream, newest, args, link } = setUp();
      const old = `--git-config=protocol.version:${version}`;
      const process = sidecar([...args, `--repo=file://${upstream.bare}`, old]);
      await untilPublished(link, newest, process);
      await untilPublished(link, upstream.release('v1.2.0'), process);
    },
  );

  test('is what run deploys', async () => {
    const { dir, upstream, newest, args } = setUp();
    const url = await httpGit(join(dir, 'srv'));
    const state = join(dir, 'state');
    const words = ['run', ...args, `--repo=${url}/repo.git`, `--state=${state}`, '--ready-for=0s', '--ready-delay=0s'];
    const command = ['--', 'sh', '-c', 'echo "version is $(cat version)"; exec sleep 100'];
    const process = new Sidecar([...words, ...command], {}, { command: 'git-sidecar' });
    const says = async (version: string) =>
      await until(
        () => `${version} runs\n${process.stderr.slice(-2000)}`,
        () => `${process.stdout}${process.stderr}`.includes(`version is ${version}`),
      );
    await says('v1.1.0');
    expect(newest).toMatch(/^[0-9a-f]{40}$/);
    upstream.release('v1.3.0');
    await says('v1.3.0');
  });
});

describe('units of one document', () => {
  test('share one question, and a range that changes is followed without a restart of the others', async () => {
    const { dir, upstream, newest } = setUp();
    const url = await httpGit(join(dir, 'srv'));
    const unit = (name: string, more: object) => ({
      name,
      repo: `${url}/repo.git`,
      root: join(dir, 'git', name),
      link: 'current',
      period: '50ms',
      ...more,
    });
    const link = (name: string): string => join(dir, 'git', name, 'current');
    const make = (bind: string, range: string) => ({
      http: { bind },
      sync: [unit('old', { 'ref-semver': range }), unit('new', { 'ref-semver': '*' }), unit('main', { ref: 'main' })],
    });
    const { up, map, bind } = await startUp(dir, (where) => make(where, '<2'));
    await untilPublished(link('old'), newest, up.process);
    await untilPublished(link('new'), upstream.head('v2.0.0^{commit}'), up.process);
    await untilPublished(link('main'), upstream.head(), up.process);
    expect(await up.unit('old')).toMatchObject({ ref: 'semver <2', published: { ref: 'refs/tags/v1.1.0' } });
    map.write(make(bind, '1.0.x'));
    await untilPublished(link('old'), upstream.head('v1.0.0^{commit}'), up.process);
    await up.process.logged('the ref that is published no longer matches');
    await untilPublished(link('new'), upstream.release('v3.0.0'), up.process);
    expect(up.lines('new', 'starting')).toBeLessThan(2);
  });
});

describe('a repository with 100,000 tags', () => {
  const TAGS = 100_000;

  function fill(upstream: Releases): void {
    const oid = upstream.head();
    const names = Array.from({ length: TAGS }, (_, at) => `refs/tags/v1.${Math.floor(at / 100)}.${at % 100}`).sort();
    const lines = names.map((name) => `${oid} ${name}\n`).join('');
    git(upstream.bare, 'pack-refs', '--all');
    const packed = `# pack-refs with: peeled fully-peeled sorted \n${oid} refs/heads/main\n${lines}`;
    writeFileSync(join(upstream.bare, 'packed-refs'), packed);
  }

  function peakOf(process: Sidecar): number {
    return Number(/VmHWM:\s+(\d+)/.exec(read('/proc', `${process.child.pid}`, 'status') ?? '')?.[1]);
  }

  test('is followed in little memory', async () => {
    const dir = tempDir();
    const upstream = new Releases(join(dir, 'srv'));
    upstream.commit({ a: '1' });
    fill(upstream);
    const url = await httpGit(join(dir, 'srv'));
    const args = [`--repo=${url}/repo.git`, '--link=link', '--ref-semver=<2'];
    const direct = sidecar([...args, `--root=${join(dir, 'direct')}`, '--period=200ms', '-v=3']);
    await untilPublished(join(dir, 'direct/link'), upstream.head(), direct);
    await until('it polled some times', () => direct.count('polled') > 5, 60_000);
    expect(direct.logs.find(({ msg }) => msg === 'published')?.ref).toBe('refs/tags/v1.999.99');
    // All of them as objects take 30 MB, and each poll would bring them again.
    expect(peakOf(direct)).toBeLessThan(200_000);
    const next = upstream.release('v1.1000.0');
    await untilPublished(join(dir, 'direct/link'), next, direct);
  }, 120_000);
});
