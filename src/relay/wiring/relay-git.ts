import type { RelayConfig } from '../../config/relay-config.ts';
import type { HermeticOptions } from '../../git/hermetic.ts';
import type { GitMemory } from '../../git/memory.ts';
import { type OwnGit, openOwnGit } from '../../git/own-git.ts';
import { prepareHostKeys } from '../../git/own-known-hosts.ts';
import { persistSeconds } from '../../git/ssh-connections.ts';
import { lendUser } from '../../platform/lend-user.ts';
import type { Ambient } from '../../service/ambient.ts';
import { upstreamGitSettings } from './upstreams.ts';

export interface RelayGitWiring extends Pick<Ambient, 'runner' | 'log'> {
  readonly config: RelayConfig;
  /** Real path of the root. */
  readonly root: string;
}

/** How git runs for a relay. @param directory a private one @param sockets for those of shared ssh connections */
export async function hermeticOptions(
  { config, root }: Pick<RelayGitWiring, 'config' | 'root'>,
  directory: string,
  memory: GitMemory,
  sockets?: string,
): Promise<HermeticOptions> {
  const { environment, ssh } = config;
  const lentUser = await lendUser(directory, environment.HOME ?? '/');
  return {
    directory,
    root,
    inherited: config.gitEnvironment,
    overrides: config.gitConfig,
    additions: upstreamGitSettings(config),
    helpers: config.credentialHelpers?.lines ?? [],
    includedConfig: undefined,
    cookieFile: config.cookieFile,
    lfs: false,
    memory,
    ssh: {
      ...ssh,
      hostKeys: await prepareHostKeys(ssh.hostKeys, root),
      ...(lentUser && { lentUser }),
      verbosity: config.verbosity,
      controlDirectory: sockets,
      persistSeconds: persistSeconds(config.periodMs),
    },
  };
}

/** git as this relay runs it. */
export async function openRelayGit(wiring: RelayGitWiring): Promise<OwnGit> {
  const { config, root, runner, log } = wiring;
  return await openOwnGit({
    ...{ program: config.git, identity: `relay\n${root}`, root, runner, log },
    overSsh: true,
    keepsConnections: true,
    sshFiles: config.ssh,
    hermetic: async (directory, memory, sockets) => await hermeticOptions(wiring, directory, memory, sockets),
  });
}
