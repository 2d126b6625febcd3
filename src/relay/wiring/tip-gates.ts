import type { RelayConfig } from '../../config/relay-config.ts';
import type { VerifyConfig } from '../../config/sync-config.ts';
import type { Git } from '../../git/git.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import { OWNER_VARIABLE, ownerMark } from '../../platform/orphans.ts';
import type { ProcessRunner } from '../../platform/process/runner.ts';
import { removeLeftHomes } from '../../verify/home.ts';
import { KeyFiles } from '../../verify/key-files.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import { TipGate } from '../server/mirror/tip-gate.ts';

export interface TipGatesOptions {
  readonly config: RelayConfig;
  readonly policy: VerifyConfig;
  readonly git: Git;
  readonly runner: ProcessRunner;
  readonly clock: Clock;
  readonly log: Logger;
  readonly root: string;
  /** Private directory of this process. */
  readonly directory: string;
  readonly onAnswer: (code: string | undefined) => void;
}

/** Makes what decides which tips of a mirror are passed on. All repositories have the same keys. */
export async function openTipGates(
  options: TipGatesOptions,
): Promise<(repository: RepositoryName, gitDir: string) => TipGate> {
  const { config, policy, git, runner, clock, log, root, directory, onAnswer } = options;
  await removeLeftHomes(directory);
  const { PATH } = config.environment;
  const environment = { ...(PATH !== undefined && { PATH }), [OWNER_VARIABLE]: ownerMark(root, process.pid) };
  const keys = new KeyFiles(policy.keys);
  const home = { runner, directory, environment };
  return (repository, gitDir) => new TipGate({ policy, keys, git, gitDir, repository, home, clock, log, onAnswer });
}
