import { join } from 'node:path';
import type { SyncConfig, VerifyConfig } from '../../config/sync-config.ts';
import type { Layout } from '../../fetch/layout.ts';
import type { Git } from '../../git/git.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import { OWNER_VARIABLE, ownerMark } from '../../platform/orphans.ts';
import type { ProcessRunner } from '../../platform/process/runner.ts';
import { History } from '../../verify/history.ts';
import { removeLeftHomes } from '../../verify/home.ts';
import { VerifyMemory } from '../../verify/memory.ts';
import { NoWayBack } from '../../verify/no-way-back.ts';
import { TagObjects } from '../../verify/signed-tag.ts';
import { Verification } from '../../verify/verification.ts';

export interface VerificationParts {
  readonly config: SyncConfig;
  readonly policy: VerifyConfig;
  readonly git: Git;
  readonly clock: Clock;
  readonly log: Logger;
  readonly runner: ProcessRunner;
  readonly layout: Layout;
  /** Private directory of this process. */
  readonly directory: string;
  /** Identity of this boot of the machine. */
  readonly boot: string;
  readonly url: () => string;
  readonly onFetch: () => void;
  readonly onAnswer: (code: string | undefined) => void;
}

/** Makes what decides whether a revision may be published. */
export async function openVerification(parts: VerificationParts): Promise<Verification> {
  const { config, policy, git, clock, log, runner, layout, directory, boot, url, onFetch, onAnswer } = parts;
  await removeLeftHomes(directory);
  const { gitDir, root } = layout;
  const { PATH } = config.environment;
  const environment = { ...(PATH !== undefined && { PATH }), [OWNER_VARIABLE]: ownerMark(root, process.pid) };
  return new Verification({
    policy,
    git,
    gitDir,
    clock,
    log,
    home: { runner, directory, environment },
    noWayBack: new NoWayBack({
      ...{ policy, gitDir, boot },
      history: new History({ git, gitDir, commitsDir: join(layout.stateDir, 'commits.git'), url, onFetch }),
      memory: new VerifyMemory(root, `${config.remote.shownUrl} ${config.target.requested}`),
    }),
    tags: new TagObjects({ git, gitDir, url, onFetch }),
    onAnswer,
  });
}
