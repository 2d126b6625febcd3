import type { SyncConfig } from '../../config/sync-config.ts';
import { createGit, type Git } from '../../git/git.ts';
import { createHermeticGit, type HermeticGit, type HermeticOptions } from '../../git/hermetic.ts';
import { GitMemory } from '../../git/memory.ts';
import { prepareHostKeys } from '../../git/own-known-hosts.ts';
import { overSharedSsh, SharedSsh } from '../../git/shared-ssh.ts';
import { openSocketDirectory, persistSeconds } from '../../git/ssh-connections.ts';
import { explainSshFiles } from '../../git/ssh-files.ts';
import { gitNiceness, readCpuGroup } from '../../platform/cpu-limit.ts';
import { lendUser } from '../../platform/lend-user.ts';
import { readMemoryGroup } from '../../platform/memory-limit.ts';
import { openPrivateDirectory } from '../../platform/private-directory.ts';
import { userGitConfig } from '../../poll/native-poll.ts';
import type { Ambient } from '../../service/ambient.ts';
import { confinement } from './confinement.ts';

export interface SyncGitOptions extends Pick<Ambient, 'runner' | 'log'> {
  readonly config: SyncConfig;
  /** Real path of the root. */
  readonly root: string;
}

export interface SyncGit {
  readonly git: Git;
  readonly hermetic: HermeticGit;
  /** For private files of this sync. */
  readonly directory: string;
  /** Ends connections of ssh, and removes what is outside the root. */
  close(): Promise<void>;
}

/**
 * How git runs for a sync. @param config as {@link withRelayAccess} and {@link withScopedHeaders} make it
 * @param directory a private one @param sockets for those of shared ssh connections
 */
export async function hermeticOptions(
  { config, root }: Pick<SyncGitOptions, 'config' | 'root'>,
  directory: string,
  memory: GitMemory,
  sockets?: string,
): Promise<HermeticOptions> {
  // Also for http: submodules may come over ssh.
  const lentUser = await lendUser(directory, config.environment.HOME ?? '/');
  return {
    directory,
    root,
    inherited: config.gitEnvironment,
    hooksInherit: config.environment,
    overrides: config.gitConfig,
    additions: [...config.gitConfigAdd, ...(await confinement(config))],
    helpers: config.credentialHelpers?.lines ?? [],
    includedConfig: await userGitConfig(config),
    cookieFile: config.cookieFile,
    lfs: config.lfs,
    memory,
    ssh: {
      ...config.ssh,
      hostKeys: await prepareHostKeys(config.ssh.hostKeys, root),
      ...(lentUser && { lentUser }),
      verbosity: config.verbosity,
      controlDirectory: sockets,
      persistSeconds: persistSeconds(config.periodMs),
    },
  };
}

/** git as this sync runs it: with settings of its own, and over ssh with a connection that its commands share. */
export async function openSyncGit(options: SyncGitOptions): Promise<SyncGit> {
  const { config, root, runner, log } = options;
  const overSsh = config.remote.transport === 'ssh';
  const identity = `${root}\n${config.link}`;
  const directory = await openPrivateDirectory(identity, root);
  const sockets =
    overSsh && !config.oneTime ? await openSocketDirectory(identity, { directory, root, log }) : undefined;
  const memory = new GitMemory(readMemoryGroup(), log);
  const hermetic = await createHermeticGit(await hermeticOptions(options, directory, memory, sockets));
  const { environment } = hermetic;
  const niceness = gitNiceness(readCpuGroup());
  const how = { environment, cwd: root, memory, ...(niceness !== undefined && { niceness }) };
  const plain = createGit({ program: config.git, runner, log, ...how });
  const shared = overSsh ? new SharedSsh({ directory: sockets, runner, environment }) : undefined;
  return {
    git: explainSshFiles(shared ? overSharedSsh(plain, shared, log) : plain, config.ssh),
    hermetic,
    directory,
    close: async () => {
      await shared?.dispose(directory);
      await hermetic.dispose();
    },
  };
}
