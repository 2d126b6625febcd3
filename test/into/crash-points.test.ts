import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exactTree } from '../kit/exact-tree.ts';
import { MixedDirectory } from '../kit/mixed-directory.ts';
import { bundle } from '../kit/private-mounts.ts';
import { tempDir } from '../kit/temp.ts';
import { type Files, intoSourceAt, openIntoDirectory, work, writeAnew } from './kit.ts';

const [ONE, TWO] = ['1'.repeat(40), '2'.repeat(40)];
const BEFORE: Files = {
  same: 'same',
  changed: 'before',
  mode: 'x',
  gone: 'gone',
  'd/gone': 'gone',
  'd/e/deep': 'deep',
  'becomes-dir': 'file',
  'becomes-file/a/b': 'b',
  'becomes-file/c': 'c',
  link: { link: 'same' },
  'link-to-file': { link: 'same' },
};
const AFTER: Files = {
  same: 'same',
  changed: 'after',
  mode: { exec: 'x' },
  'new/dir/file': 'new',
  'new/dir/other': 'other',
  'becomes-dir/x/y': 'y',
  'becomes-dir/z': 'z',
  'becomes-file': 'file',
  link: { link: 'changed' },
  'link-to-file': 'file',
  'theirs-in-the-way': 'ours',
  'their-link/inner': 'ours',
};
const FOREIGN = { theirs: 'theirs', 'd/theirs': 'too', 'theirs-in-the-way': 'theirs', 'new/theirs': 'x' };

const PROGRAM = `
  import { intoSourceAt, openIntoDirectory, work } from './test/into/kit.ts';
  const [into, root, tree, oid] = process.argv.slice(2);
  openIntoDirectory(into, root).bring(intoSourceAt(tree, oid), work()).then(
    () => { process.exitCode = 0; },
    (error) => { process.stdout.write(String(error.code) + ' ' + String(error)); process.exitCode = 3; },
  );
`;

async function setUp() {
  const dir = tempDir();
  const [into, root] = [join(dir, 'into'), join(dir, 'root')];
  for (const path of [into, root]) mkdirSync(path);
  const [before, after] = [writeAnew(join(dir, 'before'), BEFORE), writeAnew(join(dir, 'after'), AFTER)];
  await openIntoDirectory(into, root).bring(intoSourceAt(before, ONE), work());
  for (const [path, text] of Object.entries(FOREIGN)) {
    mkdirSync(dirname(join(into, path)), { recursive: true });
    writeFileSync(join(into, path), text);
  }
  symlinkSync(join(dir, 'before'), join(into, 'their-link'));
  const wanted = (tree: string, oid: string) =>
    new Map([...exactTree(tree), ['.revision', `file 100644 0:0 ${oid}\n`]]);
  const trees = new Map([
    [ONE, wanted(before, ONE)],
    [TWO, wanted(after, TWO)],
  ]);
  const mixed = new MixedDirectory(into);
  mixed.noteForeign(wanted(before, ONE));
  return {
    into,
    root,
    sources: { [ONE]: intoSourceAt(before, ONE), [TWO]: intoSourceAt(after, TWO) },
    after,
    marker: () =>
      existsSync(join(into, '.revision')) ? readFileSync(join(into, '.revision'), 'utf8').trim() : undefined,
    problems: (oid: string, isWhole = true) =>
      mixed.problems(trees.get(oid) ?? new Map()).filter((problem) => isWhole || problem.startsWith('ours')),
  };
}

const MOST = 400;

describe.each([
  ['killed', 'FS_KILL'],
  ['on a full disk', 'FS_FULL'],
])('an update that is %s at each of its file operations', (_what, variable) => {
  test('goes on or back at the next start, and the revision file never names what is not there', async () => {
    const program = bundle(tempDir(), PROGRAM);
    const seen = { back: 0, on: 0 };
    let at = 1;
    for (; at < MOST; at += 1) {
      const it = await setUp();
      const args = ['--require', resolve('test/kit/fs-steps.cjs'), program, it.into, it.root, it.after, TWO];
      const { status, signal, stdout } = spawnSync(process.execPath, args, {
        env: { PATH: process.env.PATH, [variable]: `${at}` },
        encoding: 'utf8',
      });
      const what = `${variable}=${at} ${status} ${signal} ${stdout}`;
      const shown = it.marker();
      if (shown !== undefined)
        expect(it.problems(shown, false), `${what}: the revision file names ${shown}`).toEqual([]);
      const next = openIntoDirectory(it.into, it.root);
      await next.recover(work());
      const oid = next.oid ?? 'nothing';
      expect(it.problems(oid), `${what}: recovered to ${oid}`).toEqual([]);
      expect(it.marker(), what).toBe(oid);
      seen[oid === ONE ? 'back' : 'on'] += 1;
      // Each of the two can be what is wanted next.
      const wanted = at % 2 === 0 ? ONE : TWO;
      await next.bring(it.sources[wanted] as ReturnType<typeof intoSourceAt>, work());
      expect(it.problems(wanted), `${what}: brought to ${wanted}`).toEqual([]);
      if (status === 0) break;
    }
    expect(at).toBeLessThan(MOST);
    process.stdout.write(`${variable}: ${at} operations, ${seen.back} times back, ${seen.on} times on\n`);
    expect(Math.min(seen.back, seen.on)).toBeGreaterThan(3);
  }, 400_000);
});
