import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { httpStub } from '../kit/http-stub.ts';
import { fixture } from '../kit/setup.ts';
import { published, read, run, type Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { git, Upstream } from '../kit/upstream.ts';
import { delay, until } from '../peers/wait.ts';

/** What comes between the server and us: it sees each answer to a `fetch` command and may send something else. */
type Tamper = (answer: Buffer, response: ServerResponse) => void;

async function tamperedServer(directory: string) {
  const behind = await httpGit(directory);
  const state = { tamper: undefined as Tamper | undefined, fetches: [] as string[] };
  const stub = await httpStub(async (request, response) => {
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const answer = await fetch(`${behind}${request.path}`, {
      method: request.method,
      headers: headers as Record<string, string>,
      ...(request.method === 'POST' && { body: request.body }),
    });
    const body = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    const isFetch = request.body.includes('command=fetch');
    if (isFetch) state.fetches.push(String(request.headers['user-agent']));
    if (isFetch && state.tamper) state.tamper(body, response);
    else response.end(body);
  });
  return { url: `${stub.url}/repo.git`, state };
}

async function setUp(...more: string[]) {
  const it = fixture();
  const server = await tamperedServer(it.dir);
  const start = (): Sidecar =>
    sidecar([
      `--repo=${server.url}`,
      `--root=${it.root}`,
      '--link=link',
      '--period=40ms',
      '--max-failures=-1',
      '-v=3',
      ...more,
    ]);
  return { ...it, ...server, start };
}

const isOurs = (agent: string): boolean => agent.startsWith('git-sidecar');

describe('fetching over the poll’s connection', () => {
  test('first commit and updates come in one request each; git is not asked', async () => {
    const { upstream, first, link, state, start } = await setUp();
    const process = start();
    await untilPublished(link, first, process);
    const oid = upstream.commit({ a: 'two', 'new/file': 'x' });
    await untilPublished(link, oid, process);
    expect(state.fetches.map(isOurs)).toEqual([true, true]);
    expect(read(link, 'new/file')).toBe('x');
  });

  test('an update sends the difference only, however large the rest', async () => {
    const { upstream, root, link, state, start } = await setUp();
    const { randomBytes } = await import('node:crypto');
    const large = upstream.commit({ large: randomBytes(200_000).toString('base64') });
    const sizes: number[] = [];
    state.tamper = (answer, response) => {
      sizes.push(answer.length);
      response.end(answer);
    };
    const process = start();
    await untilPublished(link, large, process);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    expect(sizes[0]).toBeGreaterThan(200_000);
    expect(sizes[1]).toBeLessThan(2000);
    expect(git(root, 'fsck', '--connectivity-only', '--no-dangling')).toBe('');
    expect(git(root, 'rev-parse', '--is-shallow-repository')).toBe('true');
    expect(readFileSync(join(root, '.git', 'HEAD'), 'utf8')).toBe('ref: refs/heads/git-sync\n');
    expect(git(root, 'rev-parse', 'HEAD')).toBe(published(link));
  });

  test('more objects than git would keep as single files become a pack', async () => {
    const { upstream, root, link, start } = await setUp();
    const files = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`f${index}`, `text ${index}`]));
    await untilPublished(link, upstream.commit(files), start());
    expect(git(root, 'count-objects', '-v')).toMatch(/^count: 0$[\s\S]*^packs: 1$/m);
  });

  test.each<[string, (answer: Buffer) => Buffer]>([
    ['a pack that is cut off', (answer) => answer.subarray(0, answer.length - 30)],
    [
      'a pack with a wrong byte',
      (answer) => Buffer.from(answer.map((byte, index) => (index === answer.length - 40 ? byte ^ 1 : byte))),
    ],
    ['no pack at all', () => Buffer.from('0000')],
    [
      'an error in the middle',
      (answer) =>
        Buffer.concat([answer.subarray(0, answer.length - 4), Buffer.from('000a\x03oops!'), Buffer.from('0000')]),
    ],
    ['garbage', () => Buffer.from('zzzz garbage')],
    ['an ERR packet', () => Buffer.from('0012ERR not today\n')],
  ])('a server that sends %s: nothing wrong is published, git fetch takes over', async (_what, damage) => {
    const { upstream, first, root, link, state, start } = await setUp();
    const process = start();
    await untilPublished(link, first, process);
    let lies = 1;
    state.tamper = (answer, response) => {
      lies -= 1;
      response.end(lies >= 0 ? damage(answer) : answer);
    };
    const oid = upstream.commit({ a: 'two' });
    await untilPublished(link, oid, process);
    await process.logged('git fetch is used from now on');
    expect(state.fetches.map(isOurs)).toEqual([true, true, false]);
    expect(read(link, 'a')).toBe('two');
    expect(git(root, 'fsck', '--connectivity-only', '--no-dangling')).toBe('');
  });

  test('a connection that breaks once says nothing about the server: the update after it comes natively again', async () => {
    const { upstream, first, link, state, start } = await setUp();
    const process = start();
    await untilPublished(link, first, process);
    let breaks = 1;
    state.tamper = (answer, response) => {
      breaks -= 1;
      if (breaks < 0) response.end(answer);
      else response.write(answer.subarray(0, 20), () => response.destroy());
    };
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    await untilPublished(link, upstream.commit({ a: 'three' }), process);
    expect(state.fetches.map(isOurs)).toEqual([true, true, false, true]);
  });

  test('a server that sends another commit’s pack: what is published stays, and recovers when it tells the truth', async () => {
    const { dir, upstream, first, root, link, state, start } = await setUp();
    const process = start();
    await untilPublished(link, first, process);
    const other = new Upstream(join(dir, 'other'));
    other.commit({ a: 'a lie' });
    const pack = git(other.work, 'rev-parse', 'HEAD');
    expect(pack).not.toBe(first);
    let recorded: Buffer | undefined;
    const lie = await tamperedServer(join(dir, 'other'));
    lie.state.tamper = (answer, response) => {
      recorded = answer;
      response.end(answer);
    };
    await run([`--repo=${lie.url}`, `--root=${join(dir, 'other-root')}`, '--one-time']);
    state.tamper = (answer, response) => void response.end(recorded ?? answer);
    const oid = upstream.commit({ a: 'two' });
    await process.logged('sync failed');
    expect(published(link)).toBe(first);
    expect(read(link, 'a')).toBe('one');
    state.tamper = undefined;
    await untilPublished(link, oid, process);
    expect(git(root, 'fsck', '--connectivity-only', '--no-dangling')).toBe('');
  });

  test('a server that stalls in the middle of a pack is given up after --sync-timeout', async () => {
    const { upstream, first, link, state, start } = await setUp('--sync-timeout=700ms');
    const process = start();
    await untilPublished(link, first, process);
    state.tamper = (answer, response) => void response.write(answer.subarray(0, answer.length / 2));
    const oid = upstream.commit({ a: 'two' });
    await process.logged('sync failed');
    state.tamper = undefined;
    await untilPublished(link, oid, process);
  });

  test.each([['--depth=0'], ['--depth=3'], ['--filter=blob:none'], ['--git-config=fetch.fsckObjects:true']])(
    '%s is left to git fetch',
    async (option) => {
      const { upstream, first, link, state, start } = await setUp(option);
      if (option.startsWith('--filter')) git(upstream.bare, 'config', 'uploadpack.allowFilter', 'true');
      const process = start();
      await untilPublished(link, first, process);
      await untilPublished(link, upstream.commit({ a: 'two' }), process);
      await delay(50);
      expect(state.fetches.filter(isOurs)).toEqual([]);
    },
  );

  test('a SHA-256 repository', async () => {
    const it = fixture({ format: 'sha256' });
    const url = await httpGit(it.dir);
    const process = sidecar([`--repo=${url}/repo.git`, `--root=${it.root}`, '--link=link', '--period=40ms', '-v=3']);
    await untilPublished(it.link, it.first, process);
    await untilPublished(it.link, it.upstream.commit({ a: 'two' }), process);
    await until('both were fetched', () => process.count('fetched') >= 2);
    expect(process.count('fetched')).toBe(2);
  });
});
