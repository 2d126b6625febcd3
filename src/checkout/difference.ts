import type { Git } from '../git/git.ts';
import { SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import type { Worktree } from './worktree.ts';

const GITLINK = '160000';

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
): Promise<ReadonlySet<string>> {
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', from, target.oid];
  const { stdout, truncated } = await git.run(args, { op: 'compare with', target: from, cwd: target.path, signal });
  if (truncated) throw doubt(target, 'they differ in too much to look at');
  const fields = stdout.split('\0');
  const paths = new Set<string>();
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [modes = '', path = ''] = [fields[index], fields[index + 1]];
    const detail = path.split('/').at(-1) === '.gitattributes' ? `${path} changed` : undefined;
    const hasSubmodule = modes.slice(1, 14).split(' ').includes(GITLINK);
    if (detail !== undefined || hasSubmodule) throw doubt(target, detail ?? `${path} is a submodule`);
    paths.add(path);
  }
  return paths;
}
