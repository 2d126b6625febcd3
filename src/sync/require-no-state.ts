import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { recognizeRepository } from '../fetch/recognize.ts';
import { SidecarError } from '../model/error.ts';

const OURS = ['.git', '.worktrees', '.git-sidecar'];

/** A word of a shell. */
function quote(path: string): string {
  return /^[\w/.:@%+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/**
 * With a state directory of its own, a root must not hold the state of an earlier start: nobody would look after it any
 * more, and programs that walk through the root would find each file more than once. Moving it is up to the user: it may
 * be large, and on another file system.
 *
 * @throws SidecarError ERR_ROOT_HAS_STATE
 */
export async function requireNoState(root: string, stateDir: string): Promise<void> {
  if ((await recognizeRepository(join(root, '.git'))) !== 'ours') return;
  const paths = OURS.map((name) => join(root, name));
  const there = await Promise.all(paths.map(async (path) => await lstat(path).catch(() => undefined)));
  const found = paths.filter((_, index) => there[index] !== undefined);
  const command = `mv ${[...found, `${stateDir}/`].map(quote).join(' ')}`;
  throw new SidecarError('ERR_ROOT_HAS_STATE', {
    op: 'use',
    target: root,
    detail: `it holds the repository of a sync without --state-dir. Stop what runs there and move it: ${command}`,
    hint: `Run: ${command}`,
  });
}
