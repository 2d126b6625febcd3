import type { Git } from '../git/git.ts';
import { SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import { type BytePath, HERE, nameOf, pathOfText, splitPaths } from '../platform/byte-path.ts';
import { showPath } from '../platform/show-path.ts';
import type { Worktree } from './worktree.ts';

const GITLINK = '160000';
const ATTRIBUTES = pathOfText('.gitattributes');

function doubt({ oid }: Worktree, detail: string): SidecarError {
  return new SidecarError('ERR_CHECKOUT_FAILED', { op: 'recycle a worktree', target: oid, detail });
}

/**
 * What two commits differ in (git-diff-tree, "raw output format").
 *
 * @returns the paths that are added, removed or changed
 * @throws SidecarError ERR_CHECKOUT_FAILED when files that did not change may have to be written differently
 *   (`.gitattributes` changed), or submodules are involved
 */
export async function readPlainDifference(
  git: Git,
  target: Worktree,
  from: Oid,
  signal: AbortSignal,
): Promise<ReadonlySet<BytePath>> {
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', from, target.oid];
  const { bytes, truncated } = await git.run(args, { op: 'compare with', target: from, cwd: target.path, signal });
  if (truncated) throw doubt(target, 'they differ in too much to look at');
  const fields = splitPaths(bytes);
  const paths = new Set<BytePath>();
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [modes = HERE, path = HERE] = [fields[index], fields[index + 1]];
    const detail = nameOf(path) === ATTRIBUTES ? `${showPath(path)} changed` : undefined;
    const hasSubmodule = showPath(modes.slice(1, 14)).split(' ').includes(GITLINK);
    if (detail !== undefined || hasSubmodule) throw doubt(target, detail ?? `${showPath(path)} is a submodule`);
    paths.add(path);
  }
  return paths;
}
