import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Everything that can be told about a tree: kinds, permissions, owners, contents, targets of links; `.git` left out. */
export function exactTree(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (path: string, prefix: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const [full, name] = [join(path, entry.name), `${prefix}${entry.name}`];
      if (name === '.git') continue;
      const { mode, uid, gid } = lstatSync(full);
      const facts = `${mode.toString(8)} ${uid}:${gid}`;
      if (entry.isDirectory()) {
        found.set(name, `directory ${facts}`);
        walk(full, `${name}/`);
      } else if (entry.isSymbolicLink()) found.set(name, `link ${facts} ${readlinkSync(full)}`);
      else found.set(name, `file ${facts} ${readFileSync(full, 'latin1')}`);
    }
  };
  walk(root, '');
  return found;
}

/** What two trees differ in, by path; fast for large trees, too. */
export function differences(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): string[] {
  const paths = new Set([...one.keys(), ...other.keys()]);
  return [...paths]
    .filter((path) => one.get(path) !== other.get(path))
    .map((path) => `${path}: ${one.get(path)} / ${other.get(path)}`);
}
