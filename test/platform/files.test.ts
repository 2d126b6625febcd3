import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeFileAtomic } from '../../src/platform/atomic-file.ts';
import { endOrphans, OWNER_VARIABLE, ownerMark } from '../../src/platform/orphans.ts';
import { openPrivateDirectory } from '../../src/platform/private-directory.ts';
import { tempDir } from '../kit/temp.ts';
import { delay } from '../peers/wait.ts';

describe('atomic files', () => {
  test('replaces the whole content, makes directories, leaves no temporary file', async () => {
    const dir = tempDir();
    await writeFileAtomic(join(dir, 'x/y'), 'one', { mode: 0o600 });
    await writeFileAtomic(join(dir, 'x/y'), 'two', { mode: 0o600 });
    expect(readFileSync(join(dir, 'x/y'), 'utf8')).toBe('two');
    expect(statSync(join(dir, 'x/y')).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(dir, 'x'))).toEqual(['y']);
  });

  test('leaves no temporary file when it fails', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'taken/deep'), { recursive: true });
    await expect(writeFileAtomic(join(dir, 'taken'), 'x')).rejects.toThrow();
    expect(readdirSync(dir)).toEqual(['taken']);
  });
});

describe('the private directory', () => {
  test('is ours alone, the same for the same identity, another when somebody else could look in', async () => {
    const one = await openPrivateDirectory(`test ${process.pid}`, tempDir());
    expect(statSync(one).mode & 0o777).toBe(0o700);
    expect(await openPrivateDirectory(`test ${process.pid}`, tempDir())).toBe(one);
    chmodSync(one, 0o755);
    const two = await openPrivateDirectory(`test ${process.pid}`, tempDir());
    expect(two).not.toBe(one);
    const { rmSync } = await import('node:fs');
    for (const path of [one, two]) rmSync(path, { recursive: true });
  });
});

describe('orphans', () => {
  test('ends processes of a dead owner on this root; leaves those of living owners and other roots', async () => {
    const root = tempDir();
    writeFileSync(join(root, 'x'), '');
    const dead = spawn('true');
    await new Promise((done) => dead.once('exit', done));
    const start = (mark: string) => spawn('sleep', ['20'], { env: { PATH: process.env.PATH, [OWNER_VARIABLE]: mark } });
    const orphan = start(ownerMark(root, dead.pid ?? 0));
    const living = start(ownerMark(root, process.pid));
    const elsewhere = start(ownerMark('/elsewhere', dead.pid ?? 0));
    await delay(100);
    try {
      expect(await endOrphans(root)).toEqual([orphan.pid]);
      expect([living.exitCode, elsewhere.exitCode]).toEqual([null, null]);
    } finally {
      for (const child of [orphan, living, elsewhere]) child.kill('SIGKILL');
    }
  });
});
