import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { claimDirectory } from '../../src/platform/owned-directory.ts';
import { tempDir } from '../kit/temp.ts';

const MARK = '.made-by-git-sidecar';
const everything = async (names: readonly string[]): Promise<readonly string[]> => names;
const claim = async (path: string, purpose = 'tests', foreignTo = everything): Promise<void> =>
  await claimDirectory({ path, purpose, foreignTo });

describe('claimDirectory', () => {
  test('takes one that is missing, with those above it', async () => {
    const path = join(tempDir(), 'a/b');
    await claim(path);
    expect(readFileSync(join(path, MARK), 'utf8')).toMatch(/^tests\n/);
  });

  test.each([
    ['nothing', []],
    ['what a fresh volume holds', ['lost+found', '.snapshot']],
  ])('takes one that holds %s', async (_what, names) => {
    const path = tempDir();
    for (const name of names) mkdirSync(join(path, name));
    await claim(path);
    expect(readdirSync(path).sort()).toEqual([MARK, ...names].sort());
  });

  test('refuses one that holds something else, names a few of the things, and leaves no mark', async () => {
    const path = tempDir();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) writeFileSync(join(path, name), name);
    await expect(claim(path)).rejects.toMatchObject({
      code: 'ERR_DIRECTORY_FOREIGN',
      detail: 'it holds what git-sidecar did not make: a, b, c, d, e and 2 more',
    });
    expect(readdirSync(path)).not.toContain(MARK);
  });

  test('takes its own again, whatever is in it by now', async () => {
    const path = tempDir();
    await claim(path);
    writeFileSync(join(path, 'release'), '');
    await claim(path);
  });

  test('refuses one that is marked for another command', async () => {
    const path = tempDir();
    await claim(path, 'mirrors');
    await expect(claim(path, 'releases')).rejects.toMatchObject({
      code: 'ERR_DIRECTORY_FOREIGN',
      detail: 'git-sidecar uses it already, for mirrors',
    });
  });

  test('takes what an edition without marks filled, and marks it', async () => {
    const path = tempDir();
    writeFileSync(join(path, 'state.json'), '');
    await claim(path, 'tests', async (names) => names.filter((name) => name !== 'state.json'));
    expect(readdirSync(path)).toContain(MARK);
  });

  test('a link to the mark of another directory is no mark', async () => {
    const [mine, path] = [tempDir(), tempDir()];
    await claim(mine);
    symlinkSync(join(mine, MARK), join(path, MARK));
    writeFileSync(join(path, 'precious'), '');
    await expect(claim(path)).rejects.toMatchObject({ code: 'ERR_DIRECTORY_FOREIGN' });
  });

  test('a mark that a power cut left empty stands in nobody’s way, and proves nothing', async () => {
    const path = tempDir();
    writeFileSync(join(path, MARK), '');
    writeFileSync(join(path, 'precious'), '');
    await expect(claim(path)).rejects.toMatchObject({ code: 'ERR_DIRECTORY_FOREIGN' });
    await claim(path, 'tests', async () => []);
    await claim(path);
  });
});
