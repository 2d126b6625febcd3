import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Each file below a directory, by its path, with a digest of its content; undefined where there is no directory. */
export type Tree = ReadonlyMap<string, string>;

export function digestOf(content: string | Buffer): string {
  return createHash('sha1').update(content).digest('hex');
}

/** What begins with a dot is of git or of git-sidecar. */
export function readTree(directory: string): Tree | undefined {
  const tree = new Map<string, string>();
  const walk = (path: string, prefix: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const [below, name] = [join(path, entry.name), `${prefix}${entry.name}`];
      if (entry.isDirectory()) walk(below, `${name}/`);
      else tree.set(name, digestOf(readFileSync(below)));
    }
  };
  try {
    walk(directory, '');
    return tree;
  } catch {
    return undefined;
  }
}

function isSame(one: Tree, other: Tree): boolean {
  return one.size === other.size && [...one].every(([path, digest]) => other.get(path) === digest);
}

/**
 * `new`: the newest revision, whole. `former`: an earlier one, whole. `between`: each file is whole, but not all are of
 * one revision. `torn`: a file has a content that no revision has. `absent`: there is nothing.
 */
export type Sight = 'new' | 'former' | 'between' | 'torn' | 'absent';

/** @param revisions the newest last */
export function judge(tree: Tree | undefined, revisions: readonly Tree[]): Sight {
  if (!tree || tree.size === 0) return 'absent';
  const at = revisions.findLastIndex((each) => isSame(tree, each));
  if (at >= 0) return at === revisions.length - 1 ? 'new' : 'former';
  const isKnown = ([path, digest]: readonly [string, string]): boolean =>
    revisions.some((each) => each.get(path) === digest);
  return [...tree].every(isKnown) ? 'between' : 'torn';
}
