import type { Git } from '../git/git.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { AGENT } from '../platform/version.ts';
import { createNativePoll, type ServerAccess } from './native-poll.ts';
import { Poller } from './poller.ts';

export async function createPoller(access: ServerAccess, git: Git, log: Logger, clock: Clock): Promise<Poller> {
  return new Poller({ remote: access.remote, git, log, ...(await createNativePoll(access, git, AGENT, clock.now)) });
}
