import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../platform/clock.ts';
import type { Route } from '../../platform/http-route.ts';
import { PAGE_BUNDLE, VERSION } from '../../platform/version.ts';
import { fleetRoute } from '../server/fleet/fleet-route.ts';
import { rolloutRoute } from '../server/rollouts/rollout-routes.ts';
import { statusRoute } from '../server/routes.ts';
import type { WiredRelay } from '../wiring/wire.ts';
import { commitsRoute } from './commits-route.ts';
import { liveRoute } from './live-route.ts';
import { overviewRoute } from './overview-route.ts';
import { PageDoor } from './page-door.ts';
import { PageFiles } from './page-files.ts';
import { pageRoutes } from './page-route.ts';
import { sessionRoute } from './session-route.ts';
import { Sessions } from './sessions.ts';

export interface BrowserRoutes {
  readonly routes: readonly Route[];
  /** Those whose answers do not end. */
  readonly streams: readonly Route[];
  /** The owner whose share a request uses, also where it shows a session only. */
  readonly ownerOf: (request: IncomingMessage) => string;
}

/** Everything that a browser asks a relay for, and programs too: the page, who it is for, and what it shows. */
export function browserRoutes(relay: WiredRelay, clock: Clock): BrowserRoutes {
  const { access, live } = relay;
  const sessions = new Sessions(clock);
  const door = new PageDoor(access, sessions);
  const files = PAGE_BUNDLE === undefined ? undefined : new PageFiles(PAGE_BUNDLE);
  return {
    ownerOf: (request) => door.ownerOf(request),
    routes: [
      fleetRoute({ ...relay, doorkeeper: door }),
      rolloutRoute({ ...relay, door }),
      statusRoute({ ...relay, doorkeeper: door }),
      overviewRoute({ ...relay, version: VERSION, door, clock }),
      commitsRoute({ ...relay, door }),
      sessionRoute({ access, door, sessions, onEnd: () => live.recheck() }),
      ...pageRoutes(files),
    ],
    streams: [liveRoute({ ...relay, door })],
  };
}
