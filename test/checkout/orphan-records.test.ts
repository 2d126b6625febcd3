import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeOrphanRecords } from '../../src/checkout/orphan-records.ts';
import { oidOfWorktreeName } from '../../src/fetch/layout.ts';
import { fixture } from '../kit/setup.ts';
import { run } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { git } from '../kit/upstream.ts';

const OID = 'a'.repeat(40);

function makeRecord(gitDir: string, name: string, files: Readonly<Record<string, string>>): string {
  const path = join(gitDir, 'worktrees', name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

test('records without a tree are removed, those with one and those of other names stay', async () => {
  const root = tempDir();
  const gitDir = join(root, '.git');
  const there = `.worktrees/${'b'.repeat(40)}`;
  mkdirSync(join(root, there), { recursive: true });
  const head = { HEAD: `${OID}\n`, commondir: '../..\n' };
  const gone = [
    makeRecord(gitDir, OID, head),
    makeRecord(gitDir, `${OID}.rebuilt`, { ...head, gitdir: `/elsewhere/.worktrees/rebuilt/${OID}/.git\n` }),
    makeRecord(gitDir, `rev-${OID}`, { gitdir: `${root}/rev-${OID}/.git\n` }),
  ];
  const kept = [
    makeRecord(gitDir, 'b'.repeat(40), { ...head, gitdir: `/mounted/before/${there}/.git\n` }),
    makeRecord(gitDir, 'somebody', head),
    makeRecord(gitDir, 'c'.repeat(40), { gitdir: 'something else\n' }),
  ];
  expect([...(await removeOrphanRecords(gitDir, oidOfWorktreeName))].sort()).toEqual([...gone].sort());
  expect(readdirSync(join(gitDir, 'worktrees'))).toHaveLength(kept.length);
  for (const path of kept) expect(existsSync(path)).toBe(true);
});

test('git takes no notice of what is left of a record when its first file is removed, or not yet written', async () => {
  const { args, root } = fixture();
  await run([...args, '--one-time']);
  const gitDir = join(root, '.git');
  const fsck = (): string => git(root, '--git-dir', gitDir, 'fsck', '--connectivity-only', '--no-dangling');
  for (const name of ['HEAD', 'commondir', 'index']) {
    const path = makeRecord(gitDir, OID, { HEAD: `${'d'.repeat(40)}\n`, commondir: '../..\n', index: 'x' });
    rmSync(join(path, name));
    expect(fsck()).toBe('');
  }
});
