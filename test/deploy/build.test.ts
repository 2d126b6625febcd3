import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempDir } from '../kit/temp.ts';

interface Sbom {
  readonly components: readonly { readonly name: string; readonly version: string; readonly licenses: unknown[] }[];
}

const sbom = (): Sbom => JSON.parse(readFileSync('dist/sbom.cdx.json', 'utf8')) as Sbom;
const bundledPackages = (): string[] => sbom().components.map(({ name }) => name);

describe('the build', () => {
  test('is reproducible: another directory, the same bytes', () => {
    const copy = join(tempDir(), 'elsewhere');
    for (const path of ['src', 'scripts', 'package.json', 'tsconfig.json'])
      cpSync(path, join(copy, path), { recursive: true });
    for (const name of ['esbuild', '@esbuild', ...bundledPackages()])
      cpSync(join('node_modules', name), join(copy, 'node_modules', name), { recursive: true });
    execFileSync(process.execPath, ['scripts/build.js'], { cwd: copy });
    const built = readdirSync(join(copy, 'dist')).filter((name) => !name.endsWith('.cache'));
    expect(built).toEqual(
      expect.arrayContaining(['git-sidecar.bundle.js', 'git-sync.cjs', 'page.json', 'sbom.cdx.json']),
    );
    for (const file of built)
      expect(readFileSync(join(copy, 'dist', file)).equals(readFileSync(join('dist', file))), file).toBe(true);
  });

  test('the bill of materials names every package whose code is in the bundle, with version and licence', () => {
    const { components } = sbom();
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { version: string }>;
    };
    expect(components.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['prom-client', 'jose', 'https-proxy-agent', 'fastest-levenshtein']),
    );
    for (const { name, version, licenses } of components) {
      expect(packages[`node_modules/${name}`]?.version, name).toBe(version);
      expect(licenses).toHaveLength(1);
    }
    expect(components.map(({ name }) => name)).not.toContain('vitest');
  });
});
