import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SidecarError } from '../../model/error.ts';
import { claimDirectory } from '../../platform/owned-directory.ts';

/** The directories below the root that an edition without marks made, and what it called the things in them. */
const EARLIER: Readonly<Record<string, RegExp>> = {
  repositories: /\.[0-9a-f]{16}$/,
  answers: /^[0-9a-f]{16}\.[0-9a-f]{8}$/,
  '.git-sidecar': /^(?:git-sidecar-|aside\.)/,
};

async function foreignTo(root: string, names: readonly string[]): Promise<readonly string[]> {
  let mirrors = 0;
  const foreign: string[] = [];
  for (const [directory, ours] of Object.entries(EARLIER)) {
    const inside = await readdir(join(root, directory)).catch(() => [] as string[]);
    foreign.push(...inside.filter((name) => !ours.test(name)).map((name) => `${directory}/${name}`));
    if (directory === 'repositories') mirrors = inside.length;
  }
  // A user of an earlier release may have put files of their own beside its directories; the relay leaves those alone.
  const beside = mirrors > 0 ? [] : names.filter((name) => !(name in EARLIER));
  return [...foreign, ...beside];
}

/**
 * Makes the root directory of a relay a relay's own: it removes mirrors and answers from it.
 * @throws SidecarError ERR_DIRECTORY_FOREIGN, ERR_ROOT_UNUSABLE
 */
export async function claimRelayRoot(root: string): Promise<void> {
  try {
    const foreign = async (names: readonly string[]): Promise<readonly string[]> => await foreignTo(root, names);
    await claimDirectory({
      path: root,
      purpose: 'the mirrors of a git-sidecar relay',
      mode: 0o700,
      foreignTo: foreign,
    });
  } catch (cause) {
    if (cause instanceof SidecarError) throw cause;
    const detail = messageOf(cause);
    throw new SidecarError('ERR_ROOT_UNUSABLE', { op: 'use the root directory', target: root, detail, cause });
  }
}
