import { systemClock } from '../../src/platform/clock.ts';
import { LiveFeed } from '../../src/relay/browser/live-feed.ts';
import { liveRoute } from '../../src/relay/browser/live-route.ts';
import { overviewRoute } from '../../src/relay/browser/overview-route.ts';
import { PageDoor } from '../../src/relay/browser/page-door.ts';
import { PageFiles } from '../../src/relay/browser/page-files.ts';
import { pageRoutes } from '../../src/relay/browser/page-route.ts';
import { Savings } from '../../src/relay/browser/savings.ts';
import { sessionRoute } from '../../src/relay/browser/session-route.ts';
import { Sessions } from '../../src/relay/browser/sessions.ts';
import { Access } from '../../src/relay/server/access/access.ts';
import { Fleet } from '../../src/relay/server/fleet/fleet.ts';
import { fleetRoute } from '../../src/relay/server/fleet/fleet-route.ts';
import { rolloutRoute } from '../../src/relay/server/rollouts/rollout-routes.ts';
import type { Rollouts } from '../../src/relay/server/rollouts/rollouts.ts';
import { Hub } from '../../src/relay/server/streams/hub.ts';
import { serving } from './page-kit.ts';
import { oid, REPOSITORY } from './relay-fakes.ts';
import { silentLog } from './silent-log.ts';

export interface PageRelay {
  readonly url: string;
  /** Instance `index` reports that it publishes the commit of this digit. */
  readonly report: (index: number, digit: string) => void;
  /** Whether the stream of changes is answered. */
  streams: boolean;
}

/** What a relay has for browsers, without the rest of it, and with so many instances that never were. */
export async function pageRelay(instances: number): Promise<PageRelay> {
  const clock = systemClock;
  const access = new Access(undefined, silentLog, clock);
  const sessions = new Sessions(clock);
  const door = new PageDoor(access, sessions);
  const hub = new Hub({ relay: 'test', staggerMs: 0, mostSubscribers: 100, clock, random: Math.random });
  const fleet: Fleet = new Fleet({
    ...{ clock, follower: () => undefined, onFollowed: () => undefined, mostSubscribers: 2 * instances + 10 },
    onMember: (member) => live.noteMember(member),
    onForgotten: (member) => live.noteMember(member, true),
  });
  const rollouts = { describe: () => [] } as unknown as Rollouts;
  const sources = {
    ...{ repositories: { followers: [] }, hub, answers: { counts: {} }, fleet, version: 'test' },
    savings: new Savings(clock, 1000, () => 0),
  };
  const live = new LiveFeed({ ...sources, clock, rollouts, follower: () => undefined });
  const watch = liveRoute({ door, hub, live, onRefused: () => undefined });
  const report = (index: number, digit: string): void => {
    const published = { ref: 'refs/heads/main', oid: oid(digit), at: clock.now() };
    const text = { stream: `${index}`, replaces: undefined, instance: `pod-${index}`, running: undefined };
    const labels = { zone: `z${index % 3}` };
    fleet.join('pods', REPOSITORY, { ...text, published, labels });
  };
  for (let index = 0; index < instances; index += 1) report(index, '1');
  const it = { url: '', report, streams: true };
  it.url = await serving(
    fleetRoute({ doorkeeper: door, fleet }),
    rolloutRoute({ door, rollouts }),
    overviewRoute({ ...sources, door, clock }),
    {
      path: watch.path,
      answer: async (url, request, response) => {
        if (it.streams) await watch.answer(url, request, response);
        else response.writeHead(503).end('as many browsers watch this relay as may\n');
      },
    },
    sessionRoute({ access, door, sessions, onEnd: () => undefined }),
    ...pageRoutes(new PageFiles('dist/page.json')),
  );
  return it;
}
