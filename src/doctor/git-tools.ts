import { copyFile, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createGit, type Git } from '../git/git.ts';
import { createHermeticGit, type HermeticGit, type HermeticOptions } from '../git/hermetic.ts';
import { GitMemory } from '../git/memory.ts';
import { ownKnownHosts } from '../git/own-known-hosts.ts';
import { explainSshFiles } from '../git/ssh-files.ts';
import type { Logger } from '../platform/log.ts';
import { readMemoryGroup } from '../platform/memory-limit.ts';
import { removeTree } from '../platform/remove-tree.ts';
import type { GitAccess } from '../remote/git-access.ts';
import type { Parts } from './parts.ts';

/** git as the product runs it, in a private directory that is gone at the end. */
export interface GitTools {
  readonly git: Git;
  readonly hermetic: HermeticGit;
  readonly directory: string;
}

/** Where temporary files may be: as the product does, the temporary directory, else the root. */
async function makePrivate(root: string): Promise<string> {
  const name = 'git-sidecar-doctor-';
  return await mkdtemp(join(tmpdir(), name)).catch(async () => await mkdtemp(join(root, `.${name}`)));
}

/** Keys of hosts that the product has accepted: what is new is not kept, since nothing is changed here. */
async function copyKnownHosts(root: string, directory: string): Promise<void> {
  const copy = ownKnownHosts(directory);
  await mkdir(dirname(copy));
  // Mostly there are none.
  await copyFile(ownKnownHosts(root), copy).catch(() => undefined);
}

/**
 * @param root where the private directory is made when the temporary directory cannot be written
 * @param options of the product's git for this configuration
 */
export async function openGit(
  access: Pick<GitAccess, 'git' | 'ssh'>,
  root: string,
  options: (directory: string, memory: GitMemory) => Promise<HermeticOptions>,
  { runner, cleanups }: Parts,
  log: Logger,
): Promise<GitTools> {
  const directory = await makePrivate(root);
  const parent = dirname(directory);
  cleanups.push(async () => void (await removeTree({ root: parent, path: directory })));
  if (access.ssh.hostKeys.check === 'accept-new') await copyKnownHosts(root, directory);
  const memory = new GitMemory(readMemoryGroup());
  const asked = await options(directory, memory);
  // A connection that is shared would outlive this process, and debug lines are for a log.
  const ssh = { ...asked.ssh, controlDirectory: undefined, verbosity: 0 };
  const hermetic = await createHermeticGit({ ...asked, root: parent, ssh });
  const plain = createGit({
    program: access.git,
    runner,
    log,
    environment: hermetic.environment,
    cwd: directory,
    memory,
  });
  return {
    git: explainSshFiles(plain, access.ssh),
    hermetic,
    directory,
  };
}
