import { join, relative, resolve } from 'node:path';
import { isInside } from '../platform/paths.ts';
import type { Settings } from './settings.ts';
import type { IntoConfig } from './sync-config.ts';
import { refuseIf } from './validation.ts';

/** Names of worktrees, directly below the root in v3's layout. */
const WORKTREE = /^(?:rev-)?(?:[0-9a-f]{40}|[0-9a-f]{64})$/i;
const OF_THE_ROOT = ['.git', '.worktrees', '.git-sidecar'];

/** What a sync keeps for itself. */
export interface OwnPlaces {
  /** The directory that holds the repository. All paths are absolute. */
  readonly root: string;
  /** The option that names it. */
  readonly option: '--root' | '--state-dir';
  readonly link: string;
}

/** @param stateDir where the repository is: `root`, or the directory of `--state-dir` */
export function ownPlaces(root: string, stateDir: string, link: string): OwnPlaces {
  return { root: stateDir, option: stateDir === root ? '--root' : '--state-dir', link };
}

/** Why what is at `path` would be among what we keep, or behind the link; undefined: it is not. */
function whyOurs(path: string, { root, link }: OwnPlaces): string | undefined {
  if (isInside(path, link)) return `it lies behind the link, ${link}`;
  const [first = ''] = isInside(path, root) ? relative(root, path).split('/') : [];
  const own = OF_THE_ROOT.find((name) => name === first);
  if (own !== undefined) return `it lies in ${join(root, own)}, which belongs to the repository`;
  return WORKTREE.test(first) ? `it lies in ${join(root, first)}, which has the name of a worktree` : undefined;
}

/**
 * Why a directory cannot be the one of `--into`; undefined when it can. A directory of its own below the root is fine.
 * @param directory absolute
 */
export function whyNotInto(directory: string, places: OwnPlaces): string | undefined {
  const { root, option, link } = places;
  if (directory === root) return `it is ${option} itself`;
  if (isInside(root, directory)) return `${option}, ${root}, lies in it`;
  if (isInside(link, directory)) return `the link, ${link}, ${link === directory ? 'has the same path' : 'lies in it'}`;
  return whyOurs(directory, places);
}

/**
 * Why a file cannot be the one of `--revision-file`: writing it would damage what is there. undefined when it can.
 * @param file absolute, like `directory`, which is the one of `--into`
 */
function whyNotRevisionFile(file: string, directory: string, places: OwnPlaces): string | undefined {
  if (isInside(directory, file))
    return `the directory of --into, ${directory}, ${file === directory ? 'is there' : 'lies below it'}`;
  if (file === places.link) return `it is the link, ${file}`;
  if (isInside(places.root, file))
    return `${places.option}, ${places.root}, ${file === places.root ? 'is there' : 'lies below it'}`;
  return whyOurs(file, places);
}

/** @throws InvalidOption */
export function parseInto(settings: Settings, places: OwnPlaces): IntoConfig | undefined {
  if (!settings.isOn('into')) return undefined;
  const directory = resolve(settings.text('into'));
  const reason = whyNotInto(directory, places);
  refuseIf(reason !== undefined, `--into ${directory} cannot be used: ${reason}`, false);
  if (!settings.isOn('revision-file')) return { directory, revisionFile: undefined };
  const revisionFile = settings.text('revision-file');
  const problem = whyNotRevisionFile(resolve(directory, revisionFile), directory, places);
  refuseIf(problem !== undefined, `--revision-file ${revisionFile} cannot be used: ${problem}`, false);
  return { directory, revisionFile };
}
