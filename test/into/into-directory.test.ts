import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { IntoOptions, IntoSource } from '../../src/into/into-directory.ts';
import { RevisionFile } from '../../src/into/revision-file.ts';
import { pathOfText } from '../../src/platform/byte-path.ts';
import { showPath } from '../../src/platform/show-path.ts';
import { exactTree } from '../kit/exact-tree.ts';
import { tempDir } from '../kit/temp.ts';
import { type Files, intoSourceAt, openIntoDirectory, work, writeTree } from './kit.ts';

function setUp(present: Files = {}, options: Partial<IntoOptions> = {}) {
  const dir = tempDir();
  const [into, root] = [join(dir, 'into'), join(dir, 'root')];
  for (const path of [into, root]) mkdirSync(path);
  writeTree(into, present);
  let count = 0;
  let last: Files = {};
  let directory = openIntoDirectory(into, root, { moveAside: false, ...options });
  /** Known to differ in these paths from the commit before. */
  const source = (files: Files, isKnown = true): IntoSource => {
    count += 1;
    const tree = join(dir, `tree-${count}`);
    mkdirSync(tree);
    const before = last;
    last = files;
    const changed = [...Object.keys(before), ...Object.keys(files)].filter(
      (path) => JSON.stringify(before[path]) !== JSON.stringify(files[path]),
    );
    const difference = async () => new Set(changed.map(pathOfText));
    return intoSourceAt(writeTree(tree, files), `${count}`.padStart(40, '0'), isKnown ? difference : undefined);
  };
  return {
    dir,
    into,
    root,
    source,
    restart: (more: Partial<IntoOptions> = {}) => {
      directory = openIntoDirectory(into, root, { moveAside: false, ...options, ...more });
    },
    current: () => directory,
    bring: async (files: Files, isKnown = true) => await directory.bring(source(files, isKnown), work()),
  };
}

/** Files and links with their contents, without the revision file. */
function contents(directory: string): Record<string, string> {
  const facts = [...exactTree(directory)].filter(
    ([path, text]) => !text.startsWith('directory') && path !== '.revision',
  );
  return Object.fromEntries(facts.map(([path, text]) => [path, text.split(' ').slice(3).join(' ')]));
}

const inode = (...path: string[]): number => statSync(join(...path)).ino;

