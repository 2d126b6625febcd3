import { mkdir, realpath } from 'node:fs/promises';
import { messageOf, SidecarError } from '../model/error.ts';

/**
 * Makes the root directory where it is missing; one that exists keeps its mode (compat.md 2).
 * @returns its real path: everything below is compared and linked by real paths
 * @throws SidecarError ERR_ROOT_UNUSABLE
 */
export async function prepareRoot(root: string): Promise<string> {
  try {
    await mkdir(root, { recursive: true, mode: 0o775 });
    return await realpath(root);
  } catch (error) {
    throw new SidecarError('ERR_ROOT_UNUSABLE', {
      op: 'make the root directory',
      target: root,
      detail: messageOf(error),
      cause: error,
    });
  }
}
