import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openPrivateMounts, setImmutable } from '../kit/private-mounts.ts';
import { type Fixture, fixture } from '../kit/setup.ts';
import { Sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

const KEPT = 'it is kept until it can be removed';
const treesOf = (root: string): string[] => readdirSync(join(root, '.worktrees')).sort();

function start({ args }: Fixture, more: readonly string[], within: readonly string[] = []): Sidecar {
  return new Sidecar([...args, '--period=40ms', '--max-failures=-1', '-v=1', ...more], {}, { within });
}

async function update({ upstream, link }: Fixture, process: Sidecar, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1)
    await untilPublished(link, upstream.commit({ a: `${process.child.pid} ${time}` }), process);
}

/** Somebody's directory, and what is in it. */
function prey(): { path: string; files: () => string[] } {
  const path = tempDir();
  mkdirSync(join(path, 'sub'));
  for (const name of ['keep', 'sub/keep']) writeFileSync(join(path, name), 'precious');
  return { path, files: () => readdirSync(path, { recursive: true }).map(String).sort() };
}

describe('a stale tree in which something is mounted', () => {
  for (const more of [['--spare=always'], ['--no-spare']]) {
    test.skipIf(missing('unshare', 'nsenter'))(
      `is kept with all behind the mount, reported once, in no update's way, and goes when the mount has gone ${more}`,
      { timeout: 120_000 },
      async ({ skip }) => {
        const mounts = openPrivateMounts() ?? skip();
        const given = fixture();
        const { upstream, first, link } = given;
        const process = start(given, more, mounts.enter);
        await untilPublished(link, first, process);
        const tree = realpathSync(link);
        const outside = prey();
        mkdirSync(join(tree, 'mnt'));
        mounts.bind(outside.path, join(tree, 'mnt'));
        await update(given, process, 3);
        await process.logged(KEPT);
        expect(outside.files()).toEqual(['keep', 'sub', 'sub/keep']);
        // The same commit comes back while its tree cannot be removed.
        upstream.git('reset', '-q', '--hard', first);
        upstream.push('+main');
        await untilPublished(link, first, process);
        expect(readFileSync(join(link, 'a'), 'utf8')).toBe('one');
        expect(existsSync(join(link, 'mnt'))).toBe(false);
        await update(given, process, 2);
        expect(outside.files()).toEqual(['keep', 'sub', 'sub/keep']);
        expect([process.count(KEPT), process.count('sync failed')]).toEqual([1, 0]);
        expect(existsSync(tree)).toBe(true);
        mounts.unbind(join(tree, 'mnt'));
        await until('the tree is gone', () => !existsSync(tree));
        await update(given, process, 1);
        expect(outside.files()).toEqual(['keep', 'sub', 'sub/keep']);
      },
    );
  }
});

describe('one file that cannot be removed', () => {
  test('in a stale tree stays alone, is reported once and stops no update', { timeout: 120_000 }, async ({ skip }) => {
    const given = fixture();
    given.upstream.commit({ 'd/q': 'q' });
    const process = start(given, []);
    await until('something is published', () => existsSync(given.link));
    await update(given, process, 1);
    const tree = realpathSync(given.link);
    const file = join(tree, 'd/q');
    if (!setImmutable(file, true)) skip();
    onTestFinished(() => void (existsSync(file) && setImmutable(file, false)));
    await update(given, process, 4);
    await process.logged(KEPT);
    expect(readdirSync(tree, { recursive: true }).map(String).sort()).toEqual(['d', 'd/q']);
    expect([process.count(KEPT), process.count('sync failed')]).toEqual([1, 0]);
    setImmutable(file, false);
    await until('the tree is gone', () => !existsSync(tree));
  });

  test('in the spare is moved aside, and updates and new spares go on', { timeout: 120_000 }, async ({ skip }) => {
    const given = fixture();
    const { root } = given;
    given.upstream.commit({ 'd/q': 'q' });
    const process = start(given, ['--spare=always']);
    await until('something is published', () => existsSync(given.link));
    const made = join(root, '.git/worktrees/git-sidecar-spare/git-sidecar.json');
    await update(given, process, 2);
    await until('the spare is made', () => existsSync(made));
    if (!setImmutable(join(root, '.git/git-sidecar/spare/d/q'), true)) skip();
    const aside = (): string[] =>
      existsSync(join(root, '.git-sidecar')) ? readdirSync(join(root, '.git-sidecar')) : [];
    const file = (): string => join(root, '.git-sidecar', aside()[0] ?? '', 'd/q');
    onTestFinished(() => {
      for (const path of [join(root, '.git/git-sidecar/spare/d/q'), file()])
        if (existsSync(path)) setImmutable(path, false);
    });
    given.upstream.commit({ 'd/q': 'changed' });
    await update(given, process, 3);
    await until('there is a spare again', () => existsSync(made));
    expect(process.count('sync failed')).toBe(0);
    await process.logged(KEPT);
    expect(aside()).toHaveLength(1);
    setImmutable(file(), false);
    await until('it is gone', () => aside().length === 0);
  });
});

