import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { countedGit } from '../kit/counted-git.ts';
import { deployed } from '../kit/runner.ts';
import { read, Sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { startUp, type UnitStatus } from '../kit/up.ts';
import { git, Upstream } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';
import { until } from '../peers/wait.ts';

const PARTS = ['apps/one', 'apps/two', 'docs'];
const nameOf = (part: string): string => part.replace('/', '-');

interface PartStatus extends UnitStatus {
  readonly path?: string;
  readonly considered?: { readonly oid: string } | null;
}

async function fixture() {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  git(upstream.bare, 'config', 'uploadpack.allowFilter', 'true');
  const first = upstream.commit({ 'apps/one/v': '1', 'apps/two/v': '1', 'docs/v': '1', 'large/v': 'l' });
  const server = await countedGit(dir);
  const root = (part: string): string => join(dir, 'roots', nameOf(part));
  return {
    dir,
    upstream,
    first,
    server,
    root,
    link: (part: string): string => join(root(part), 'link'),
    document: (bind: string, more = {}) => ({
      ...more,
      http: { bind, metrics: true },
      defaults: { repo: `${server.url}/repo.git`, link: 'link', period: '50ms' },
      sync: PARTS.map((part) => ({ name: nameOf(part), path: part, root: root(part) })),
    }),
  };
}

describe('several paths of a repository in one document', () => {
  test.each([false, true])('a commit is published where it changed something (a store: %s)', async (isShared) => {
    const it = await fixture();
    const more = isShared ? { store: join(it.dir, 'store') } : {};
    const { up } = await startUp(it.dir, (bind) => it.document(bind, more));
    for (const part of PARTS) await up.untilReady(nameOf(part));
    for (const part of PARTS) expect(readlinkSync(it.link(part))).toBe(`.worktrees/${it.first}/${part}`);
    const second = it.upstream.commit({ 'apps/one/v': '2' });
    const unit = async (part: string): Promise<PartStatus | undefined> => await up.unit(nameOf(part));
    for (const part of PARTS)
      await until(`${part} has considered it`, async () => (await unit(part))?.considered?.oid === second);
    expect(await unit('apps/one')).toMatchObject({ path: 'apps/one', published: { oid: second } });
    for (const part of ['apps/two', 'docs']) {
      expect(await unit(part)).toMatchObject({ ready: true, error: null, published: { oid: it.first } });
      expect(up.lines(nameOf(part), 'published')).toBe(1);
    }
    expect(read(it.link('apps/one'), 'v')).toBe('2');
    expect(read(it.link('docs'), 'v')).toBe('1');
    if (!isShared) return;
    // All objects are in the store, and nothing was fetched for one of them alone.
    for (const part of PARTS)
      expect(git(join(it.root(part), '.git'), 'count-objects', '-v'), part).toMatch(/count: 0\n(?:.*\n)*in-pack: 0\n/);
    expect(it.server.fetches.flat().sort()).toEqual([it.first, second].sort());
  });

  test('idle, they ask the server one question for all', async () => {
    const it = await fixture();
    const { up } = await startUp(it.dir, (bind) => it.document(bind));
    for (const part of PARTS) await up.untilReady(nameOf(part));
    const second = it.upstream.commit({ 'large/v': 'changed' });
    for (const part of PARTS)
      await until(
        `${part} has considered it`,
        async () => ((await up.unit(nameOf(part))) as PartStatus | undefined)?.considered?.oid === second,
      );
    const numbers = async (): Promise<{ polls: number; requests: number; processes: number }> => {
      const text = (await up.get('/metrics'))?.text ?? '';
      const sum = (pattern: RegExp): number =>
        [...text.matchAll(pattern)].reduce((all, [, value]) => all + Number(value), 0);
      return {
        polls: sum(/^git_sync_count_total\{[^}]*status="noop"[^}]*\} (\d+)/gm),
        requests: it.server.questions,
        processes: sum(/^git_sidecar_git_processes_started(?:\{[^}]*\})? (\d+)/gm),
      };
    };
    const before = await numbers();
    await until('they have polled', async () => (await numbers()).polls >= before.polls + 30);
    const after = await numbers();
    expect(after.processes, 'a commit that was considered costs no process').toBe(before.processes);
    expect(after.requests - before.requests).toBeLessThan((after.polls - before.polls) * 0.7);
  });
});

describe('run and --path', () => {
  test('a run of a document follows the part that a sync publishes, and names its commit', async () => {
    const it = await fixture();
    const { up } = await startUp(it.dir, (bind) => ({
      ...it.document(bind),
      run: [
        {
          name: 'app',
          from: 'apps-one',
          state: join(it.dir, 'state'),
          'ready-delay': '100ms',
          'ready-for': '0s',
          'drain-delay': '0s',
          command: ['sh', '-c', 'exec sleep 100'],
        },
      ],
    }));
    await until('it runs the commit', () =>
      up.process.logs.some(
        ({ msg, hash, outcome }) => msg === 'deployment' && hash === it.first && outcome === 'deployed',
      ),
    );
    const second = it.upstream.commit({ 'apps/one/v': '2' });
    await until('it runs the next', () =>
      up.process.logs.some(
        ({ msg, hash, outcome }) => msg === 'deployment' && hash === second && outcome === 'deployed',
      ),
    );
  });

  test('run --repo --path fetches and deploys the part only, and a commit beside it deploys nothing', async () => {
    const it = await fixture();
    const [root, state] = [join(it.dir, 'root'), join(it.dir, 'state')];
    const options = [`--repo=${it.server.url}/repo.git`, `--root=${root}`, '--link=link', '--period=50ms'];
    const more = [`--state=${state}`, '--ready-delay=100ms', '--ready-for=0s', '--drain-delay=0s', '--path=apps/one'];
    const address = `127.0.0.1:${await freePort()}`;
    const command = ['--', 'sh', '-c', 'exec sleep 100'];
    const process = new Sidecar(
      ['run', ...options, ...more, `--http-bind=${address}`, ...command],
      {},
      { command: 'git-sidecar' },
    );
    expect((await deployed(process, it.first)).outcome).toBe('deployed');
    const release = join(state, 'releases', readdirSync(join(state, 'releases'))[0] ?? '');
    expect(readdirSync(release)).toEqual(['v']);
    const blobs = git(join(root, '.git'), 'cat-file', '--batch-all-objects', '--batch-check=%(objecttype)');
    expect(blobs.split('\n').filter((type) => type === 'blob')).toHaveLength(1);
    it.upstream.commit({ 'docs/v': '2' });
    await process.logged('a commit changes nothing of what is published');
    const third = it.upstream.commit({ 'apps/one/v': '3' });
    expect((await deployed(process, third)).outcome).toBe('deployed');
    expect(process.count('deploying')).toBe(2);
  });
});
