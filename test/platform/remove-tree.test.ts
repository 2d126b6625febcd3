import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HeldDirectory } from '../../src/platform/held-directory.ts';
import { removeTree } from '../../src/platform/remove-tree.ts';
import { bundle, openPrivateMounts, setImmutable } from '../kit/private-mounts.ts';
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
    await removeTree({ root: dir, path: join(dir, 'tree') });
    expect(readdirSync(dir)).toEqual(['outside']);
    expect(existsSync(join(dir, 'outside/precious'))).toBe(true);
  });

  test('takes a single file or link, and does not mind when nothing is there', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'file'), '');
    symlinkSync('.', join(dir, 'link'));
    for (const name of ['file', 'link', 'nothing']) await removeTree({ root: dir, path: join(dir, name) });
    expect(readdirSync(dir)).toEqual([]);
  });

  test('opens directories that somebody made read-only', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'tree/module'), { recursive: true });
    writeFileSync(join(dir, 'tree/module/x'), '');
    chmodSync(join(dir, 'tree/module'), 0o500);
    await removeTree({ root: dir, path: join(dir, 'tree') });
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe('what a removal leaves alone', () => {
  test('a directory swapped for a link between listing and removing leads nowhere', async () => {
    for (const instant of ['entered', 'left'] as const) {
      const dir = tempDir();
      mkdirSync(join(dir, 'outside/sub'), { recursive: true });
      for (const name of ['a', 'sub/a']) writeFileSync(join(dir, 'outside', name), 'precious');
      mkdirSync(join(dir, 'tree/sub/sub'), { recursive: true });
      for (const name of ['a', 'sub/a', 'sub/sub/a']) writeFileSync(join(dir, 'tree', name), '');
      let seen = 0;
      const onEntry = (path: string): void => {
        if (path !== join(dir, 'tree/sub')) return;
        seen += 1;
        if (seen !== (instant === 'entered' ? 1 : 2)) return;
        renameSync(path, join(dir, 'moved'));
        symlinkSync(join(dir, 'outside'), path);
      };
      expect(await removeTree({ root: dir, path: join(dir, 'tree') }, { onEntry })).toEqual([]);
      expect(seen).toBe(instant === 'entered' ? 1 : 2);
      expect(readdirSync(dir).sort()).toEqual(['moved', 'outside']);
      expect(readdirSync(join(dir, 'outside'), { recursive: true }).sort()).toEqual(['a', 'sub', 'sub/a']);
    }
  });

  test('a directory moved out of the tree while its inside is being removed does not take the removal along', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'outside'));
    writeFileSync(join(dir, 'outside/precious'), '');
    const deep = Array.from({ length: 60 }, () => 'd').join('/');
    mkdirSync(join(dir, 'tree', deep), { recursive: true });
    const onEntry = (path: string): void => {
      // It is closed by now: the way back up from below it has to lead to the directory from which it went down.
      if (path === join(dir, 'tree', deep) && existsSync(path)) {
        renameSync(join(dir, 'tree/d/d/d/d'), join(dir, 'outside/moved'));
        mkdirSync(join(dir, 'tree/d/d/d/d'));
      }
    };
    const kept = await removeTree({ root: dir, path: join(dir, 'tree') }, { onEntry });
    expect(kept).toEqual([{ path: join(dir, 'tree/d/d/d'), reason: 'changing' }]);
    expect(existsSync(join(dir, 'outside/precious'))).toBe(true);
  });

  test('a link above the tree is not followed, and what it points at stays', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'outside/tree'), { recursive: true });
    mkdirSync(join(dir, 'root'));
    symlinkSync(join(dir, 'outside'), join(dir, 'root/sub'));
    expect(await removeTree({ root: join(dir, 'root'), path: join(dir, 'root/sub/tree') })).toEqual([
      { path: join(dir, 'root/sub'), reason: 'leads elsewhere' },
    ]);
    expect(existsSync(join(dir, 'outside/tree'))).toBe(true);
  });

  test('a mount point stays with all behind it, a mounted file too, and everything else goes', async ({ skip }) => {
    const dir = tempDir();
    const mounts = openPrivateMounts() ?? skip();
    mkdirSync(join(dir, 'outside/sub'), { recursive: true });
    for (const name of ['precious', 'sub/precious']) writeFileSync(join(dir, 'outside', name), '');
    mkdirSync(join(dir, 'tree/a/mnt'), { recursive: true });
    mkdirSync(join(dir, 'tree/b/c'), { recursive: true });
    for (const name of ['a/x', 'b/c/x', 'b/file']) writeFileSync(join(dir, 'tree', name), '');
    mounts.bind(join(dir, 'outside'), join(dir, 'tree/a/mnt'));
    mounts.bind(join(dir, 'outside/precious'), join(dir, 'tree/b/file'));
    const source = `import { removeTree } from './src/platform/remove-tree.ts';
      void removeTree(${JSON.stringify({ root: dir, path: join(dir, 'tree') })}).then((kept) => console.log(JSON.stringify(kept)));`;
    const remove = () => JSON.parse(mounts.run(tempDir(), source)) as unknown;
    expect(remove()).toEqual([
      { path: join(dir, 'tree/b/file'), reason: 'in use', code: 'EBUSY' },
      { path: join(dir, 'tree/a/mnt'), reason: 'mount point' },
    ]);
    expect(readdirSync(join(dir, 'tree'), { recursive: true }).sort()).toEqual(['a', 'a/mnt', 'b', 'b/file']);
    expect(readdirSync(join(dir, 'outside'), { recursive: true }).sort()).toEqual(['precious', 'sub', 'sub/precious']);
    mounts.unbind(join(dir, 'tree/a/mnt'));
    mounts.unbind(join(dir, 'tree/b/file'));
    expect(remove()).toEqual([]);
    expect(readdirSync(dir)).toEqual(['outside']);
  });

  test('an immutable file stays and is named, and everything else goes', async ({ skip }) => {
    const dir = tempDir();
    mkdirSync(join(dir, 'tree/a'), { recursive: true });
    for (const name of ['a/held', 'a/x', 'y']) writeFileSync(join(dir, 'tree', name), '');
    if (!setImmutable(join(dir, 'tree/a/held'), true)) skip();
    try {
      const kept = await removeTree({ root: dir, path: join(dir, 'tree') });
      expect(kept).toEqual([{ path: join(dir, 'tree/a/held'), reason: 'not permitted', code: 'EPERM' }]);
      expect(readdirSync(join(dir, 'tree'), { recursive: true }).sort()).toEqual(['a', 'a/held']);
    } finally {
      setImmutable(join(dir, 'tree/a/held'), false);
    }
  });
});

