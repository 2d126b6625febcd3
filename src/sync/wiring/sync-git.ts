import type { SyncConfig } from '../../config/sync-config.ts';
import type { HermeticOptions } from '../../git/hermetic.ts';
import type { GitMemory } from '../../git/memory.ts';
import { type OwnGit, openOwnGit } from '../../git/own-git.ts';
import { prepareHostKeys } from '../../git/own-known-hosts.ts';
import { persistSeconds } from '../../git/ssh-connections.ts';
import { gitNiceness, readCpuGroup } from '../../platform/cpu-limit.ts';
import { lendUser } from '../../platform/lend-user.ts';
import { userGitConfig } from '../../poll/native-poll.ts';
import type { Ambient } from '../../service/ambient.ts';
import { confinement } from './confinement.ts';

export interface SyncGitOptions extends Pick<Ambient, 'runner' | 'log'> {
  readonly config: SyncConfig;
  /** Real path of the root. */
  readonly root: string;
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

/** git as this sync runs it. */
export async function openSyncGit(options: SyncGitOptions): Promise<OwnGit> {
  const { config, root, runner, log } = options;
  return await openOwnGit({
    ...{ program: config.git, identity: `${root}\n${config.link}`, root, runner, log },
    overSsh: config.remote.transport === 'ssh',
    keepsConnections: !config.oneTime,
    niceness: gitNiceness(readCpuGroup()),
    sshFiles: config.ssh,
    hermetic: async (directory, memory, sockets) => await hermeticOptions(options, directory, memory, sockets),
  });
}
