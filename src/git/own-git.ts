import type { Logger } from '../platform/log.ts';
import { readMemoryGroup } from '../platform/memory-limit.ts';
import { openPrivateDirectory } from '../platform/private-directory.ts';
import type { ProcessRunner } from '../platform/process/runner.ts';
import { createGit, type Git } from './git.ts';
import { createHermeticGit, type HermeticGit, type HermeticOptions } from './hermetic.ts';
import { GitMemory } from './memory.ts';
import { overSharedSsh, SharedSsh } from './shared-ssh.ts';
import { openSocketDirectory } from './ssh-connections.ts';
import { explainSshFiles, type SshFiles } from './ssh-files.ts';

export interface OwnGitOptions {
  /** Of git. */
  readonly program: string;
  /** What tells this user of git from others: the same for its next process. */
  readonly identity: string;
  /** Real path of the root. */
  readonly root: string;
  readonly runner: ProcessRunner;
  readonly log: Logger;
  /** Some of its servers are asked over ssh. */
  readonly overSsh: boolean;
  /** Connections of ssh stay open for the next command. */
  readonly keepsConnections: boolean;
  readonly niceness?: number | undefined;
  /** As the user named them. */
  readonly sshFiles: SshFiles;
  readonly hermetic: (directory: string, memory: GitMemory, sockets: string | undefined) => Promise<HermeticOptions>;
}

/** git as a sync or a relay runs it: with settings of its own, and over ssh with connections that its commands share. */
export interface OwnGit {
  readonly git: Git;
  readonly hermetic: HermeticGit;
  /** For private files. */
  readonly directory: string;
  /** Ends connections of ssh, and removes what is outside the root. */
  close(): Promise<void>;
}

export async function openOwnGit(options: OwnGitOptions): Promise<OwnGit> {
  const { program, identity, root, runner, log, overSsh, keepsConnections, niceness } = options;
  const directory = await openPrivateDirectory(identity, root);
  const sockets = overSsh && keepsConnections ? await openSocketDirectory({ directory, root, log }) : undefined;
  const memory = new GitMemory(readMemoryGroup(), log);
  const hermetic = await createHermeticGit(await options.hermetic(directory, memory, sockets));
  const { environment } = hermetic;
  const how = { environment, cwd: root, memory, ...(niceness !== undefined && { niceness }) };
  const plain = createGit({ program, runner, log, ...how });
  const shared = overSsh ? new SharedSsh({ directory: sockets, runner, environment }) : undefined;
  return {
    git: explainSshFiles(shared ? overSharedSsh(plain, shared, log) : plain, options.sshFiles),
    hermetic,
    directory,
    close: async () => {
      await shared?.dispose(directory);
      await hermetic.dispose();
    },
  };
}