describe('a tree of an odd shape', () => {
  test('file names that are not UTF-8 go', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'tree'));
    const odd = Buffer.concat([Buffer.from(join(dir, 'tree/')), Buffer.from([0x66, 0xfc, 0xff])]);
    mkdirSync(odd);
    writeFileSync(Buffer.concat([odd, Buffer.from([0x2f, 0xe9])]), '');
    expect(await removeTree({ root: dir, path: join(dir, 'tree') })).toEqual([]);
    expect(readdirSync(dir)).toEqual([]);
  });

  test('a tree deeper than there may be open files, with a path longer than a path may be, goes', async () => {
    const dir = tempDir();
    const source = `import { removeTree } from './src/platform/remove-tree.ts';
      import { mkdirSync } from 'node:fs';
      process.chdir(${JSON.stringify(dir)});
      mkdirSync('tree');
      process.chdir('tree');
      for (let i = 0; i < 1500; i += 1) { mkdirSync('deep'); mkdirSync('side'); process.chdir('deep'); }
      process.chdir('/');
      void removeTree(${JSON.stringify({ root: dir, path: join(dir, 'tree') })}).then((kept) => console.log(JSON.stringify(kept)));`;
    const program = bundle(tempDir(), source);
    const limited = ['-c', `ulimit -n 80; exec "${process.execPath}" "${program}"`];
    expect(execFileSync('bash', limited, { encoding: 'utf8' })).toBe('[]\n');
    expect(readdirSync(dir)).toEqual([]);
  });

  test('where there is no /proc, links are not followed either', () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'real/inner'), { recursive: true });
    symlinkSync('real', join(dir, 'link'));
    const held = HeldDirectory.open(dir, '/nonexistent');
    expect(() => held.child('link')).toThrow(/ENOTDIR/);
    const inner = held.child('real').child('inner');
    expect(inner.at('x').toString()).toBe(join(dir, 'real/inner/x'));
  });
});
