import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { DELIMITER_PACKET, dataPacket, FLUSH_PACKET } from '../../src/remote/wire/pkt-line.ts';
import { httpGit } from '../kit/http-git.ts';
import { hostOf, type RunningRelay, startRelay } from '../kit/relay.ts';
import { published, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git, Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

const execute = promisify(execFile);

/** A repository with a public and a hidden branch, and a relay that lets one principal see one and another all. */
async function setUp(...more: string[]) {
  const dir = tempDir();
  mkdirSync(join(dir, 'srv'));
  const upstream = new Upstream(join(dir, 'srv'), 'app.git');
  upstream.commit({ a: 'one' });
  const main = upstream.commit({ a: 'two' });
  upstream.git('checkout', '-q', '-b', 'secret');
  const secret = upstream.commit({ s: 'ecret' });
  upstream.git('tag', '-a', '-m', 'x', 'hidden-tag', main);
  upstream.push('hidden-tag');
  upstream.git('checkout', '-q', 'main');
  const host = hostOf(await httpGit(join(dir, 'srv')));
  const file = join(dir, 'access');
  writeFileSync(file, `bearer part ${host}/*#main\nbearer all ${host}/*\n`);
  const relay = await startRelay({ dir, args: [`--allow=http://${host}/*`, `--access-file=${file}`, ...more] });
  const urlFor = (token: string): string => `${relay.url.replace('//', `//x:${token}@`)}/git/${host}/app.git`;
  /** What git says on stderr; empty where all went well. */
  const run = async (...args: string[]): Promise<string> =>
    await execute('git', args, { cwd: dir, env: GIT_ENV }).then(
      () => '',
      (error: { stderr: string }) => error.stderr || 'failed',
    );
  const token = join(dir, 'token');
  writeFileSync(token, 'part');
  return { dir, upstream, main, secret, host, relay, urlFor, run, token };
}

/** The answer to one fetch of protocol v2 or v0 in this very form. */
async function fetchRaw(
  relay: RunningRelay,
  host: string,
  token: string,
  protocol: 0 | 2,
  wants: string[],
): Promise<string> {
  const lines = wants.map((oid) => `want ${oid}`);
  if (protocol === 0) lines[0] += ' side-band-64k ofs-delta';
  const body =
    protocol === 2
      ? [dataPacket('command=fetch'), DELIMITER_PACKET, ...[...lines, 'done'].map(dataPacket), FLUSH_PACKET]
      : [...lines.map(dataPacket), FLUSH_PACKET, dataPacket('done')];
  const response = await fetch(`${relay.url}/git/${host}/app.git/git-upload-pack`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, ...(protocol === 2 && { 'git-protocol': 'version=2' }) },
    body: Buffer.concat(body),
  });
  return Buffer.from(await response.arrayBuffer()).toString('latin1');
}