describe.each([
  ['by what two commits differ in', true],
  ['by comparing all files', false],
])('bringing a directory to a revision, %s', (_how, isKnown) => {
  test('writes what changed only, removes what is gone, leaves what is not ours', async () => {
    const it = setUp({ theirs: 'theirs', 'a/theirs': 'too' });
    await it.bring({ same: '1', changed: '1', 'a/gone': '1', 'only/ours/deep': '1' }, isKnown);
    const before = statSync(join(it.into, 'same'));
    const brought = await it.bring({ same: '1', changed: '2', new: '3' }, isKnown);
    expect(brought).toEqual({ written: 2, removed: 2 });
    const { ino, mtimeMs, ctimeMs } = statSync(join(it.into, 'same'));
    expect({ ino, mtimeMs, ctimeMs }).toEqual({ ino: before.ino, mtimeMs: before.mtimeMs, ctimeMs: before.ctimeMs });
    expect(contents(it.into)).toEqual({ theirs: 'theirs', 'a/theirs': 'too', same: '1', changed: '2', new: '3' });
    expect(existsSync(join(it.into, 'only'))).toBe(false);
  });

  test('a file, a directory and a link take each other’s places', async () => {
    const it = setUp();
    const shapes: Files[] = [
      { x: 'file', other: 'o' },
      { 'x/a/b': 'deep', 'x/c': 'c', other: 'o' },
      { x: { link: 'other' }, other: 'o' },
      { 'x/a': { link: '../other' }, other: 'o' },
      { x: { exec: 'script' }, other: 'o' },
    ];
    for (const one of shapes) {
      for (const other of shapes) {
        await it.bring(one, isKnown);
        await it.bring(other, isKnown);
        const wanted = it.source(other).directory;
        expect(exactTree(it.into).size).toBe(exactTree(wanted).size + 1);
        expect(contents(it.into)).toEqual(contents(wanted));
      }
    }
  });

  test('permissions are part of a file', async () => {
    const it = setUp();
    await it.bring({ run: 'x' }, isKnown);
    await it.bring({ run: { exec: 'x' } }, isKnown);
    expect(statSync(join(it.into, 'run')).mode & 0o777).toBe(0o755);
  });

  test.each<readonly [string, (path: string) => void, string]>([
    ['edited', (path) => writeFileSync(path, 'edited'), 'mine'],
    [
      'edited, with the size and time that it had',
      (path) => {
        const { atime, mtime } = statSync(path);
        writeFileSync(path, 'EVIL');
        utimesSync(path, atime, mtime);
      },
      'mine',
    ],
    ['emptied', (path) => truncateSync(path), 'mine'],
    ['deleted', (path) => rmSync(path), 'mine'],
    ['made private', (path) => chmodSync(path, 0), 'mine'],
    ['made executable', (path) => chmodSync(path, 0o777), 'mine'],
    [
      'replaced by a link',
      (path) => {
        rmSync(path);
        symlinkSync('/etc/hostname', path);
      },
      'mine',
    ],
  ])('a file of ours that somebody %s is repaired', async (_what, edit, text) => {
    const it = setUp({ theirs: 'theirs' });
    await it.bring({ 'd/mine': text, same: 's' }, isKnown);
    edit(join(it.into, 'd', 'mine'));
    const same = inode(it.into, 'same');
    expect(await it.bring({ 'd/mine': text, same: 's' }, isKnown)).toEqual({ written: 1, removed: 0 });
    expect(contents(it.into)).toEqual({ 'd/mine': text, same: 's', theirs: 'theirs' });
    expect(statSync(join(it.into, 'd', 'mine')).mode & 0o777).toBe(0o644);
    expect(inode(it.into, 'same')).toBe(same);
  });

  test('permissions that Kubernetes adds for a group are no reason to write a file', async () => {
    const it = setUp();
    await it.bring({ a: '1' }, isKnown);
    chmodSync(join(it.into, 'a'), 0o664);
    expect(await it.bring({ a: '1' }, isKnown)).toEqual({ written: 0, removed: 0 });
  });

  test('what is not ours and in the way is named, and nothing is changed', async () => {
    const it = setUp({ 'd/theirs': 'theirs', 'is-dir/x': 'x', file: 'f' });
    symlinkSync('/etc', join(it.into, 'link'));
    await it.bring({ ok: '1' }, isKnown);
    const before = exactTree(it.into);
    const wanted = { ok: '2', 'd/theirs': 'ours', 'is-dir': 'ours', 'file/below': 'ours', 'link/below': 'ours' };
    await expect(it.bring(wanted, isKnown)).rejects.toMatchObject({
      code: 'ERR_INTO_OCCUPIED',
      detail: expect.stringMatching(/: d\/theirs, file, is-dir, link$/),
    });
    expect(exactTree(it.into)).toEqual(before);
  });

  test('what is not ours and has the same content becomes ours', async () => {
    const it = setUp({ 'd/theirs': 'same' });
    const before = inode(it.into, 'd/theirs');
    expect(await it.bring({ 'd/theirs': 'same' }, isKnown)).toEqual({ written: 0, removed: 0 });
    expect(inode(it.into, 'd/theirs')).toBe(before);
    await it.bring({}, isKnown);
    expect(readdirSync(join(it.into, 'd'))).toEqual([]);
  });

  test('--move-aside renames what is in the way, and nothing of it is lost', async () => {
    const it = setUp({ 'd/theirs': 'theirs', 'is-dir/x': 'x', file: 'f' }, { moveAside: true });
    symlinkSync('/etc', join(it.into, 'link'));
    await it.bring({ 'd/theirs': 'ours', 'is-dir': 'ours', 'file/below': 'ours', 'link/below': 'ours' }, isKnown);
    const shown = Object.entries(contents(it.into)).map(([path, text]) => [
      path.replace(/(before-git-sidecar-)\d+/, '$1N'),
      text,
    ]);
    expect(Object.fromEntries(shown)).toEqual({
      'd/theirs': 'ours',
      'd/theirs.before-git-sidecar-N': 'theirs',
      'is-dir': 'ours',
      'is-dir.before-git-sidecar-N/x': 'x',
      'file/below': 'ours',
      'file.before-git-sidecar-N': 'f',
      'link/below': 'ours',
      'link.before-git-sidecar-N': '/etc',
    });
  });

  test('directories that we made go when they are empty, others stay', async () => {
    const it = setUp();
    mkdirSync(join(it.into, 'theirs/empty'), { recursive: true });
    await it.bring({ 'theirs/ours/x': '1', 'theirs/empty/y': '1', 'ours/z': '1' }, isKnown);
    await it.bring({ other: '1' }, isKnown);
    expect(readdirSync(it.into).sort()).toEqual(['.revision', 'other', 'theirs']);
    expect(readdirSync(join(it.into, 'theirs'))).toEqual(['empty']);
  });

  test('a directory in which a file is left over stays, and goes with a later update', async () => {
    const it = setUp();
    await it.bring({ 'd/x': '1', a: '1' }, isKnown);
    // What NFS makes of a file that is removed while it is open.
    writeFileSync(join(it.into, 'd', '.nfs0001'), '');
    await it.bring({ a: '2' }, isKnown);
    expect(readdirSync(join(it.into, 'd'))).toEqual(['.nfs0001']);
    rmSync(join(it.into, 'd', '.nfs0001'));
    await it.bring({ a: '3' }, isKnown);
    expect(existsSync(join(it.into, 'd'))).toBe(false);
  });

  test('a file takes the place of a directory in which NFS left a file', async () => {
    const it = setUp();
    await it.bring({ 'd/x': '1', a: '1' }, isKnown);
    writeFileSync(join(it.into, 'd', '.nfs0001'), '');
    await it.bring({ d: 'file', a: '1' }, isKnown);
    expect(readFileSync(join(it.into, 'd'), 'utf8')).toBe('file');
    const left = readdirSync(it.into).filter((name) => name.startsWith('.tmp-git-sidecar.'));
    expect(left).toHaveLength(1);
    rmSync(join(it.into, `${left}`, '.nfs0001'));
    await it.bring({ d: 'other', a: '1' }, isKnown);
    expect(readdirSync(it.into).sort()).toEqual(['.revision', 'a', 'd']);
  });

  test.each([
    ['a relative link that leads out', { 'a/link': { link: '../../outside' } }],
    ['an absolute link that leads out', { link: { link: '/etc/passwd' } }],
  ])('refuses %s, and changes nothing', async (_what, files) => {
    const it = setUp();
    await it.bring({ ok: '1' }, isKnown);
    const before = exactTree(it.into);
    await expect(it.bring({ ok: '2', ...files }, isKnown)).rejects.toMatchObject({ code: 'ERR_INTO_ESCAPE' });
    expect(exactTree(it.into)).toEqual(before);
  });

  test('nothing is written, read or removed behind a link that took the place of a directory of ours', async () => {
    const it = setUp();
    const outside = join(it.dir, 'outside');
    await it.bring({ 'd/x': '1', 'd/gone': '1' }, isKnown);
    execFileSync('mv', [join(it.into, 'd'), outside]);
    symlinkSync(outside, join(it.into, 'd'));
    await expect(it.bring({ 'd/x': '2' }, isKnown)).rejects.toMatchObject({
      code: 'ERR_INTO_OCCUPIED',
      detail: /: d$/,
    });
    await it.bring({ other: '1' }, isKnown);
    expect(contents(outside)).toEqual({ x: '1', gone: '1' });
    // The directory is back: what was ours in it still is.
    rmSync(join(it.into, 'd'));
    execFileSync('mv', [outside, join(it.into, 'd')]);
    await it.bring({ other: '2' }, isKnown);
    expect(contents(it.into)).toEqual({ other: '2' });
  });

  test('a file at an edited path that the revision no longer has goes too; a directory there stays', async () => {
    const it = setUp();
    await it.bring({ a: '1', b: '1', c: '1' }, isKnown);
    writeFileSync(join(it.into, 'a'), 'edited');
    rmSync(join(it.into, 'b'));
    mkdirSync(join(it.into, 'b'));
    await it.bring({ c: '1' }, isKnown);
    expect(readdirSync(it.into).sort()).toEqual(['.revision', 'b', 'c']);
  });

  test('names that are not UTF-8, with newlines and quotes are kept as they are', async () => {
    const it = setUp();
    const odd = Buffer.from('od\xfed\n"\' name', 'latin1');
    const make = (text: string): IntoSource => {
      const source = it.source({ 'd/plain': text }, isKnown);
      const full = Buffer.concat([Buffer.from(`${source.directory}/d/`), odd]);
      writeFileSync(full, text);
      const path = Buffer.concat([Buffer.from('d/'), odd]).toString('latin1') as unknown as ReturnType<
        typeof pathOfText
      >;
      return { ...source, difference: async () => new Set([pathOfText('d/plain'), path]) };
    };
    for (const text of ['1', '2']) {
      await it.current().bring(make(text), work());
      const names = readdirSync(join(it.into, 'd'), 'latin1').sort();
      expect(names).toEqual([odd.toString('latin1'), 'plain']);
      expect(readFileSync(Buffer.concat([Buffer.from(`${it.into}/d/`), odd]), 'utf8')).toBe(text);
    }
    await it.bring({ other: '1' }, false);
    expect(readdirSync(it.into).sort()).toEqual(['.revision', 'other']);
  });
});

