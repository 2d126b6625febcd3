import { basename, join } from 'node:path';
import type { CompatMode } from '../config/option.ts';
import { type Oid, parseOid } from '../model/oid.ts';

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

  /** The places that a worktree of `oid` may have, the usual one first. */
  worktreePaths(oid: Oid): readonly [string, string] {
    const name = this.#kind === 'v3.1' ? `rev-${oid}` : oid;
    const usual = this.#kind === 'v4' ? join(this.root, '.worktrees') : this.root;
    return [join(usual, name), join(this.alternateDirectory, name)];
  }

  get alternateDirectory(): string {
    return join(this.root, this.#kind === 'v4' ? '.worktrees' : '.git-sidecar', 'rebuilt');
  }

  /** Directories whose commit-named entries are worktrees: ours and those of every git-sync. */
  get worktreeParents(): readonly string[] {
    return [
      join(this.root, '.worktrees'),
      this.root,
      join(this.root, '.worktrees', 'rebuilt'),
      join(this.root, '.git-sidecar', 'rebuilt'),
    ];
  }
}

/** The commit that a worktree directory is named after; `rev-<oid>` is 3.1.1's form. */
export function oidOfWorktreeName(path: string): Oid | undefined {
  return parseOid(basename(path).replace(/^rev-/, ''));
}
