import type { Git } from '../git/git.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { Poller } from '../poll/poller.ts';
import { createNativePoll, type ServerAccess } from './native-poll.ts';
import { VERSION } from './version.ts';

/** What we call ourselves to git servers and relays. */
export const AGENT = `git-sidecar/${VERSION}`;

export async function createPoller(access: ServerAccess, git: Git, log: Logger, clock: Clock): Promise<Poller> {
  return new Poller({ remote: access.remote, git, log, ...(await createNativePoll(access, git, AGENT, clock.now)) });
}
