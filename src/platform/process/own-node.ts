import { basename, join } from 'node:path';
import { INSTALLED_IN } from '../version.ts';

/** How the Node is started that runs this process. */
export interface OwnNode {
  readonly file: string;
  /** Before the arguments of Node. */
  readonly args: readonly string[];
}

/**
 * An installed copy has a Node of its own, which is started by its loader (ld.so(8)); execPath then names the loader.
 * @param program what runs this process, and the directory of our programs; undefined when run from source
 */
export function ownNode({ execPath, directory } = { execPath: process.execPath, directory: INSTALLED_IN }): OwnNode {
  if (directory === undefined || !basename(execPath).startsWith('ld-')) return { file: execPath, args: [] };
  return { file: execPath, args: ['--library-path', directory, join(directory, '..', 'bin', 'node')] };
}
