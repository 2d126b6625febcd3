import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { script } from '../kit/script.ts';
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

describe('the registry’s signatures', () => {
  /** @param script what `npm audit signatures` does */
  function audited(scriptText: string) {
    const dir = tempDir();
    script(join(dir, 'npm'), `test "$*" = "audit signatures" || exit 9`, scriptText);
    const env = { PATH: `${dir}:/usr/bin:/bin` };
    const args = ['scripts/audit-lock.js', '--signatures=1'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
    return { status, stdout, stderr };
  }

  test('are no failure when all are good', () => {
    const good = audited(
      'echo "audited 300 packages in 2s"; echo; echo "300 packages have verified registry signatures"',
    );
    expect(good).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('verified registry signatures'),
    });
  });

  test.each([
    ['is invalid', '1 package has an invalid registry signature:\n\njose@6.2.17 (https://registry.example.com/)'],
    [
      'is missing',
      '1 package has a missing registry signature but the registry is providing signing keys:\n\njose@6.2.17',
    ],
    ['is an attestation that is invalid', '1 package has an invalid attestation:\n\njose@6.2.17'],
    ['are invalid in several packages', '2 packages have invalid registry signatures:\n\njose@6.2.17\nsemver@7.8.6'],
    [
      'are missing in several packages',
      '2 packages have missing registry signatures but the registry is providing signing keys:\n\njose@6.2.17',
    ],
  ])('fail when one %s, and the package is named', (_what, text) => {
    const bad = audited(`printf '%s\\n' '${text}'; exit 1`);
    expect(bad.status).toBe(1);
    expect(bad.stderr).toContain('jose@6.2.17');
  });

  test.each([
    [
      'offers no keys',
      'echo "npm error found no dependencies to audit that were installed from a supported registry" >&2; exit 1',
      /no dependencies to audit/,
    ],
    ['is not there', 'echo "npm error code ENOTFOUND" >&2; exit 1', /ENOTFOUND/],
    ['does not answer in time', 'exec sleep 60', /ETIMEDOUT/],
  ])('are not verified, and that is printed, where the registry %s', (_what, text, reason) => {
    const { status, stdout } = audited(text);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^signatures are not verified: /);
    expect(stdout).toMatch(reason);
  });
});
