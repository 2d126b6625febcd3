// Writes the generated docs; with --check it only compares, and fails when they have drifted from the source.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const bundle = join(tmpdir(), `git-sidecar-docs-${process.pid}.mjs`);
await build({
  entryPoints: ['src/docs/render-all.ts'],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'esm',
  logLevel: 'warning',
});
const { renderAll } = await import(pathToFileURL(bundle).href);
rmSync(bundle);
let drifted = false;
for (const [path, text] of Object.entries(renderAll())) {
  let before = '';
  try {
    before = readFileSync(path, 'utf8');
  } catch {
    // Not there yet.
  }
  if (before === text) continue;
  if (process.argv.includes('--check')) {
    process.stderr.write(`${path} is out of date: run npm run docs\n`);
    drifted = true;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    process.stdout.write(`wrote ${path}\n`);
  }
}
process.exit(drifted ? 1 : 0);
