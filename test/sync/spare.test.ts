import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { differences, exactTree } from '../kit/exact-tree.ts';
import { handCranked } from '../kit/hand-cranked.ts';
import { httpGit } from '../kit/http-git.ts';
import { reflinkDirectory } from '../kit/reflink.ts';
import { fixture } from '../kit/setup.ts';
import { type LogLine, run, type Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { type Files, git } from '../kit/upstream.ts';
import { delay, until } from '../peers/wait.ts';

/** Of these tiny trees none would be kept. */
const ALWAYS = '--spare=always';
/** What each checkout was made from, down to the last one of `oid`; the log comes a moment after the link. */
async function sources(process: Sidecar, oid: string): Promise<unknown[]> {
  const found = (): LogLine[] => process.logs.filter(({ msg }) => msg === 'checked out');
  await until(
    () => `a checkout of ${oid} is the last that is logged\n${process.stderr.slice(-2000)}`,
    () => found().at(-1)?.hash === oid,
  );
  return found().map(({ from }) => from);
}
const spareOf = (root: string): string => join(root, '.git', 'git-sidecar', 'spare');
const treesOf = (root: string): string[] => readdirSync(join(root, '.worktrees'));

/** A process that works in a directory until the test is over. */
function worker(directory: string) {
  const child = spawn('sleep', ['60'], { cwd: directory, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function untilSpare(root: string, process: Sidecar): Promise<void> {
  await until(
    () => `the spare is made\n${process.stderr.slice(-2000)}`,
    () => existsSync(join(root, '.git', 'worktrees', 'git-sidecar-spare', 'git-sidecar.json')),
  );
  // Change times move in steps of up to 10 ms: what happens in the step in which the spare was finished is not seen.
  await delay(20);
}

describe('the spare', () => {
  test('the second update and all later ones write what changed only', async () => {
    const { upstream, first, root, link, start } = fixture();
    upstream.commit({ 'kept/file': 'kept' });
    const process = start(ALWAYS, '-v=1');
    let oid = '';
    for (let round = 0; round < 4; round += 1) {
      oid = upstream.commit({ a: `round ${round}` });
      await untilPublished(link, oid, process);
      expect(readFileSync(join(link, 'a'), 'utf8')).toBe(`round ${round}`);
      if (round > 0) await untilSpare(root, process);
    }
    expect((await sources(process, oid)).slice(-2)).toEqual(['spare', 'spare']);
    await until('the old trees are gone', () => treesOf(root).length === 1);
    expect(treesOf(root)).not.toContain(first);
  });

  test('--no-spare keeps none, and removes one that an earlier run kept', async () => {
    const { upstream, root, link, start } = fixture();
    const before = start(ALWAYS);
    await untilPublished(link, upstream.commit({ a: 'two' }), before);
    await untilPublished(link, upstream.commit({ a: 'three' }), before);
    await untilSpare(root, before);
    await before.stop();
    const process = start('--no-spare', '-v=1');
    let oid = '';
    for (const text of ['four', 'five', 'six']) {
      oid = upstream.commit({ a: text });
      await untilPublished(link, oid, process);
    }
    expect(await sources(process, oid)).toEqual(['nothing', 'nothing', 'nothing']);
    expect(existsSync(spareOf(root))).toBe(false);
  });

  test('--one-time leaves no spare behind, also not that of a process before', async () => {
    const { upstream, root, link, args, start } = fixture();
    const before = start(ALWAYS);
    await untilPublished(link, upstream.commit({ a: 'two' }), before);
    await untilPublished(link, upstream.commit({ a: 'three' }), before);
    await untilSpare(root, before);
    await before.stop();
    const oid = upstream.commit({ a: 'four' });
    expect((await run([...args, '--one-time'])).code).toBe(0);
    await untilPublished(link, oid);
    expect(existsSync(spareOf(root))).toBe(false);
    expect(treesOf(root)).toEqual([oid]);
  });

  test.each([
    [ALWAYS, 'then becomes the spare'],
    ['--spare=auto', 'then goes, since it is small'],
  ])('a tree in which a process still works is left whole until that has gone (%s), and %s', async (spare) => {
    const { upstream, first, root, link, start } = fixture();
    const process = start(spare, '-v=1');
    await untilPublished(link, first, process);
    const old = realpathSync(link);
    const child = worker(old);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    expect((await process.logged('processes still work')).processes).toBe(String(child.pid));
    await delay(300);
    expect(readFileSync(join(old, 'a'), 'utf8')).toBe('one');
    child.kill('SIGKILL');
    if (spare === ALWAYS) await untilSpare(root, process);
    await until('the old tree is gone', () => !existsSync(old));
  });

  test.each([ALWAYS, '--spare=auto'])(
    'one occupied tree waits, no more: the disk holds what is published and two others at most (%s)',
    async (spare) => {
      const { upstream, first, root, link, start } = fixture();
      const process = start(spare);
      await untilPublished(link, first, process);
      for (let round = 0; round < 4; round += 1) {
        worker(realpathSync(link));
        await untilPublished(link, upstream.commit({ a: `round ${round}` }), process);
        await until('all but one of the old trees are gone', () => treesOf(root).length <= 2);
      }
    },
  );

  test('within --stale-worktree-timeout nothing is recycled, and A→B→A does not reuse a tree that somebody touched', async () => {
    const { upstream, first, root, link, start } = fixture();
    const process = start(ALWAYS, '--stale-worktree-timeout=1h', '-v=1', '--ref=main');
    await untilPublished(link, first, process);
    const old = realpathSync(link);
    const second = upstream.commit({ a: 'two' });
    await untilPublished(link, second, process);
    await untilPublished(link, upstream.commit({ a: 'three' }), process);
    expect(readFileSync(join(old, 'a'), 'utf8')).toBe('one');
    expect(existsSync(spareOf(root))).toBe(false);
    writeFileSync(join(old, 'junk'), 'x');
    upstream.git('reset', '-q', '--hard', second);
    upstream.push();
    await untilPublished(link, second, process);
    upstream.git('reset', '-q', '--hard', first);
    upstream.push();
    await untilPublished(link, first, process);
    expect(readdirSync(link)).not.toContain('junk');
    expect(readFileSync(join(old, 'junk'), 'utf8')).toBe('x');
    // Three commits, and of those two that came again only the one whose tree was touched.
    expect(await sources(process, first)).toHaveLength(4);
  });

  test('without a spare, a tree of large files is cloned where the file system can', async ({ skip }) => {
    const directory = reflinkDirectory();
    if (directory === undefined) return skip();
    const { upstream, args } = fixture();
    const large = 'x'.repeat(300_000);
    const root = join(directory, 'root');
    const first = upstream.commit({ large, another: `${large}y` });
    const process = sidecar([
      ...args,
      `--root=${root}`,
      ALWAYS,
      '--period=40ms',
      '--stale-worktree-timeout=1h',
      '-v=1',
    ]);
    await untilPublished(join(root, 'link'), first, process);
    const second = upstream.commit({ a: 'two' });
    await untilPublished(join(root, 'link'), second, process);
    expect(await sources(process, second)).toEqual(['nothing', 'clone']);
    expect(readFileSync(join(root, 'link', 'large'), 'utf8')).toBe(large);
    expect(readFileSync(join(root, 'link', 'a'), 'utf8')).toBe('two');
    await process.stop();
  });

  test('a large spare in which somebody touched a file is not used', async () => {
    const { upstream, root, link, start } = fixture();
    const files = Object.fromEntries(Array.from({ length: 3500 }, (_, index) => [`d${index % 50}/f${index}`, 'x']));
    const process = start('-v=1');
    await untilPublished(link, upstream.commit(files), process);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    await untilSpare(root, process);
    chmodSync(join(spareOf(root), 'd7', 'f7'), 0o600);
    const third = upstream.commit({ a: 'three' });
    await untilPublished(link, third, process);
    expect(statSync(join(link, 'd7', 'f7')).mode & 0o777).toBe(0o644);
    expect((await sources(process, third)).at(-1)).toBe('nothing');
    await untilSpare(root, process);
    writeFileSync(join(spareOf(root), 'd7', 'f57'), 'y');
    const fourth = upstream.commit({ 'd7/f57': 'z' });
    await untilPublished(link, fourth, process);
    expect(readFileSync(join(link, 'd7', 'f57'), 'utf8')).toBe('z');
    expect((await sources(process, fourth)).at(-1)).toBe('nothing');
    await untilSpare(root, process);
    const fifth = upstream.commit({ 'd7/f57': 'zz' });
    await untilPublished(link, fifth, process);
    expect((await sources(process, fifth)).at(-1)).toBe('spare');
  });

  test.each([
    ['v4', ['--ref=main', '--link=link'], undefined],
    ['v3', ['--compat=v3', '--branch=main', '--dest=link'], undefined],
    ['v4 with a sparse checkout', ['--ref=main', '--link=link'], '/kept/\n/a\n'],
  ])(
    '%s: in a history that nobody interferes with, every update but the first is made of it',
    async (_mode, how, patterns) => {
      const { dir, upstream, root } = fixture();
      const sparseFile = join(dir, 'patterns');
      if (patterns !== undefined) writeFileSync(sparseFile, patterns);
      const sparse = patterns === undefined ? [] : [`--sparse-checkout-file=${sparseFile}`];
      const sync = await handCranked([`--repo=${upstream.bare}`, `--root=${root}`, ALWAYS, ...how, ...sparse]);
      const history: Files[] = [
        { 'kept/file': 'kept' },
        { a: 'an edit' },
        { 'kept/new': 'a new file' },
        { 'kept/file': null },
        { 'kept/link': { link: '../a' } },
        { 'kept/run': { exec: '#!/bin/sh' } },
        { 'kept/new': null, 'kept/new/inside': 'a directory in the place of a file' },
        { 'kept/new/inside': null, 'kept/link': null, 'kept/run': null, 'kept/x': 'x' },
      ];
      for (const files of history) {
        upstream.commit(files);
        upstream.git('clean', '-ffdq');
        await sync.cycle();
      }
      const built = sync.logged.filter(({ message }) => message === 'checked out').map(({ fields }) => fields.from);
      expect(built).toEqual(['nothing', 'nothing', ...history.slice(2).map(() => 'spare')]);
      expect(readFileSync(join(root, 'link', 'kept', 'x'), 'utf8')).toBe('x');
      await sync.stop();
    },
  );

  test('many updates do not grow the repository', async () => {
    const { upstream, root } = fixture();
    const sync = await handCranked([`--repo=${upstream.bare}`, `--root=${root}`, '--link=link', ALWAYS]);
    const loose = (): number => Number(/^count: (\d+)$/m.exec(git(root, 'count-objects', '-v'))?.[1]);
    let most = 0;
    for (let round = 0; round < 40; round += 1) {
      upstream.commit(
        Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`d/${index}`, `${round} ${index}`])),
      );
      await sync.cycle();
      most = Math.max(most, loose());
    }
    // 40 updates brought 1,300 objects, 4 KiB of disk each.
    expect(most).toBeGreaterThan(100);
    expect(most).toBeLessThan(800);
    expect(treesOf(root)).toHaveLength(1);
    expect(readdirSync(join(root, '.git', 'worktrees')).length).toBe(2);
    expect(readFileSync(join(root, '.git', 'shallow'), 'utf8').split('\n').length).toBeLessThan(40);
    await sync.stop();
  }, 120_000);
});

/** `count` files in directories of 100, each with a content of its own; null removes them. */
const manyFiles = (count: number, content: string | null): Files =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `d${Math.floor(index / 100)}/f${index}`,
      content && `${content} ${index}`,
    ]),
  );

