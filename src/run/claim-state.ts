import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SidecarError } from '../model/error.ts';
import { readText } from '../platform/atomic-file.ts';
import type { Logger } from '../platform/log.ts';
import { claimDirectory } from '../platform/owned-directory.ts';
import { takeSoleUse } from '../platform/sole-use.ts';

/** What an edition without marks made before its first deployment. */
const EARLIER = ['.writable', 'state.json', 'control.sock', 'releases', 'backup'];
const LEFTOVER = /^\.tmp-git-sidecar\.[0-9a-f]{16}$/;
/** The time in base 36, and the first characters of a commit or of a directory's name. */
const RELEASE = /^[0-9a-z]{8,9}-.{1,40}$/;

/** A state.json of ours, not that of another program. */
async function isOurState(path: string): Promise<boolean> {
  try {
    const { releases, quarantined } = JSON.parse((await readText(path)) ?? '') as Record<string, unknown>;
    return Array.isArray(releases) && typeof quarantined === 'object' && quarantined !== null;
  } catch {
    return false;
  }
}

async function foreignTo(path: string, names: readonly string[]): Promise<readonly string[]> {
  if (await isOurState(join(path, 'state.json'))) return [];
  if (!names.includes('.writable')) return names;
  const releases = await readdir(join(path, 'releases'), 'latin1').catch(() => [] as string[]);
  return [
    ...names.filter((name) => !EARLIER.includes(name) && !LEFTOVER.test(name)),
    ...releases.filter((name) => !RELEASE.test(name)).map((name) => `releases/${name}`),
  ];
}

/**
 * Makes the state directory of `run`, or takes up the one that is there.
 * @throws SidecarError ERR_DIRECTORY_FOREIGN; system errors as they come
 */
export async function claimStateDirectory(path: string): Promise<void> {
  const ours = { path, purpose: 'the state of git-sidecar run', mode: 0o700 };
  await claimDirectory({ ...ours, foreignTo: async (names) => await foreignTo(path, names) });
}

/** Files that a run was about to put into their places when it was killed. */
async function removeLeftovers(path: string): Promise<void> {
  const names = await readdir(path, 'latin1').catch(() => [] as string[]);
  for (const name of names.filter((each) => LEFTOVER.test(each))) await rm(join(path, name), { force: true });
}

/**
 * Makes sure that no other run works with this state directory. Where the file system has no sockets nobody can tell,
 * and that is logged.
 * @returns what gives it back
 * @throws SidecarError ERR_RUN_STATE when another run has it
 */
export async function takeStateDirectory(path: string, log: Logger): Promise<() => void> {
  const use = await takeSoleUse(path).catch((error: unknown) => {
    log.warn('whether another run uses this state directory is not known', { path, reason: messageOf(error) });
    return 'unknown' as const;
  });
  if (use === 'unknown') return () => undefined;
  if (use) {
    await removeLeftovers(path);
    return () => use.release();
  }
  throw new SidecarError('ERR_RUN_STATE', { op: 'use', target: path, detail: 'another run is at work with it' });
}
