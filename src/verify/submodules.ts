import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../git/git.ts';
import { SidecarError } from '../model/error.ts';
import { type Oid, parseOid } from '../model/oid.ts';
import { PLAIN } from './raw-objects.ts';

/** The commit of a submodule as it is checked out, and where its objects are. */
export interface Submodule {
  /** From the top of the worktree. */
  readonly path: string;
  readonly oid: Oid;
  readonly gitDir: string;
}

/** As many as a tree with a million entries has. */
const MOST_BYTES = 256 * 1024 * 1024;
const GITLINK = /^160000 commit ([0-9a-f]+)\t([\s\S]+)$/;

async function gitDirAt(git: Git, path: string, signal: AbortSignal): Promise<string | undefined> {
  const stat = await lstat(join(path, '.git')).catch(() => undefined);
  if (!stat) return undefined;
  const args = ['rev-parse', '--absolute-git-dir'];
  const { stdout } = await git.run(args, { op: 'look for the repository of', target: path, cwd: path, signal });
  return stdout.replace(/\n$/, '');
}

/**
 * All submodules that are checked out in a worktree, those within others included.
 * @throws SidecarError ERR_CHECKOUT_SUBMODULE for a name that is no text
 */
export async function checkedOutSubmodules(
  git: Git,
  { path, oid }: { readonly path: string; readonly oid: Oid },
  signal: AbortSignal,
  prefix = '',
): Promise<readonly Submodule[]> {
  const { bytes } = await git.run(['ls-tree', '-r', '-z', '--full-tree', oid], {
    op: 'list the submodules of',
    target: oid,
    cwd: path,
    maxOutputBytes: MOST_BYTES,
    env: PLAIN,
    signal,
  });
  const found: Submodule[] = [];
  for (const entry of bytes.toString('utf8').split('\0')) {
    const [, id = '', name = ''] = GITLINK.exec(entry) ?? [];
    const commit = parseOid(id);
    if (!commit) continue;
    if (name.includes('\ufffd'))
      throw new SidecarError('ERR_CHECKOUT_SUBMODULE', { op: 'verify', target: name, detail: 'its name is not UTF-8' });
    const place = join(path, name);
    const gitDir = await gitDirAt(git, place, signal);
    if (gitDir === undefined) continue;
    found.push({ path: `${prefix}${name}`, oid: commit, gitDir });
    found.push(...(await checkedOutSubmodules(git, { path: place, oid: commit }, signal, `${prefix}${name}/`)));
  }
  return found;
}
