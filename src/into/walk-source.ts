import { type BytePath, HERE, joinPath, pathOfText, systemPath } from '../platform/byte-path.ts';
import type { HeldDirectory } from '../platform/held-directory.ts';
import type { Breath } from './breath.ts';
import { entriesIn } from './our-directory.ts';

/** Files of git in a worktree, and in those of submodules; no commit can have such a name. */
const GIT_FILE = pathOfText('.git');

/** Calls `visit` for every file and link below a directory. What is mounted in it is not of the revision. */
export async function walkSource(
  directory: HeldDirectory,
  visit: (path: BytePath) => void,
  breath: Breath,
  prefix = HERE,
): Promise<void> {
  for (const { name, kind } of entriesIn(directory)) {
    if (name === GIT_FILE) continue;
    const path = joinPath(prefix, name);
    if (kind === 'file' || kind === 'link') visit(path);
    if (kind === 'directory') {
      const child = directory.child(systemPath(name));
      try {
        if (child.mount === directory.mount) await walkSource(child, visit, breath, path);
      } finally {
        child.close();
      }
    }
    await breath.take();
  }
}
