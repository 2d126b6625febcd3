import { chmodSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type ChangesSince, changesSince } from '../../src/checkout/changed-since.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { delay } from '../peers/wait.ts';

/** A tree that was finished a moment ago. */
async function finishedTree() {
  const path = mkdtempSync(join(tmpdir(), 'changed-since-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  const tree = join(path, 'tree');
  mkdirSync(join(tree, 'deep', 'er'), { recursive: true });
  writeFileSync(join(tree, 'file'), 'x');
  writeFileSync(join(tree, 'deep', 'er', 'file'), 'x');
  symlinkSync('file', join(tree, 'link'));
  await delay(20);
  writeFileSync(join(path, 'stamp'), '');
  const sinceNs = lstatSync(join(path, 'stamp'), { bigint: true }).mtimeNs;
  await delay(20);
  return { path, tree, sinceNs };
}

const runner = createProcessRunner();
const env = { PATH: process.env.PATH ?? '' };
const look = (path: string, sinceNs: bigint, entries: number, PATH = env.PATH): ChangesSince =>
  changesSince({ path, sinceNs, entries, runner, env: { PATH }, signal: new AbortController().signal });

const isChanged = async ({ directories, files }: ChangesSince): Promise<boolean> =>
  (await directories) || (await files).length > 0;

const DEEDS: Record<string, (tree: string) => void> = {
  'a file that was written': (tree) => writeFileSync(join(tree, 'deep/er/file'), 'y'),
  'a file with other permissions': (tree) => chmodSync(join(tree, 'deep/er/file'), 0o600),
  'a new file': (tree) => writeFileSync(join(tree, 'deep/er/new'), ''),
  'a file that is gone': (tree) => rmSync(join(tree, 'file')),
  'a directory with other permissions': (tree) => chmodSync(join(tree, 'deep/er'), 0o700),
  'the tree itself with other permissions': (tree) => chmodSync(tree, 0o700),
  'a link that was made anew': (tree) => {
    rmSync(join(tree, 'link'));
    symlinkSync('elsewhere', join(tree, 'link'));
  },
};

describe.each([
  ['a small tree', 10, undefined],
  ['a large tree', 100_000, undefined],
  ['a large tree where there is no find', 100_000, '/nonexistent'],
])('%s', (_name, entries, path) => {
  test('that nobody touched has no changes', async () => {
    const { tree, sinceNs } = await finishedTree();
    const found = look(tree, sinceNs, entries, path);
    expect(await found.directories).toBe(false);
    expect(await found.files).toEqual([]);
  });

  test.each(Object.entries(DEEDS))('%s is noticed', async (_deed, touch) => {
    const { tree, sinceNs } = await finishedTree();
    touch(tree);
    expect(await isChanged(look(tree, sinceNs, entries, path))).toBe(true);
  });
});

test('names the changed files of a large tree, also while it is moved', async () => {
  const { path, tree, sinceNs } = await finishedTree();
  writeFileSync(join(tree, 'deep/er/file'), 'y');
  const found = look(tree, sinceNs, 100_000);
  expect(await found.directories).toBe(false);
  renameSync(tree, join(path, 'moved'));
  expect(await found.files).toEqual(['deep/er/file']);
});

test('says nothing more to who has learned enough', async () => {
  const { path, tree, sinceNs } = await finishedTree();
  const missing = join(path, 'missing');
  const found = look(missing, sinceNs, 100_000);
  rmSync(tree, { recursive: true });
  await expect(found.directories).rejects.toThrow();
  // An unhandled rejection of the other part would fail this run.
  await delay(50);
});
