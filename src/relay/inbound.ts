import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { InboundOptions } from '../serve/inbound/routes.ts';
import type { NotedPushes } from './server/mirror/noted-pushes.ts';
import type { Repositories } from './server/mirror/repositories.ts';

/** Notifications and triggers make the relay ask the git servers now. */
export function inboundOf(
  { repositories, pushes }: { readonly repositories: Repositories; readonly pushes: NotedPushes },
  clock: Clock,
  log: Logger,
): InboundOptions {
  return {
    followed: () => repositories.followers.map(({ upstream }) => ({ url: upstream.url, refs: ['HEAD'] })),
    clock,
    log,
    wake: (_reason, hint, about) => {
      for (const follower of repositories.followers)
        if (!about || about.url === follower.upstream.url) {
          pushes.note(follower.upstream.name, hint);
          follower.wake(hint);
        }
    },
    syncNow: async (timeoutMs) => {
      const { followers } = repositories;
      await Promise.all(followers.map((follower) => follower.askNow(timeoutMs)));
      const failed = followers.filter(({ trouble }) => trouble !== undefined);
      return {
        status: failed.length === 0 ? 'synced' : 'failed',
        repositories: followers.map(({ upstream, refs, trouble }) => ({
          repository: upstream.name,
          oid: refs.get('HEAD')?.oid,
          error: trouble?.code,
        })),
      };
    },
  };
}