describe('two tenants, of whom one may see one branch', () => {
  test('each gets its own refs in every protocol, and objects of the hidden branch are not given out by their ids', async () => {
    const { dir, upstream, main, secret, host, relay, urlFor, run } = await setUp();
    for (const version of ['0', '1', '2']) {
      const ls = async (token: string): Promise<string> =>
        (await execute('git', ['-c', `protocol.version=${version}`, 'ls-remote', urlFor(token)], { env: GIT_ENV }))
          .stdout;
      expect(await ls('all')).toContain('refs/heads/secret');
      expect(await ls('part')).toBe(`${main}\tHEAD\n${main}\trefs/heads/main\n`);
      // Whoever may see all of it comes first: its answer is no other's.
      for (const token of ['all', 'part']) {
        const to = `${token}${version}`;
        expect(await run('-c', `protocol.version=${version}`, 'clone', '-q', urlFor(token), to)).toBe('');
        expect(git(join(dir, to), 'rev-parse', 'HEAD')).toBe(main);
        const has = await run('-C', to, 'cat-file', '-e', secret);
        expect(has === '').toBe(token === 'all');
        expect(git(join(dir, to), 'tag')).toBe(token === 'all' ? 'hidden-tag' : '');
      }
    }
    const blob = git(upstream.work, 'rev-parse', `${secret}:s`);
    const tree = git(upstream.work, 'rev-parse', `${secret}^{tree}`);
    const tag = git(upstream.work, 'rev-parse', 'hidden-tag');
    for (const protocol of [0, 2] as const) {
      for (const wanted of [secret, blob, tree, tag]) {
        expect(await fetchRaw(relay, host, 'all', protocol, [wanted])).toContain('PACK');
        const answer = await fetchRaw(relay, host, 'part', protocol, [wanted]);
        expect(answer).toContain(`not our ref ${wanted}`);
        expect(await fetchRaw(relay, host, 'part', protocol, [main, wanted])).toContain('not our ref');
      }
      // What its own branch reaches it gets, whatever it is.
      for (const name of [`${main}~1`, `${main}~1^{tree}`, `${main}~1:a`]) {
        const wanted = git(upstream.work, 'rev-parse', name);
        expect(await fetchRaw(relay, host, 'part', protocol, [wanted]), name).toContain('PACK');
      }
    }
  });

  test('shallow and partial clones and fetches of the one are whole, and follow what its branch does', async () => {
    const { dir, upstream, urlFor, run } = await setUp();
    expect(await run('clone', '-q', '--depth=1', urlFor('part'), 'shallow')).toBe('');
    expect(await run('clone', '-q', '--filter=blob:none', urlFor('part'), 'partial')).toBe('');
    expect(await run('clone', '-q', '--filter=tree:0', urlFor('part'), 'treeless')).toBe('');
    const next = upstream.commit({ a: 'three', b: 'new' });
    const news = async (): Promise<boolean> =>
      (await execute('git', ['ls-remote', urlFor('part'), 'main'], { env: GIT_ENV })).stdout.startsWith(next);
    await until('the relay has the news', news);
    for (const name of ['shallow', 'partial', 'treeless']) {
      expect(await run('-C', name, 'pull', '-q'), name).toBe('');
      expect(git(join(dir, name), 'rev-parse', 'HEAD')).toBe(next);
      expect(await run('-C', name, 'fetch', '-q', '--unshallow'), name).toMatch(/^$|complete repository/);
      expect(await run('-C', name, 'log', '-p'), name).toBe('');
      expect(await run('-C', name, 'fsck', '--connectivity-only'), name).toBe('');
    }
    expect(await run('-C', 'shallow', 'fetch', '-q', '--shallow-exclude=secret', 'origin', 'main')).toContain(
      'deepen-not',
    );
  });

  test('a sidecar of the one hears of its branch and of no other', async () => {
    const { dir, upstream, main, host, relay, token } = await setUp();
    const link = join(dir, 'root/link');
    const process = sidecar([
      ...[`--repo=http://${host}/app.git`, `--root=${join(dir, 'root')}`, '--link=link', `--relay=${relay.url}`],
      ...[`--relay-token-file=${token}`, '--ref=main', '--period=200ms'],
    ]);
    await untilPublished(link, main, process);
    const second = upstream.commit({ a: 'more' });
    await untilPublished(link, second, process);
    const other = sidecar([
      ...[`--repo=http://${host}/app.git`, `--root=${join(dir, 'other')}`, '--link=link', `--relay=${relay.url}`],
      ...[`--relay-token-file=${token}`, '--ref=secret', '--period=200ms'],
    ]);
    await other.logged('ERR_REMOTE_REF');
    expect(published(join(dir, 'other/link'))).toBeUndefined();
    const stream = await fetch(`${relay.url}/events?repo=${host}/app.git`, {
      headers: { authorization: 'Bearer part' },
    });
    const first = await stream.body?.getReader().read();
    expect(Buffer.from(first?.value ?? []).toString()).toContain('refs/heads/main');
    expect(Buffer.from(first?.value ?? []).toString()).not.toContain('secret');
  });
});

describe('what was taken back', () => {
  test('a branch that --allow no longer covers is not given out by a mirror that still has it', async () => {
    const { dir, main, secret, host, relay } = await setUp();
    expect(await fetchRaw(relay, host, 'all', 2, [secret])).toContain('PACK');
    await relay.process.stop();
    const again = await startRelay({
      dir,
      args: [`--allow=http://${host}/*#main`, `--access-file=${join(dir, 'access')}`],
    });
    expect(await fetchRaw(again, host, 'all', 2, [secret])).toContain('not our ref');
    expect(await fetchRaw(again, host, 'all', 2, [main])).toContain('PACK');
    const objects = readdirSync(join(dir, 'relay/repositories'));
    expect(objects).toHaveLength(1);
  });

  test('a commit that was forced away is given out for a moment to those who were told of it, and not after a restart', async () => {
    const { dir, upstream, main, host, relay } = await setUp();
    const bad = upstream.commit({ a: 'a password' });
    await until('the relay has it', async () => (await fetchRaw(relay, host, 'part', 2, [bad])).includes('PACK'));
    upstream.git('reset', '-q', '--hard', main);
    upstream.push();
    const isAway = async (): Promise<boolean> => {
      const { stdout } = await execute(
        'git',
        ['ls-remote', `${relay.url.replace('//', '//x:all@')}/git/${host}/app.git`],
        { env: GIT_ENV },
      );
      return !stdout.includes(bad);
    };
    await until('the relay has moved on', isAway);
    expect(await fetchRaw(relay, host, 'part', 2, [bad])).toContain('PACK');
    const blob = git(upstream.work, 'rev-parse', `${bad}:a`);
    expect(await fetchRaw(relay, host, 'part', 2, [blob])).toContain('not our ref');
    await relay.process.stop();
    const again = await startRelay({ dir, args: [`--allow=http://${host}/*`, `--access-file=${join(dir, 'access')}`] });
    for (const protocol of [0, 2] as const)
      expect(await fetchRaw(again, host, 'part', protocol, [bad])).toContain('not our ref');
  });
});
