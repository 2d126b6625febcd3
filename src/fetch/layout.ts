import { readlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { CompatMode } from '../config/option.ts';
import { type Oid, parseOid } from '../model/oid.ts';
import { isInside } from '../platform/paths.ts';

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

  /** The worktree whose place `path` is, or is inside; undefined where that is no place of ours. */
  placeOf(path: string): { readonly path: string; readonly oid: Oid } | undefined {
    for (let each = path; isInside(each, this.root) && each !== this.root; each = dirname(each)) {
      const oid = oidOfWorktreeName(each);
      if (oid && this.worktreePaths(oid).includes(each)) return { path: each, oid };
    }
    return undefined;
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

/** Which mode laid out the root that `link` is in, as the link shows; undefined where it shows nothing of a git-sync. */
export function layoutOfLink(link: string): CompatMode | undefined {
  let target: string;
  try {
    target = readlinkSync(link);
  } catch {
    return undefined;
  }
  if (oidOfWorktreeName(target) === undefined) return undefined;
  if (dirname(resolve(dirname(link), target)) !== dirname(link)) return 'v4';
  return basename(target).startsWith('rev-') ? 'v3.1' : 'v3';
}