describe('which trees have a spare', () => {
  /** A sync whose spare is up to itself. */
  async function crank(url?: (dir: string) => Promise<string>) {
    const { dir, upstream, root } = fixture();
    const repo = url ? await url(dir) : upstream.bare;
    const args = [`--repo=${repo}`, `--root=${root}`, '--link=link', '--ref=main'];
    const sync = await handCranked(args);
    const all = (message: string, field: string): unknown[] =>
      sync.logged.filter((line) => line.message === message).map(({ fields }) => fields[field]);
    return {
      root,
      args,
      stop: sync.stop,
      built: () => all('checked out', 'from'),
      reasons: () => all('no spare is kept', 'reason'),
      hasSpare: () => existsSync(spareOf(root)),
      update: async (files: Files) => {
        upstream.commit(files);
        upstream.git('clean', '-ffdq');
        await sync.cycle();
      },
      /** What is published is what was committed. */
      check: () =>
        expect(differences(exactTree(realpathSync(join(root, 'link'))), exactTree(upstream.work))).toEqual([]),
    };
  }

  test('a small tree has none: each update writes all of it, and the log says so', async () => {
    const { update, check, built, reasons, hasSpare, stop } = await crank();
    for (const a of ['2', '3', '4']) await update({ a });
    expect(built()).toEqual(['nothing', 'nothing', 'nothing']);
    expect(hasSpare()).toBe(false);
    expect(reasons()).toEqual(Array.from({ length: 3 }, () => expect.stringContaining('small')));
    check();
    await stop();
  }, 240_000);

  test('a tree of few large files has one', async () => {
    const { update, check, built, hasSpare, stop } = await crank();
    await update(Object.fromEntries(Array.from({ length: 4 }, (_, index) => [`f${index}`, 'x'.repeat(8_000_000)])));
    for (const a of ['2', '3']) await update({ a });
    expect(built()).toEqual(['nothing', 'nothing', 'spare']);
    expect(hasSpare()).toBe(true);
    check();
    await stop();
  }, 240_000);

  test('a tree that grows gets one, and when it has shrunk the spare is gone', async () => {
    const { update, check, built, hasSpare, stop } = await crank();
    await update({ a: '2' });
    await update(manyFiles(3100, 'x'));
    await update({ a: '3' });
    expect(hasSpare()).toBe(true);
    await update({ a: '4' });
    await update(manyFiles(3100, null));
    expect(hasSpare()).toBe(false);
    await update({ a: '5' });
    expect(built()).toEqual(['nothing', 'nothing', 'nothing', 'spare', 'spare', 'nothing']);
    check();
    await stop();
  }, 240_000);

  test('after an update of most files there is none, not even an old one, until updates change little again', async () => {
    const { update, check, built, reasons, hasSpare, stop } = await crank(
      async (dir) => `${await httpGit(dir)}/repo.git`,
    );
    await update(manyFiles(3100, 'x'));
    for (const a of ['2', '3']) await update({ a });
    expect(hasSpare()).toBe(true);
    await update(manyFiles(3100, 'y'));
    check();
    expect(hasSpare()).toBe(false);
    expect(reasons().at(-1)).toContain('changed most');
    await update(manyFiles(3100, 'z'));
    for (const a of ['4', '5', '6']) await update({ a });
    expect(hasSpare()).toBe(true);
    expect(built().slice(2)).toEqual(['spare', 'nothing', 'nothing', 'nothing', 'nothing', 'spare']);
    check();
    await stop();
  }, 240_000);

  test('an update of most files that git fetched leaves none either', async () => {
    const { update, check, built, hasSpare, stop } = await crank();
    await update(manyFiles(3100, 'x'));
    for (const a of ['2', '3']) await update({ a });
    await update(manyFiles(3100, 'y'));
    check();
    expect(hasSpare()).toBe(false);
    for (const a of ['4', '5']) await update({ a });
    expect(built().slice(-2)).toEqual(['nothing', 'spare']);
    check();
    await stop();
  }, 240_000);

  test('a start over a small tree removes the spare that an earlier run kept', async () => {
    const { upstream, root, link, start } = fixture();
    const before = start(ALWAYS);
    for (const a of ['two', 'three']) await untilPublished(link, upstream.commit({ a }), before);
    await untilSpare(root, before);
    await before.stop();
    const process = start('-v=1');
    await until('the spare is gone', () => !existsSync(spareOf(root)));
    await untilPublished(link, upstream.commit({ a: 'four' }), process);
    expect(readFileSync(join(link, 'a'), 'utf8')).toBe('four');
  });
});
