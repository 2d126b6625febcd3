import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { systemCode } from '../../src/model/error.ts';

/** Every file of a work tree by path, with mode and content; `.git` left out. */
export function treeOf(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (path: string, prefix: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (prefix === '' && entry.name === '.git') continue;
      const [full, name] = [join(path, entry.name), `${prefix}${entry.name}`];
      if (entry.isDirectory()) walk(full, `${name}/`);
      else if (entry.isSymbolicLink()) found.set(name, `link ${readlinkSync(full)}`);
      else found.set(name, `${(lstatSync(full).mode & 0o111) !== 0 ? 'exec' : 'file'} ${readFileSync(full, 'utf8')}`);
    }
  };
  walk(directory, '');
  return found;
}

async function readTree(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    const name = join(entry.parentPath, entry.name).slice(directory.length + 1);
    if (entry.isFile() && name !== '.git') found.set(name, `file ${await readFile(join(directory, name), 'utf8')}`);
  }
  return found;
}

/**
 * Follows the link once and compares everything behind it with the commit it is named after; with `part`, with that
 * directory of the commit.
 * A tree that is removed while we read, because the link moved on, is no problem; anything else is.
 */
export async function checkTree(
  link: string,
  trees: ReadonlyMap<string, ReadonlyMap<string, string>>,
  part?: string,
): Promise<string | undefined> {
  const target = await realpath(link).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (target === undefined) {
    const dangling = (() => {
      try {
        return readlinkSync(link);
      } catch {
        return undefined;
      }
    })();
    // Between realpath and readlink the link may have been made; only a link that stays dangling is a problem.
    return dangling !== undefined && (await realpath(link).catch(() => undefined)) === undefined
      ? `dangling link to ${dangling}`
      : undefined;
  }
  const isPart = part !== undefined && target.endsWith(`/${part}`);
  const wanted = trees.get(basename(isPart ? target.slice(0, -part.length - 1) : target));
  if (!wanted) return `the link shows ${target}, which is no commit`;
  let found: Map<string, string> | undefined;
  try {
    found = await readTree(target);
  } catch {
    found = undefined;
  }
  const isSame =
    found !== undefined && found.size === wanted.size && [...wanted].every(([path, text]) => found.get(path) === text);
  if (isSame) return undefined;
  const now = await realpath(link).catch(() => undefined);
  return now === target ? `the tree of ${target} is not complete: ${found?.size} of ${wanted.size} files` : undefined;
}
