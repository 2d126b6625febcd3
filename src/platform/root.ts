import { access, constants, realpath } from 'node:fs/promises';
import { messageOf, SidecarError } from '../model/error.ts';
import { makeDirectory } from './make-directory.ts';

/**
 * Makes the root directory where it is missing; one that exists keeps its mode (compat.md 2) and has to be writable.
 * @param option names it in errors
 * @returns its real path: everything below is compared and linked by real paths
 * @throws SidecarError ERR_ROOT_UNUSABLE
 */
export async function prepareRoot(root: string, mode = 0o775, option = '--root'): Promise<string> {
  try {
    await makeDirectory(root, mode);
    await access(root, constants.W_OK);
    return await realpath(root);
  } catch (error) {
    throw new SidecarError('ERR_ROOT_UNUSABLE', {
      op: `use the directory of ${option}`,
      target: root,
      detail: messageOf(error),
      cause: error,
    });
  }
}