describe('what lies in .worktrees and is no worktree', () => {
  test('goes, file or directory, but not before its time, and never through a link', async () => {
    const given = fixture();
    const outside = prey();
    const process = start(given, []);
    await untilPublished(given.link, given.first, process);
    const place = join(given.root, '.worktrees');
    writeFileSync(join(place, 'file'), '');
    mkdirSync(join(place, 'directory/deep'), { recursive: true });
    writeFileSync(join(place, 'directory/deep/file'), '');
    symlinkSync(outside.path, join(place, 'directory/link'));
    symlinkSync(outside.path, join(place, 'link'));
    writeFileSync(Buffer.concat([Buffer.from(`${place}/`), Buffer.from([0xe9])]), '');
    const newest = given.upstream.commit({ a: 'two' });
    await untilPublished(given.link, newest, process);
    await until(
      () => `only the published tree is left, of ${treesOf(given.root)}`,
      () => treesOf(given.root).join() === newest,
    );
    expect(outside.files()).toEqual(['keep', 'sub', 'sub/keep']);
    await process.stop();
    writeFileSync(join(place, 'young'), '');
    const patient = start(given, ['--stale-worktree-timeout=1h']);
    await untilPublished(given.link, given.upstream.commit({ a: 'three' }), patient);
    await update(given, patient, 1);
    expect(treesOf(given.root)).toContain('young');
  });

  test('stays when it is a file that the user named', async () => {
    const given = fixture();
    const options = ['--touch-file=.worktrees/here/touched'];
    const process = start(given, options);
    for (const text of ['two', 'three']) await untilPublished(given.link, given.upstream.commit({ a: text }), process);
    await until('the old trees are gone', () => treesOf(given.root).length === 2);
    expect(existsSync(join(given.root, '.worktrees/here/touched'))).toBe(true);
    expect(process.count('is none')).toBe(0);
  });
});

describe('files that the user named', () => {
  test('a symlink in the place of --touch-file or --error-file is replaced, never written through', async () => {
    const given = fixture();
    const outside = prey();
    mkdirSync(given.root);
    symlinkSync(join(outside.path, 'made'), join(given.root, 'touched'));
    symlinkSync(join(outside.path, 'keep'), join(given.root, 'error'));
    const bad = await start(given, ['--error-file=error', '--ref=nope', '--one-time', '--max-failures=0']).exited;
    expect(bad.code).toBe(1);
    expect(readFileSync(join(given.root, 'error'), 'utf8')).toContain('nope');
    const good = await start(given, ['--touch-file=touched', '--one-time']).exited;
    expect(good.code).toBe(0);
    expect(readFileSync(join(given.root, 'touched'), 'utf8')).toBe('');
    expect(outside.files()).toEqual(['keep', 'sub', 'sub/keep']);
    expect(readFileSync(join(outside.path, 'keep'), 'utf8')).toBe('precious');
  });

  test('their directory may be a link of the user outside the root, or within it, but must not lead out of it', async () => {
    const given = fixture();
    const outside = prey();
    mkdirSync(join(given.root, 'inner'), { recursive: true });
    symlinkSync('inner', join(given.root, 'within'));
    symlinkSync(outside.path, join(given.root, 'out'));
    symlinkSync(outside.path, join(given.dir, 'mine'));
    for (const [file, seen] of [
      ['within/touched', join(given.root, 'inner/touched')],
      [join(given.dir, 'mine/touched'), join(outside.path, 'touched')],
    ] as const) {
      expect((await start(given, [`--touch-file=${file}`, '--one-time']).exited).code).toBe(0);
      expect(existsSync(seen)).toBe(true);
    }
    const process = start(given, ['--touch-file=out/not-here', '--one-time']);
    await process.exited;
    expect(process.logs.some(({ code }) => code === 'ERR_PATH_REDIRECTED')).toBe(true);
    expect(outside.files()).toEqual(['keep', 'sub', 'sub/keep', 'touched']);
  });
});
