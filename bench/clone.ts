// Cloning files against having git write them, on XFS: from which average size on is cloning ahead?
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { carryOver } from '../src/checkout/carry-over.ts';
import { GIT_ENV, git } from '../test/kit/upstream.ts';
import { size, sizes } from './size.ts';
import { median, ms, table } from './statistics.ts';

const ROUNDS = size('BENCH_ROUNDS', { full: 3, smoke: 1 });
const FILES = size('BENCH_CLONE_FILES', { full: 400, smoke: 20 });
const SIZES_KIB = sizes('BENCH_CLONE_KIB', { full: [1, 8, 32, 128, 512], smoke: [1, 128] });

function repository(directory: string, bytes: number): string {
  const path = join(directory, `size-${bytes}`);
  git(directory, 'init', '-q', path);
  // Half noise, half repetition: neither free to store nor incompressible, as files are.
  for (let index = 0; index < FILES; index += 1)
    writeFileSync(
      join(path, `f${index}`),
      Buffer.concat([randomBytes(bytes / 2), Buffer.alloc(bytes / 2, 'lorem ipsum ')]),
    );
  git(path, 'add', '-A');
  git(path, 'commit', '-q', '-m', 'one');
  return path;
}

function checkOut(path: string, target: string): number {
  mkdirSync(target);
  const env = { ...GIT_ENV, GIT_DIR: join(path, '.git'), GIT_WORK_TREE: target, GIT_INDEX_FILE: `${target}.index` };
  const before = performance.now();
  execFileSync('git', ['reset', '--hard', '-q', 'HEAD'], { env, cwd: target });
  return performance.now() - before;
}

async function clone(path: string, target: string): Promise<number> {
  mkdirSync(target);
  const before = performance.now();
  const finishedAtNs = statSync(target, { bigint: true }).ctimeNs + 10n ** 12n;
  const { copied } = await carryOver({
    root: dirname(target),
    oidBytes: 20,
    like: { path, index: join(path, '.git', 'index'), finishedAtNs },
    old: undefined,
    copying: 'clone',
    to: target,
    toIndex: `${target}.index`,
    signal: new AbortController().signal,
  });
  if (copied !== FILES) throw new Error(`${copied} of ${FILES} files were cloned`);
  return performance.now() - before;
}

export async function benchClone(): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-xfs-'));
  const [image, mounted] = [join(home, 'image'), join(home, 'mounted')];
  mkdirSync(mounted);
  execFileSync('truncate', ['-s', '6G', image]);
  execFileSync('mkfs.xfs', ['-q', '-m', 'reflink=1', image]);
  execFileSync('mount', ['-o', 'loop', image, mounted]);
  const rows: string[][] = [];
  try {
    for (const kib of SIZES_KIB) {
      const path = repository(mounted, kib * 1024);
      const times: Record<'clone' | 'git', number[]> = { clone: [], git: [] };
      for (let round = 0; round < ROUNDS; round += 1) {
        times.git.push(checkOut(path, join(mounted, `git-${kib}-${round}`)));
        times.clone.push(await clone(path, join(mounted, `clone-${kib}-${round}`)));
      }
      const [own, other] = [median(times.clone), median(times.git)];
      rows.push([`${kib}`, ms(own), ms(other), (other / own).toFixed(1)]);
    }
  } finally {
    execFileSync('umount', [mounted]);
    rmSync(home, { recursive: true, force: true });
  }
  return [
    '## Cloning instead of writing',
    `On a file system that clones files (XFS here), a worktree can be built from the published one when there is no spare. Milliseconds for ${FILES} files of one size, medians of ${ROUNDS}: cloning, and git writing them.`,
    table(['KiB a file', 'clone', 'git', 'ratio'], rows),
  ].join('\n\n');
}
