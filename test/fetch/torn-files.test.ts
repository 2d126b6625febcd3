import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeTornRecords, removeTornRefs } from '../../src/fetch/torn-files.ts';
import { tempDir } from '../kit/temp.ts';

const OID = 'a'.repeat(40);
const WHOLE = { commondir: '../..\n', HEAD: `${OID}\n`, gitdir: '/git/x/.git\n' };

function record(gitDir: string, name: string, files: Record<string, string>): string {
  const path = join(gitDir, 'worktrees', name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

test('a record of a worktree of ours goes when a power cut has emptied a line of it; all others stay', async () => {
  const gitDir = join(tempDir(), '.git');
  const torn = [
    record(gitDir, OID, { ...WHOLE, commondir: '' }),
    record(gitDir, `${'b'.repeat(40)}.rebuilt`, { ...WHOLE, HEAD: '\0'.repeat(41) }),
    record(gitDir, 'c'.repeat(40), { ...WHOLE, gitdir: '' }),
  ];
  const whole = [
    record(gitDir, 'd'.repeat(40), WHOLE),
    record(gitDir, 'e'.repeat(40), { HEAD: WHOLE.HEAD }),
    record(gitDir, 'of-somebody-else', { ...WHOLE, HEAD: '' }),
  ];
  expect([...(await removeTornRecords(gitDir))].sort()).toEqual(torn);
  expect(torn.some((path) => existsSync(path))).toBe(false);
  expect(whole.every((path) => existsSync(path))).toBe(true);
});

test('a ref goes when a power cut has emptied it, also one deep below; all others stay', async () => {
  const gitDir = join(tempDir(), '.git');
  mkdirSync(join(gitDir, 'refs', 'heads', 'deep'), { recursive: true });
  const [torn, zeros, whole] = ['git-sync', 'deep/one', 'main'].map((name) => join(gitDir, 'refs', 'heads', name));
  writeFileSync(torn ?? '', '');
  writeFileSync(zeros ?? '', '\0'.repeat(41));
  writeFileSync(whole ?? '', `${OID}\n`);
  expect([...(await removeTornRefs(gitDir))].sort()).toEqual([zeros, torn].sort());
  expect(existsSync(whole ?? '')).toBe(true);
});

test('a repository without refs or records is none to be repaired', async () => {
  expect(await removeTornRefs(join(tempDir(), '.git'))).toEqual([]);
  expect(await removeTornRecords(join(tempDir(), '.git'))).toEqual([]);
});
