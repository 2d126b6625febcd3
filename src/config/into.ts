import { join, relative, resolve } from 'node:path';
import { isInside } from '../platform/paths.ts';
import type { Settings } from './settings.ts';
import type { IntoConfig } from './sync-config.ts';
import { refuseIf } from './validation.ts';

/** Names of worktrees, directly below the root in v3's layout. */
const WORKTREE = /^(?:rev-)?(?:[0-9a-f]{40}|[0-9a-f]{64})$/i;
const OF_THE_ROOT = ['.git', '.worktrees', '.git-sidecar'];

/**
 * Why a directory cannot be the one of `--into`; undefined when it can. A directory of its own below the root is fine.
 * @param root all three are absolute
 */
export function whyNotInto(directory: string, root: string, link: string): string | undefined {
  if (directory === root) return 'it is --root itself';
  if (isInside(root, directory)) return `--root, ${root}, lies in it`;
  if (isInside(link, directory)) return `the link, ${link}, ${link === directory ? 'has the same path' : 'lies in it'}`;
  if (isInside(directory, link)) return `it lies behind the link, ${link}`;
  const [first = ''] = isInside(directory, root) ? relative(root, directory).split('/') : [];
  const own = OF_THE_ROOT.find((name) => name === first);
  if (own !== undefined) return `it lies in ${join(root, own)}, which belongs to the repository`;
  return WORKTREE.test(first) ? `it lies in ${join(root, first)}, which has the name of a worktree` : undefined;
}

/** @throws InvalidOption */
export function parseInto(settings: Settings, root: string, link: string): IntoConfig | undefined {
  if (!settings.isOn('into')) return undefined;
  const directory = resolve(settings.text('into'));
  const reason = whyNotInto(directory, root, link);
  refuseIf(reason !== undefined, `--into ${directory} cannot be used: ${reason}`, false);
  return { directory, revisionFile: settings.isOn('revision-file') ? settings.text('revision-file') : undefined };
}
