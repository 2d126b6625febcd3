import { join } from 'node:path';
import { makeDirectoryBelow } from '../platform/files-below.ts';
import { asideDirectory, removeLink } from '../platform/make-way.ts';
import type { AskedHostKeys, HostKeys } from './ssh-command.ts';

/** Keys of hosts that were accepted when they were first seen. The file survives the process, as the root does. */
export function ownKnownHosts(root: string): string {
  return join(asideDirectory(root), 'known_hosts');
}

/**
 * What ssh needs for the check that was asked for. ssh follows symbolic links, so one in the place of our file is
 * removed.
 * @param root where the file of keys that were accepted is kept
 * @throws SidecarError ERR_PATH_REDIRECTED
 */
export async function prepareHostKeys(asked: AskedHostKeys, root: string): Promise<HostKeys> {
  if (asked.check === 'file') return { check: 'file', file: asked.file };
  if (asked.check !== 'accept-new') return { check: asked.check };
  const own = ownKnownHosts(root);
  await removeLink({ root, path: asideDirectory(root) });
  await makeDirectoryBelow({ root, path: asideDirectory(root) });
  await removeLink({ root, path: own });
  return { check: 'accept-new', file: asked.file, own };
}
