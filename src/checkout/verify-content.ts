import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Git } from '../git/git.ts';
import { systemCode } from '../model/error.ts';
import { type BytePath, joinPath, pathOfText, systemPath } from '../platform/byte-path.ts';
import { removeFileBelow } from '../platform/files-below.ts';
import { isInside } from '../platform/paths.ts';
import { IndexCopy } from './index-copy.ts';
import { GITLINK_MODE } from './index-file.ts';
import type { Worktree } from './worktree.ts';

/** Of no file: git then has to read all of them. */
const NO_STAMP = { ctimeNs: 0n, mtimeNs: 0n, dev: 0n, ino: 0n };

export interface ContentOptions {
  /** Files may have other permissions than in the commit (`--change-permissions`). */
  readonly ignoreModes?: boolean;
}

interface Gitlink {
  readonly path: BytePath;
  /** The commit of the submodule, in hex digits. */
  readonly oid: string;
}

/**
 * Writes the index without what it remembers of the files.
 * @returns the submodules in it
 */
function writeForgetfulIndex(from: string, to: string, oidBytes: 20 | 32): readonly Gitlink[] {
  const links: Gitlink[] = [];
  const source = openSync(from, 'r');
  try {
    const target = openSync(to, 'wx');
    try {
      const read = (bytes: Buffer, at: number): number => readSync(source, bytes, at, bytes.length - at, null);
      const copy = new IndexCopy(read, (bytes) => void writeSync(target, bytes), oidBytes);
      for (const { path, blob, mode, skipWorktree } of copy.entries()) {
        copy.stamp(NO_STAMP);
        if (mode === GITLINK_MODE && !skipWorktree)
          links.push({ path, oid: Buffer.from(blob, 'latin1').toString('hex') });
      }
      copy.finish();
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
  return links;
}

/** A tree of files and the repository's directory with its index: a worktree, or a submodule in one. */
interface Tree {
  readonly root: string;
  readonly path: string;
  readonly adminDir: string;
  /** Hex digits. */
  readonly oid: string;
}

/** The tree of a submodule; undefined where it is not checked out; `lost` where nothing leads to its repository. */
function submoduleIn({ root, path, adminDir }: Tree, link: Gitlink): Tree | 'lost' | undefined {
  const place = systemPath(joinPath(pathOfText(path), link.path));
  if (typeof place !== 'string') return 'lost';
  let text: string;
  try {
    text = readFileSync(join(place, '.git'), 'utf8');
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '') ? undefined : 'lost';
  }
  const pointer = /^gitdir: (.+?)\r?\n?$/.exec(text)?.[1];
  const gitDir = pointer === undefined ? undefined : resolve(place, pointer);
  if (gitDir === undefined || !isInside(gitDir, join(adminDir, 'modules'))) return 'lost';
  return { root, path: place, adminDir: gitDir, oid: link.oid };
}

/** Reads all files of a tree, and of the submodules in it. */
async function isSame(git: Git, tree: Tree, options: ContentOptions, signal: AbortSignal): Promise<boolean> {
  const { root, path, adminDir, oid } = tree;
  const index = join(adminDir, 'index.git-sidecar-check');
  const place = { root, path: index };
  const modes = options.ignoreModes ? ['-c', 'core.fileMode=false'] : [];
  const says = async (op: string, args: readonly string[]): Promise<boolean> => {
    const env = { GIT_INDEX_FILE: index };
    const how = { op, target: oid, cwd: path, env, signal, accept: [1, 128] };
    return (await git.run([...modes, ...args], how)).code === 0;
  };
  await removeFileBelow(place).catch(() => undefined);
  try {
    const links = writeForgetfulIndex(join(adminDir, 'index'), index, oid.length === 40 ? 20 : 32);
    if (!(await says('compare the content of files with', ['update-index', '--refresh']))) return false;
    if (!(await says('compare the index with', ['diff-index', '--cached', '--quiet', oid]))) return false;
    for (const link of links) {
      const submodule = submoduleIn(tree, link);
      if (submodule === 'lost') return false;
      if (submodule && !(await isSame(git, submodule, options, signal))) return false;
    }
    return true;
  } catch (error) {
    if (signal.aborted) throw error;
    // An index that cannot be read.
    return false;
  } finally {
    await removeFileBelow(place).catch(() => undefined);
  }
}

/**
 * True when the content of every file of the worktree is that of its commit, submodules included. All files are read:
 * what an index remembers of them may have reached the disk before a power cut when the files themselves had not.
 */
export async function isSameByContent(
  git: Git,
  worktree: Worktree,
  signal: AbortSignal,
  options: ContentOptions = {},
): Promise<boolean> {
  return await isSame(git, worktree, options, signal);
}
