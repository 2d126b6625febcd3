// What npm start and npm test share: dependencies and a bundle, made when they are missing or out of date.
// Runs before anything is installed, so it uses nothing but Node.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) throw error;
  if (status !== 0) {
    process.stderr.write(`${command} ${args.join(' ')} failed\n`);
    process.exit(status ?? 1);
  }
}

function newest(directory) {
  const times = readdirSync(directory, { recursive: true }).map((name) => statSync(join(directory, name)).mtimeMs);
  return Math.max(...times);
}

export function ensureDependencies() {
  const stamp = 'node_modules/.package-lock.json';
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync('package-lock.json').mtimeMs) return;
  if (existsSync(stamp) && existsSync('node_modules/esbuild')) {
    const { status } = spawnSync('npm', ['ls', '--silent'], { stdio: 'ignore' });
    if (status === 0) return;
  }
  process.stderr.write('installing dependencies, which can take a minute…\n');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

export function ensureBundle() {
  const bundle = 'dist/git-sidecar.cjs';
  if (existsSync(bundle) && statSync(bundle).mtimeMs >= Math.max(newest('src'), statSync('scripts/build.js').mtimeMs))
    return;
  run(process.execPath, ['scripts/build.js']);
}
