import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { removeTree } from '../../src/platform/remove-tree.ts';
import { tempDir } from '../kit/temp.ts';

describe('removing a tree', () => {
  test('takes files, directories and links, and leaves what links point at', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'outside'));
    writeFileSync(join(dir, 'outside/precious'), '');
    mkdirSync(join(dir, 'tree/deep/er'), { recursive: true });
    for (let index = 0; index < 500; index += 1) writeFileSync(join(dir, `tree/deep/er/${index}`), '');
    symlinkSync(join(dir, 'outside'), join(dir, 'tree/deep/link'));
    symlinkSync('nowhere', join(dir, 'tree/dangling'));
    await removeTree(join(dir, 'tree'));
    expect(readdirSync(dir)).toEqual(['outside']);
    expect(existsSync(join(dir, 'outside/precious'))).toBe(true);
  });

  test('takes a single file or link, and does not mind when nothing is there', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'file'), '');
    symlinkSync('.', join(dir, 'link'));
    for (const name of ['file', 'link', 'nothing']) await removeTree(join(dir, name));
    expect(readdirSync(dir)).toEqual([]);
  });

  test('opens directories that somebody made read-only', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'tree/module'), { recursive: true });
    writeFileSync(join(dir, 'tree/module/x'), '');
    chmodSync(join(dir, 'tree/module'), 0o500);
    await removeTree(join(dir, 'tree'));
    expect(readdirSync(dir)).toEqual([]);
  });
});
