import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SidecarError } from '../model/error.ts';
import { createDirectoryBelow, renameBelow, writeBelow } from '../platform/files-below.ts';
import { removeTree } from '../platform/remove-tree.ts';
import { readLink, switchLink } from '../publish/link.ts';

/** Begins the name of what is made in a root, and removed again. */
const PROBE = '.git-sidecar-doctor-';

/**
 * Makes a small tree of a private name in `root`, and does with it what a publish does: a link is switched from one
 * directory to another, and a directory is renamed. All of it is removed, however this ends.
 * @throws the error of the step that does not work
 */
export async function tryFileSystem(root: string, signal: AbortSignal): Promise<void> {
  const probe = join(root, `${PROBE}${randomBytes(8).toString('hex')}`);
  const link = join(probe, 'link');
  const [one, two, three] = ['one', 'two', 'three'].map((name) => join(probe, name)) as [string, string, string];
  try {
    await createDirectoryBelow({ root, path: probe }, 0o700);
    for (const path of [one, two])
      await writeBelow({ root, path: join(path, 'file') }, 'written by git-sidecar doctor\n');
    signal.throwIfAborted();
    await switchLink(root, link, one);
    await switchLink(root, link, two);
    const state = await readLink(link);
    if (state.kind !== 'link' || !state.target.endsWith('/two'))
      throw new SidecarError('ERR_PUBLISH_FAILED', {
        op: 'try',
        target: root,
        detail: 'a link that was switched does not show the new directory',
      });
    signal.throwIfAborted();
    await renameBelow(root, one, three);
  } finally {
    await removeTree({ root, path: probe });
  }
}
