import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Everything that can be told about a tree: kinds, permissions, owners, contents, targets of links; `.git` left out.
 * Paths and targets are bytes, one in each character, so that no two names look alike.
 */
export function exactTree(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (path: Buffer, prefix: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true, encoding: 'buffer' })) {
      const full = Buffer.concat([path, Buffer.from('/'), entry.name]);
      const name = `${prefix}${entry.name.toString('latin1')}`;
      if (name === '.git') continue;
      const { mode, uid, gid } = lstatSync(full);
      const facts = `${mode.toString(8)} ${uid}:${gid}`;
      if (entry.isDirectory()) {
        found.set(name, `directory ${facts}`);
        walk(full, `${name}/`);
      } else if (entry.isSymbolicLink()) found.set(name, `link ${facts} ${readlinkSync(full, 'latin1')}`);
      else found.set(name, `file ${facts} ${readFileSync(full, 'latin1')}`);
    }
  };
  walk(Buffer.from(root), '');
  return found;
}

/** What two trees differ in, by path; fast for large trees, too. */
export function differences(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): string[] {
  const paths = new Set([...one.keys(), ...other.keys()]);
  return [...paths]
    .filter((path) => one.get(path) !== other.get(path))
    .map((path) => `${path}: ${one.get(path)} / ${other.get(path)}`);
}
