import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempDir } from '../kit/temp.ts';
import { notTried } from '../peers/not-tried.ts';

const DIGESTS = 128;

/** A copy of the program whose caches may be spoiled. */
function copyOfProgram(): { readonly dir: string; readonly version: () => string; readonly caches: () => string[] } {
  const dir = tempDir();
  for (const name of readdirSync('dist'))
    if (name.startsWith('git-sync')) copyFileSync(join('dist', name), join(dir, name));
  return {
    dir,
    version: () => execFileSync(join(dir, 'git-sync.cjs'), ['--version']).toString(),
    caches: () => readdirSync(dir).filter((name) => name.endsWith('.cache')),
  };
}

/** Whether V8 takes a cache for the bundle when Node is started as the program starts it. */
function isAccepted(dir: string, cache: string): boolean {
  const script = `
    const { readFileSync } = require('node:fs');
    const source = readFileSync(process.argv[1], 'latin1');
    const cachedData = readFileSync(process.argv[2]).subarray(${DIGESTS});
    console.log(!new (require('node:vm').Script)(source, { cachedData }).cachedDataRejected);`;
  const files = [join(dir, 'git-sync.bundle.js'), join(dir, cache)];
  const { stdout } = spawnSync(process.execPath, ['-e', script, ...files]);
  return stdout.toString() === 'true\n';
}

describe('a code cache', () => {
  test('comes with the build, and this machine’s Node takes it', () => {
    const { dir, caches } = copyOfProgram();
    expect(caches().map((cache) => isAccepted(dir, cache))).toEqual([true]);
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['was cut off', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['is empty', () => Buffer.alloc(0)],
    ['lost a page', (bytes) => Buffer.concat([bytes.subarray(0, 9000), Buffer.alloc(4096), bytes.subarray(13_096)])],
    ['has one other byte', (bytes) => bytes.fill(~(bytes[5000] ?? 0), 5000, 5001)],
    ['belongs to another build', (bytes) => bytes.fill('0', 0, 64)],
  ])('that %s is not used, and replaced when the program ends', (_what, spoil) => {
    const { dir, version, caches } = copyOfProgram();
    const wanted = version();
    for (const name of caches()) writeFileSync(join(dir, name), spoil(readFileSync(join(dir, name))));
    expect(version()).toBe(wanted);
    const replaced = caches().filter((name) => isAccepted(dir, name));
    expect(replaced).toHaveLength(1);
    expect(version()).toBe(wanted);
  });

  test('is not made where the program may not write', ({ skip }) => {
    if (process.getuid?.() !== 0) {
      notTried('needs root to become another user');
      return skip();
    }
    const { dir, caches } = copyOfProgram();
    for (const name of caches()) rmSync(join(dir, name));
    chmodSync(dir, 0o755);
    const { status } = spawnSync(join(dir, 'git-sync.cjs'), ['--version'], { uid: 65_534, gid: 65_534 });
    expect(status).toBe(0);
    expect(readdirSync(dir).sort()).toEqual(['git-sync.bundle.js', 'git-sync.cjs']);
  });
});
