import type { Git } from '../git/git.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { AGENT } from '../platform/version.ts';
import { createNativePoll, type NativePoll, type ServerAccess } from './native-poll.ts';
import { Poller } from './poller.ts';

/** @param native a connection that others use too; undefined: one of its own */
export async function createPoller(
  access: ServerAccess,
  git: Git,
  log: Logger,
  clock: Clock,
  native?: NativePoll,
): Promise<Poller> {
  const poll = native ?? (await createNativePoll(access, git, AGENT, clock.now));
  return new Poller({ remote: access.remote, git, log, ...poll });
}
