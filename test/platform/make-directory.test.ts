import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeDirectory } from '../../src/platform/make-directory.ts';
import { tempDir } from '../kit/temp.ts';

test('makes what is missing above it, and leaves what is there', async () => {
  const dir = tempDir();
  await makeDirectory(join(dir, 'a/b/c'), 0o700);
  expect(statSync(join(dir, 'a/b/c')).mode & 0o777).toBe(0o700);
  await makeDirectory(join(dir, 'a'), 0o755);
  expect(statSync(join(dir, 'a')).mode & 0o777).toBe(0o700);
});

test('many that are made one shortly after the other below the same missing directories are all there', async () => {
  const paths = Array.from({ length: 50 }, () => join(tempDir(), 'missing/too')).flatMap((parent) =>
    Array.from({ length: 4 }, (_, at) => join(parent, `root-${at}`)),
  );
  const made: Promise<void>[] = [];
  for (const path of paths) {
    made.push(makeDirectory(path, 0o755));
    // Each begins while those before it are between two of their steps.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(made);
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
});

test('fails where nothing can be made, and comes to an end', async () => {
  const dir = tempDir();
  writeFileSync(join(dir, 'file'), '');
  await expect(makeDirectory(join(dir, 'file'), 0o755)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeDirectory(join(dir, 'file/x'), 0o755)).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(makeDirectory('/proc/nope', 0o755)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(existsSync('/proc/nope')).toBe(false);
});
