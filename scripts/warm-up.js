// Runs a program once from its start to its end, on a repository of its own: the code cache that it leaves then holds
// what a first sync uses.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const LIMIT_MS = 30_000;

/** Without git, or where it fails, the program gets as far as it can; a smaller cache is good as well. */
export function warmUp(program) {
  const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-warm-up-'));
  const source = join(directory, 'source');
  const quiet = { stdio: 'ignore', timeout: LIMIT_MS };
  const author = ['-c', 'user.name=git-sidecar', '-c', 'user.email=git-sidecar@localhost'];
  spawnSync('git', ['init', '--quiet', source], quiet);
  spawnSync('git', ['-C', source, ...author, 'commit', '--quiet', '--allow-empty', '--message=warm-up'], quiet);
  const flags = [`--repo=file://${source}`, `--root=${join(directory, 'root')}`, '--one-time'];
  spawnSync(resolve(program), flags, { ...quiet, env: { PATH: process.env.PATH ?? '', HOME: directory } });
  rmSync(directory, { recursive: true, force: true });
}
