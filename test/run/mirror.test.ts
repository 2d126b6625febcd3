import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type BytePath, pathOfText } from '../../src/platform/byte-path.ts';
import { showPath } from '../../src/platform/show-path.ts';
import { Mirror } from '../../src/run/mirror.ts';
import { exactTree } from '../kit/exact-tree.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';

function tree(directory: string, files: Record<string, string | { link: string }>): string {
  rmSync(directory, { recursive: true, force: true });
  for (const [path, content] of Object.entries(files)) {
    const full = join(directory, path);
    mkdirSync(dirname(full), { recursive: true });
    if (typeof content === 'string') writeFileSync(full, content);
    else symlinkSync(content.link, full);
  }
  return directory;
}

function setUp(present: Record<string, string | { link: string }> = { theirs: 'theirs', 'a/theirs': 'too' }) {
  const dir = tempDir();
  const into = tree(join(dir, 'into'), present);
  const backupDir = join(dir, 'backup');
  const make = (): Mirror => new Mirror({ directory: into, backupDir, durable: false, log: silentLog });
  let owned: readonly BytePath[] = [];
  return {
    dir,
    into,
    backupDir,
    make,
    release: (files: Record<string, string | { link: string }>) => tree(join(dir, 'release'), files),
    deploy: async (files: Record<string, string | { link: string }>, settle = true) => {
      const mirror = make();
      const release = tree(join(dir, 'release'), files);
      await mirror.requireInnerLinks(release);
      const plan = await mirror.plan(release, new Set(owned));
      await mirror.apply(plan);
      if (settle) {
        owned = plan.owned;
        await mirror.settle();
      }
      return plan.changes.map(({ kind, path }) => `${kind} ${showPath(path)}`);
    },
  };
}

const contents = (directory: string): Record<string, string> =>
  Object.fromEntries([...exactTree(directory)].map(([path, facts]) => [path, facts.split(' ').at(-1) ?? '']));

describe('mirroring into a directory that holds other things', () => {
  test('writes what changed only, removes what is gone, leaves what is not ours', async () => {
    const it = setUp();
    await it.deploy({ same: '1', changed: '1', 'a/gone': '1', 'only/ours/deep': '1' });
    const { ino, mtimeMs } = statSync(join(it.into, 'same'));
    expect(await it.deploy({ same: '1', changed: '2', new: '3' })).toEqual([
      'remove a/gone',
      'remove only/ours/deep',
      'file changed',
      'file new',
    ]);
    expect(statSync(join(it.into, 'same'))).toMatchObject({ ino, mtimeMs });
    expect(contents(it.into)).toMatchObject({ theirs: 'theirs', 'a/theirs': 'too', same: '1', changed: '2', new: '3' });
    expect(existsSync(join(it.into, 'only'))).toBe(false);
  });

  test('what a killed process left half written goes with the undoing; files of others with odd names stay', async () => {
    const it = setUp();
    await it.deploy({ 'd/x': '1' });
    await it.deploy({ 'd/x': '2' }, false);
    const [half, odd] = ['.tmp-git-sidecar.0123456789abcdef', '.tmp-git-sidecar.notes'];
    for (const name of [half, odd]) for (const at of ['.', 'd']) writeFileSync(join(it.into, at, name), 'half');
    await it.make().restore();
    expect(contents(it.into)).toMatchObject({ 'd/x': '1', [odd]: 'half', [`d/${odd}`]: 'half' });
    for (const at of ['.', 'd']) expect(existsSync(join(it.into, at, half))).toBe(false);
  });

  test('permissions are part of a file', async () => {
    const it = setUp();
    await it.deploy({ run: 'x' });
    const release = it.release({ run: 'x' });
    chmodSync(join(release, 'run'), 0o755);
    const plan = await it.make().plan(release, new Set([pathOfText('run')]));
    expect(plan.changes).toHaveLength(1);
  });

  test('what is undone is as before: contents, permissions, links, directories', async () => {
    const it = setUp({ theirs: 'theirs', changed: 'before', link: { link: 'theirs' } });
    chmodSync(join(it.into, 'changed'), 0o640);
    const before = exactTree(it.into);
    await it.deploy({ changed: 'after', link: 'a file now', 'new/deep/file': 'x' }, false);
    expect(readFileSync(join(it.into, 'changed'), 'utf8')).toBe('after');
    // Another process finds the journal.
    await it.make().restore();
    expect(exactTree(it.into)).toEqual(before);
    expect(existsSync(it.backupDir)).toBe(false);
  });

  test('a journal whose last line was cut off is undone up to there', async () => {
    const it = setUp({ changed: 'before' });
    await it.deploy({ changed: 'after' }, false);
    writeFileSync(
      join(it.backupDir, 'journal.ndjson'),
      `${readFileSync(join(it.backupDir, 'journal.ndjson'), 'utf8')}{"pa`,
    );
    await it.make().restore();
    expect(contents(it.into)).toEqual({ changed: 'before' });
  });

  test.each([
    ['a relative link that leads out', { 'a/link': { link: '../../outside' } }],
    ['an absolute link that leads out', { link: { link: '/etc/passwd' } }],
  ])('refuses %s, and changes nothing', async (_what, files) => {
    const it = setUp();
    const before = exactTree(it.into);
    await expect(it.deploy({ other: 'x', ...files })).rejects.toMatchObject({ code: 'ERR_RUN_ESCAPE' });
    expect(exactTree(it.into)).toEqual(before);
  });

  test('does not write through a symlink that is in the directory', async () => {
    const it = setUp({ sub: { link: '../elsewhere' } });
    tree(join(it.dir, 'elsewhere'), { precious: 'precious' });
    await expect(it.deploy({ 'sub/precious': 'overwritten' })).rejects.toMatchObject({ code: 'ERR_RUN_ESCAPE' });
    expect(readFileSync(join(it.dir, 'elsewhere/precious'), 'utf8')).toBe('precious');
  });

  test('a directory of somebody else in the place of a file: an error, and everything is as before', async () => {
    const it = setUp({ 'taken/theirs': 'theirs' });
    const before = exactTree(it.into);
    await expect(it.deploy({ first: 'x', taken: 'a file' })).rejects.toMatchObject({ code: 'ERR_RUN_COPY' });
    expect(exactTree(it.into)).toEqual(before);
  });

  test('file and directory take each other’s place', async () => {
    const it = setUp({});
    mkdirSync(it.into, { recursive: true });
    await it.deploy({ x: 'file' });
    await it.deploy({ 'x/y': 'in a directory' });
    expect(contents(it.into)).toMatchObject({ 'x/y': 'directory' });
    await it.deploy({ x: 'file' });
    expect(contents(it.into)).toEqual({ x: 'file' });
  });
});

describe('after a power cut', () => {
  test('a torn line of the journal is left out, and what the others say is undone', async () => {
    const it = setUp();
    await it.deploy({ 'd/x': '1', y: '1' });
    await it.deploy({ 'd/x': '2', y: '2' }, false);
    const journal = join(it.backupDir, 'journal.ndjson');
    const lines = readFileSync(journal, 'utf8').split('\n');
    writeFileSync(journal, [lines[0], '\0\0\0\0', ...lines.slice(1)].join('\n'));
    await it.make().restore();
    expect(contents(it.into)).toMatchObject({ 'd/x': '1', y: '1' });
  });
});