describe('the revision file', () => {
  test('names the commit, also when no file of it changed', async () => {
    const it = setUp();
    await it.bring({ a: '1' });
    expect(readFileSync(join(it.into, '.revision'), 'utf8')).toBe(`${'1'.padStart(40, '0')}\n`);
    await it.bring({ a: '1' });
    expect(readFileSync(join(it.into, '.revision'), 'utf8')).toBe(`${'2'.padStart(40, '0')}\n`);
  });

  test('is written again when somebody removed it', async () => {
    const it = setUp();
    const source = it.source({ a: '1' });
    await it.current().bring(source, work());
    rmSync(join(it.into, '.revision'));
    expect((await it.current().compare(source, work())).map(showPath)).toEqual([join(it.into, '.revision')]);
    await it.current().bring(source, work());
    expect(existsSync(join(it.into, '.revision'))).toBe(true);
  });

  test('a revision that has a file of that name is refused', async () => {
    const it = setUp();
    for (const path of ['.revision', '.revision/x'])
      await expect(it.bring({ [path]: 'x' })).rejects.toMatchObject({ code: 'ERR_INTO_ESCAPE', target: path });
  });

  test('a directory in its place is named', async () => {
    const it = setUp({ '.revision/x': 'x' });
    await expect(it.bring({ a: '1' })).rejects.toMatchObject({ code: 'ERR_INTO_OCCUPIED' });
    expect(contents(it.into)).toEqual({ '.revision/x': 'x' });
  });

  test('can be elsewhere', async () => {
    const dir = tempDir();
    const path = join(dir, 'elsewhere', 'revision');
    const it = setUp();
    it.restart({ revisionFile: new RevisionFile(it.into, path) });
    await it.bring({ '.revision': 'of the repository' });
    expect(readFileSync(path, 'utf8')).toBe(`${'1'.padStart(40, '0')}\n`);
    expect(readFileSync(join(it.into, '.revision'), 'utf8')).toBe('of the repository');
  });
});

