// npm run bench: measures and writes docs/performance.md; `--help` says what it takes. Needs root, nginx, sshd and control
// groups.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { build } from 'esbuild';
import { ensureBundle } from './prepare.js';

if (!process.argv.includes('--help')) ensureBundle();
const outdir = `dist/bench-${process.pid}`;
await build({
  entryPoints: ['bench/main.ts', 'bench/hostile-tenant.ts', 'bench/usage-watcher.ts'],
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: ['vitest', 'echarts', 'yaml', 'playwright-core'],
  logLevel: 'warning',
});
const { status } = spawnSync(process.execPath, [`${outdir}/main.mjs`, ...process.argv.slice(2)], { stdio: 'inherit' });
rmSync(outdir, { recursive: true, force: true });
process.exit(status ?? 1);
