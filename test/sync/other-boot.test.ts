import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { script } from '../kit/script.ts';
import { type Fixture, fixture } from '../kit/setup.ts';
import { published, read, run, untilPublished } from '../kit/sidecar.ts';
import { freePort } from '../peers/ports.ts';
import { until } from '../peers/wait.ts';

/** Of a stopped sync: its machine was started again. */
function startMachineAgain(root: string): void {
  const state = join(root, '.git', 'git-sidecar', 'state.json');
  writeFileSync(state, JSON.stringify({ ...JSON.parse(readFileSync(state, 'utf8')), boot: 'another' }));
}

/** A git that reads files only once `go` is there, and how often it was asked to. */
function slowGit(dir: string): { readonly git: string; readonly reads: () => number; readonly goOn: () => void } {
  const [go, count] = [join(dir, 'go'), join(dir, 'count')];
  const wait = `echo >> ${count}; while [ ! -e ${go} ]; do sleep 0.05; done`;
  const git = script(join(dir, 'git'), `case "$*" in *update-index*) ${wait} ;; esac`, 'exec git "$@"');
  return { git, reads: () => (read(count) ?? '').length, goOn: () => writeFileSync(go, '') };
}

async function readiness(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(5000) });
  return `${answer.status} ${(await answer.text()).trim()}`;
}

const UNREAD = /^503 .*the machine was started again, and the published files are still being read$/;

describe('published files that cannot be read within a cycle after a start of the machine', () => {
  async function again(): Promise<Fixture & { port: number; slow: ReturnType<typeof slowGit>; more: string[] }> {
    const it = fixture();
    const before = it.start();
    await untilPublished(it.link, it.first, before);
    await before.stop();
    startMachineAgain(it.root);
    const slow = slowGit(it.dir);
    const port = await freePort();
    const more = [`--git=${slow.git}`, '--sync-timeout=2s', `--http-bind=127.0.0.1:${port}`, '-v=4'];
    return { ...it, port, slow, more };
  }

  test('are read on beside the cycles; until they are, the sync is not ready, and no hook runs', async () => {
    const { dir, start, slow, more, port } = await again();
    const hook = script(join(dir, 'hook'), `echo >> ${dir}/hooked`);
    const process = start(...more, `--exechook-command=${hook}`);
    await process.logged('are still being read');
    await until('cycles go on', () => process.count('next sync') > 3);
    expect(await readiness(port)).toMatch(UNREAD);
    expect(process.stderr).not.toContain('sync failed');
    expect(read(dir, 'hooked')).toBeUndefined();
    slow.goOn();
    await process.logged('the published files were read, and are whole');
    await until('it is ready', async () => (await readiness(port)) === '200 ok');
    await until('the hook ran', () => read(dir, 'hooked') !== undefined);
    expect(slow.reads()).toBe(1);
    await process.stop();
  });

  test('are not waited for when a new revision is published', async () => {
    const { start, slow, more, port, upstream, link } = await again();
    const process = start(...more);
    await process.logged('are still being read');
    const second = upstream.commit({ a: 'two' });
    await untilPublished(link, second, process);
    await until('it is ready', async () => (await readiness(port)) === '200 ok');
    expect(slow.reads()).toBe(1);
    await process.stop();
  });

  test('are built anew where they turn out to be torn, and only then the sync is ready', async () => {
    const { start, slow, more, port, link } = await again();
    writeFileSync(join(link, 'a'), '');
    // A power cut leaves no trace that the look at times and sizes would find.
    const process = start(...more, '--verify-period=0');
    await process.logged('are still being read');
    expect(await readiness(port)).toMatch(UNREAD);
    slow.goOn();
    await until('it is ready', async () => (await readiness(port)) === '200 ok');
    expect(readFileSync(join(link, 'a'), 'utf8')).toBe('one');
    await process.stop();
  });

  test('make --one-time fail, with a hint, rather than be believed', async () => {
    const { args, slow, more, root } = await again();
    const { code, stderr } = await run([...args, ...more.slice(0, 2), '--one-time']);
    expect([code, slow.reads()]).toEqual([1, 1]);
    expect(stderr).toContain('"code":"ERR_SYNC_TIMEOUT"');
    expect(stderr).toContain('Raise `--sync-timeout`: a power cut can leave empty files');
    slow.goOn();
    expect((await run([...args, ...more.slice(0, 2), '--one-time'])).code).toBe(0);
    expect(read(root, '.git', 'git-sidecar', 'state.json')).not.toContain('another');
  });
});

test('torn files are built anew also when the newest commit is refused', async () => {
  const it = fixture();
  const second = it.upstream.commit({ a: 'two' });
  const before = it.start('--fast-forward-only');
  await untilPublished(it.link, second, before);
  await before.stop();
  tear(it.root, it.link, []);
  it.upstream.push(`${it.first}:refs/heads/main`);
  const after = it.start('--fast-forward-only');
  await after.logged('ERR_VERIFY_REWOUND');
  await after.logged('what was published is not whole: the last revision was published again');
  expect([published(it.link), readFileSync(join(it.link, 'a'), 'utf8')]).toEqual([second, 'two']);
  await after.stop();
});

/** What a power cut can do to the files of a stopped sync, whose machine was started again. */
function tear(root: string, link: string, files: readonly string[]): void {
  startMachineAgain(root);
  writeFileSync(join(root, '.git', 'git-sidecar', 'running'), '1\n');
  writeFileSync(join(link, 'a'), '');
  for (const file of files) writeFileSync(join(root, '.git', file), '');
}

describe('without the git server, a torn tree is built again from the objects that are here', () => {
  test.each<[string, (oid: string) => readonly string[]]>([
    ['where nothing else was torn', () => []],
    ['where a ref of the repository is empty', () => ['refs/heads/git-sync']],
    [
      'where the record of the worktree is empty',
      (oid) => ['commondir', 'HEAD', 'gitdir', 'index'].map((name) => `worktrees/${oid}/${name}`),
    ],
    ['where the state is empty', () => ['git-sidecar/state.json']],
    [
      'where all of these are empty',
      (oid) => ['refs/heads/git-sync', 'git-sidecar/state.json', `worktrees/${oid}/commondir`, `worktrees/${oid}/HEAD`],
    ],
  ])('%s', async (_where, files) => {
    const { first, link, root, start, upstream } = fixture();
    const before = start();
    await untilPublished(link, first, before);
    await before.stop();
    tear(root, link, files(first));
    renameSync(upstream.bare, `${upstream.bare}-later`);
    const again = start('--max-failures=-1', '-v=1');
    await again.logged('sync failed');
    expect(readFileSync(join(link, 'a'), 'utf8'), again.stderr).toBe('one');
    renameSync(`${upstream.bare}-later`, upstream.bare);
    const second = upstream.commit({ a: 'two' });
    await untilPublished(link, second, again);
    await again.stop();
  });
});
