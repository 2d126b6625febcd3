import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempDir } from '../kit/temp.ts';

interface Entry {
  [key: string]: unknown;
}

interface Lock {
  readonly packages: Record<string, Entry>;
}

function audit(change: (lock: Lock) => void = () => undefined): { status: number | null; stderr: string } {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock;
  change(lock);
  const file = join(tempDir(), 'package-lock.json');
  writeFileSync(file, JSON.stringify(lock));
  const { status, stderr } = spawnSync(process.execPath, ['scripts/audit-lock.js', file], { encoding: 'utf8' });
  return { status, stderr };
}

const entryOf = ({ packages }: Lock, name = 'jose'): Entry => {
  const entry = packages[`node_modules/${name}`];
  if (!entry) throw new Error(`no ${name}`);
  return entry;
};

describe('the lock file', () => {
  test('has a sha512 for each package, exact versions, no addresses, and only scripts and licences that are listed', () => {
    expect(audit()).toEqual({ status: 0, stderr: '' });
  });

  test.each<[string, (lock: Lock) => void, RegExp]>([
    ['has no integrity', (lock) => delete entryOf(lock).integrity, /jose has no sha512 integrity/],
    [
      'has a weaker integrity',
      (lock) => Object.assign(entryOf(lock), { integrity: `sha1-${'a'.repeat(27)}=` }),
      /jose has no sha512 integrity/,
    ],
    [
      'comes from an address',
      (lock) => Object.assign(entryOf(lock), { resolved: 'https://elsewhere.example/jose.tgz' }),
      /jose names where it comes from/,
    ],
    ['is a link', (lock) => Object.assign(entryOf(lock), { link: true }), /jose is a link/],
    [
      'comes from a repository',
      (lock) => Object.assign(entryOf(lock), { version: 'git+ssh://git@forge.example/jose.git#1' }),
      /jose has no exact version/,
    ],
    ['runs a script', (lock) => Object.assign(entryOf(lock), { hasInstallScript: true }), /jose runs a script/],
    ['has another licence', (lock) => Object.assign(entryOf(lock), { license: 'SSPL-1.0' }), /the licence SSPL-1.0/],
    ['has no licence', (lock) => delete entryOf(lock).license, /jose has the licence undefined/],
    [
      'asks for a dependency by address',
      (lock) => Object.assign(entryOf(lock), { dependencies: { x: 'https://elsewhere.example/x.tgz' } }),
      /jose asks for x at https:/,
    ],
    [
      'is not pinned in package.json',
      (lock) => Object.assign(lock.packages[''] as Entry, { dependencies: { jose: '^6.0.0' } }),
      /package.json does not pin jose/,
    ],
  ])('is refused when a package %s', (_what, change, reason) => {
    const { status, stderr } = audit(change);
    expect(stderr).toMatch(reason);
    expect(status).toBe(1);
  });

  test('a copyleft licence is for tools that are listed, and none of them is in the bundle', () => {
    const { status, stderr } = audit((lock) => Object.assign(entryOf(lock), { license: 'MPL-2.0' }));
    expect(stderr).toContain('jose has the licence MPL-2.0');
    expect(status).toBe(1);
    expect(readFileSync('dist/sbom.cdx.json', 'utf8')).not.toMatch(/MPL|lightningcss|axe-core/);
  });

  test('is audited by npm run lint, and the registry’s signatures by CI', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    expect(scripts.lint).toContain('node scripts/audit-lock.js');
    expect(readFileSync('.ci/run', 'utf8')).toContain('node scripts/audit-lock.js --signatures');
  });
});
