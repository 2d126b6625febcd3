import type { RelayConfig } from '../../config/relay-config.ts';
import { createGit, type Git } from '../../git/git.ts';
import { createHermeticGit, type HermeticGit, type HermeticOptions } from '../../git/hermetic.ts';
import { GitMemory } from '../../git/memory.ts';
import { prepareHostKeys } from '../../git/own-known-hosts.ts';
import { overSharedSsh, SharedSsh } from '../../git/shared-ssh.ts';
import { openSocketDirectory, persistSeconds } from '../../git/ssh-connections.ts';
import { explainSshFiles } from '../../git/ssh-files.ts';
import { lendUser } from '../../platform/lend-user.ts';
import { readMemoryGroup } from '../../platform/memory-limit.ts';
import { openPrivateDirectory } from '../../platform/private-directory.ts';
import type { Ambient } from '../../service/ambient.ts';
import { upstreamGitSettings } from './upstreams.ts';

export interface RelayGitWiring extends Pick<Ambient, 'runner' | 'log'> {
  readonly config: RelayConfig;
  /** Real path of the root. */
  readonly root: string;
}

export interface RelayGit {
  readonly git: Git;
  readonly hermetic: HermeticGit;
  /** For private files of this relay. */
  readonly directory: string;
  /** Ends connections of ssh, and removes what git had its settings in. */
  close(): Promise<void>;
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

/** git as this relay runs it: with settings of its own, and over ssh with connections that its commands share. */
export async function openRelayGit(wiring: RelayGitWiring): Promise<RelayGit> {
  const { config, root, runner, log } = wiring;
  const identity = `relay\n${root}`;
  const directory = await openPrivateDirectory(identity, root);
  const sockets = await openSocketDirectory(identity, { directory, root, log });
  const memory = new GitMemory(readMemoryGroup(), log);
  const hermetic = await createHermeticGit(await hermeticOptions(wiring, directory, memory, sockets));
  const { environment } = hermetic;
  const plain = createGit({ program: config.git, runner, log, environment, cwd: root, memory });
  const shared = new SharedSsh({ directory: sockets, runner, environment });
  return {
    git: explainSshFiles(overSharedSsh(plain, shared, log), config.ssh),
    hermetic,
    directory,
    close: async () => {
      await shared.dispose(directory);
      await hermetic.dispose();
    },
  };
}
