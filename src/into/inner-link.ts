import { resolve } from 'node:path';
import { type BytePath, bytesOfPath, parentOf, pathOfText } from '../platform/byte-path.ts';
import { isInside } from '../platform/paths.ts';

/**
 * True when a symlink at `path` of `directory`, with this text, leads to a place in the directory. Names alone decide;
 * bytes are as good as text for that.
 */
export function leadsInside(directory: string, path: BytePath, text: BytePath): boolean {
  const latin1 = (part: BytePath): string => bytesOfPath(part).toString('latin1');
  const root = latin1(pathOfText(directory));
  return isInside(resolve(root, latin1(parentOf(path)), latin1(text)), root);
}
