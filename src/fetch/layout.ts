import { basename, join } from 'node:path';
import type { CompatMode } from '../config/option.ts';
import { type Oid, parseOid } from '../model/oid.ts';

/** v4 mode: where the second place of each commit is. */
const REBUILT = 'rebuilt';

/**
 * Where things are below the root (compat.md 2). A worktree's directory is named after its commit, so a commit has
 * one place in each of two directories: while one is published, a rebuilt one grows in the other, and the link can
 * be flipped between two complete trees.
 */
export class Layout {
  readonly root: string;
  readonly gitDir: string;
  /** Our own files, inside the repository so that they vanish with it. */
  readonly stateDir: string;
  readonly #kind: CompatMode;

  constructor(root: string, kind: CompatMode) {
    this.root = root;
    this.gitDir = join(root, '.git');
    this.stateDir = join(this.gitDir, 'git-sidecar');
    this.#kind = kind;
  }

  get kind(): CompatMode {
    return this.#kind;
  }

  /**
   * The two places that a worktree of `oid` may have, the usual one first. v3's are both directly below the root, so
   * that a watcher of the root sees each old tree go.
   */
  worktreePaths(oid: Oid): readonly [string, string] {
    const [plain, prefixed] = [join(this.root, oid), join(this.root, `rev-${oid}`)];
    if (this.#kind === 'v3') return [plain, prefixed];
    if (this.#kind === 'v3.1') return [prefixed, plain];
    return [join(this.root, '.worktrees', oid), join(this.root, '.worktrees', REBUILT, oid)];
  }

  /** Directories beside the repository that are ours alone: a symlink in their place is removed. */
  get ownDirectories(): readonly string[] {
    return this.#kind === 'v4' ? [join(this.root, '.worktrees'), join(this.root, '.worktrees', REBUILT)] : [];
  }

  /** Directories whose commit-named entries are worktrees: ours and those of every git-sync. */
  get worktreeParents(): readonly string[] {
    return [join(this.root, '.worktrees'), this.root, join(this.root, '.worktrees', REBUILT)];
  }
}

/** The commit that a worktree directory is named after; `rev-<oid>` is 3.1.1's form. */
export function oidOfWorktreeName(path: string): Oid | undefined {
  return parseOid(basename(path).replace(/^rev-/, ''));
}
