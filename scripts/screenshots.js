// npm run screenshots: takes the pictures of docs/page.md anew. Needs chromium.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { build } from 'esbuild';
import { ensureBundle } from './prepare.js';

ensureBundle();
const outdir = `dist/screenshots-${process.pid}`;
await build({
  entryPoints: ['bench/screenshots.ts'],
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
});
const { status } = spawnSync(process.execPath, [`${outdir}/screenshots.mjs`], { stdio: 'inherit' });
rmSync(outdir, { recursive: true, force: true });
process.exit(status ?? 1);