describe('what is known about the directory', () => {
  test('a process that starts later knows what is ours', async () => {
    const it = setUp({ theirs: 'theirs' });
    await it.bring({ a: '1', gone: '1' });
    it.restart();
    await it.bring({ a: '2' });
    expect(contents(it.into)).toEqual({ theirs: 'theirs', a: '2' });
  });

  test('of another directory in its place nothing is known to be ours', async () => {
    const it = setUp();
    await it.bring({ a: '1', gone: '1' });
    rmSync(it.into, { recursive: true });
    mkdirSync(`${it.into}.new`);
    execFileSync('mv', [`${it.into}.new`, it.into]);
    writeTree(it.into, { gone: 'theirs', a: 'theirs' });
    it.restart();
    await expect(it.bring({ a: '2' })).rejects.toMatchObject({ code: 'ERR_INTO_OCCUPIED' });
    expect(contents(it.into)).toEqual({ gone: 'theirs', a: 'theirs' });
  });

  test('a directory that somebody removed is made anew and filled, without a restart', async () => {
    const it = setUp();
    const source = it.source({ a: '1', 'd/b': '1' });
    await it.current().bring(source, work());
    rmSync(it.into, { recursive: true });
    expect(await it.current().compare(source, work())).toHaveLength(3);
    expect(await it.current().bring(source, work())).toEqual({ written: 2, removed: 0 });
    expect(contents(it.into)).toMatchObject({ a: '1', 'd/b': '1' });
    expect(existsSync(join(it.into, '.revision'))).toBe(true);
  });

  test('after a boot of the machine all contents are compared: a power cut may have emptied files', async () => {
    const it = setUp();
    const source = it.source({ a: 'long', b: '2' });
    await it.current().bring(source, work());
    it.restart({ boot: 'another boot' });
    expect(it.current().isAt(source)).toBe(false);
    await it.current().recover(work());
    expect(it.current().oid).toBeUndefined();
    // The revision file does not promise what is not known.
    expect(existsSync(join(it.into, '.revision'))).toBe(false);
    await it.current().bring(source, work());
    expect(it.current().isAt(source)).toBe(true);
    expect(existsSync(join(it.into, '.revision'))).toBe(true);
  });

  test.each([
    ['empty', ''],
    ['cut off', undefined],
    ['of another program', 'hello\0'],
  ])('a ledger that is %s is no ledger: equal files are ours again, others are named', async (_what, text) => {
    const it = setUp();
    await it.bring({ a: '1', b: '1' });
    const ledger = join(it.root, '.git-sidecar', 'into.ledger');
    const bytes = readFileSync(ledger);
    writeFileSync(ledger, text ?? bytes.subarray(0, bytes.length - 7));
    it.restart();
    await expect(it.bring({ a: '2', b: '1' })).rejects.toMatchObject({ code: 'ERR_INTO_OCCUPIED', detail: /: a$/ });
    await it.bring({ a: '1', b: '1' });
    await it.bring({ a: '2' });
    expect(contents(it.into)).toEqual({ a: '2' });
  });

  test('an order to stop while files are staged leaves the directory as it was', async () => {
    const it = setUp();
    await it.bring({ a: '1' });
    const before = exactTree(it.into);
    const stop = new AbortController();
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`d/${index}`, 'x']));
    let calls = 0;
    const onProgress = (): void => {
      calls += 1;
      if (calls === 5) stop.abort(new Error('stop'));
    };
    const source = it.source({ a: '2', ...many });
    await expect(it.current().bring(source, { signal: stop.signal, onProgress })).rejects.toThrow('stop');
    expect(exactTree(it.into)).toEqual(before);
    await it.current().bring(source, work());
    expect(Object.keys(contents(it.into))).toHaveLength(301);
  });
});
