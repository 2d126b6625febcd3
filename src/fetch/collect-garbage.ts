import { dirname, join } from 'node:path';
import type { GcMode } from '../config/sync-config.ts';
import type { Git } from '../git/git.ts';
import type { Clock } from '../platform/clock.ts';
import { removeTree } from '../platform/remove-tree.ts';
import { isShallow } from './fetch-commit.ts';
import { measureStore } from './measure-store.ts';
import { isPartial, MISSING_ALLOWED, repackPartial } from './repack-partial.ts';

export interface GarbageOptions {
  readonly git: Git;
  readonly gitDir: string;
  readonly mode: GcMode;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** Looking for garbage, which takes time in proportion to the repository, may use this share of the time. */
const SHARE_OF_TIME = 0.01;

/** `auto` acts when at least this much, and half of the store, is garbage. */
const WORTHWHILE_BYTES = 1024 * 1024;
const MOST_PACKS = 20;
const MOST_LOOSE = 2000;

/** Bytes on disk of all objects that a ref or a worktree still needs (git-rev-list, --disk-usage). */
async function reachableBytes(options: GarbageOptions): Promise<number> {
  const { git, gitDir, signal } = options;
  const args = ['--git-dir', gitDir, 'rev-list', '--objects', '--all', '--disk-usage', MISSING_ALLOWED];
  const { stdout } = await git.run(args, { op: 'measure', target: gitDir, signal });
  return Number.parseInt(stdout, 10) || 0;
}

async function isWorthwhile(options: GarbageOptions): Promise<boolean> {
  const store = measureStore(options.gitDir);
  if (store.packs > MOST_PACKS || store.loose > MOST_LOOSE) return true;
  if (store.bytes < WORTHWHILE_BYTES) return false;
  return store.bytes - (await reachableBytes(options)) > Math.max(WORTHWHILE_BYTES, store.bytes / 2);
}

/**
 * Keeps what is needed, as it is packed already. `git gc` looks for better deltas too, which takes three times as long
 * and gains nothing where there is hardly any history.
 */
async function repackShallow({ git, gitDir, signal }: GarbageOptions): Promise<void> {
  const run = { op: 'collect garbage in', target: gitDir, signal };
  await git.run(['--git-dir', gitDir, 'repack', '-a', '-d', '-l', '--quiet', '--window=0'], run);
  if (measureStore(gitDir).loose > 0) await git.run(['--git-dir', gitDir, 'prune', '--expire=now'], run);
}

/**
 * Collects garbage after updates, so that history dropped upstream frees its disk space.
 * `auto` does so only when it is worth the work; `git gc --auto` would keep unreachable packs for ever.
 */
export class GarbageCollector {
  #nextLookAt = 0;

  /** @returns false when it has to be called again later, because looking takes its time and was done just now */
  async collect(options: GarbageOptions): Promise<boolean> {
    const { git, gitDir, mode, signal, clock } = options;
    if (mode === 'off') return true;
    if (mode === 'auto') {
      const before = clock.monotonic();
      if (before < this.#nextLookAt) return false;
      const isWorth = await isWorthwhile(options);
      this.#nextLookAt = clock.monotonic() + (clock.monotonic() - before) / SHARE_OF_TIME;
      if (!isWorth) return true;
    }
    await removeTree({ root: dirname(gitDir), path: join(gitDir, 'logs') }, { signal });
    if (await isPartial(gitDir)) {
      await repackPartial({ git, gitDir, signal });
      // The other modes are a person's wish for `git gc`, which has nothing left to keep.
      if (mode === 'auto') return true;
    }
    if (mode === 'auto' && (await isShallow(gitDir))) {
      await repackShallow(options);
      return true;
    }
    const args = ['--git-dir', gitDir, 'gc', '--quiet', '--prune=now'];
    if (mode === 'aggressive') args.push('--aggressive');
    await git.run(args, { op: 'collect garbage in', target: gitDir, signal });
    return true;
  }
}
