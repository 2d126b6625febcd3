import { type IncomingMessage, request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/platform/clock.ts';
import type { LiveFeed } from '../../../src/relay/browser/live-feed.ts';
import { liveRoute } from '../../../src/relay/browser/live-route.ts';
import { PageDoor } from '../../../src/relay/browser/page-door.ts';
import { Sessions } from '../../../src/relay/browser/sessions.ts';
import { Hub } from '../../../src/relay/server/streams/hub.ts';
import { principal, serving } from '../../kit/page-kit.ts';
import { until } from '../../peers/wait.ts';

/** Clients are who their header says; without one they are nobody. */
async function setUp(mostStreams = 1000) {
  const identify = ({ headers: { who } }: IncomingMessage) => (who === undefined ? undefined : principal(String(who)));
  const door = new PageDoor({ identify }, new Sessions(systemClock));
  const clock = systemClock;
  const hub = new Hub({ relay: 'r', staggerMs: 0, mostSubscribers: mostStreams, clock, random: Math.random });
  const watching: string[] = [];
  const live = {
    watch: (visitor: { principal: { id: string } }) => watching.push(visitor.principal.id),
  } as unknown as LiveFeed;
  let refused = 0;
  const onRefused = (): void => {
    refused += 1;
  };
  const url = `${await serving(liveRoute({ door, hub, live, onRefused }))}/fleet/events`;
  return {
    ...{ url, watching, refused: () => refused },
    /** @returns the status, and what ends the stream */
    watch: async (who: string): Promise<{ status: number | undefined; end: () => void }> =>
      await new Promise((resolve, reject) => {
        const asked = request(url, { headers: { who }, agent: false }, (response) => {
          response.on('error', () => undefined).resume();
          resolve({ status: response.statusCode, end: () => response.destroy() });
        });
        asked.on('error', reject).end();
      }),
  };
}

describe('GET /fleet/events', () => {
  test('is for those who may read', async () => {
    const { url, watch, watching } = await setUp();
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url, { method: 'POST', headers: { who: 'me' } })).status).toBe(405);
    expect((await watch('me')).status).toBe(200);
    expect(watching).toEqual(['me']);
  });

  test('has 64 places: one principal has 48 of them at most, so another one finds some, and each is given back', async () => {
    const { watch, refused } = await setUp();
    const all = [];
    for (let index = 0; index < 60; index += 1) all.push(await watch('busy'));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(48);
    expect(all.at(-1)?.status).toBe(503);
    expect(refused()).toBe(12);
    expect((await watch('other')).status).toBe(200);
    for (const { end } of all.slice(0, 4)) end();
    await until('its place is free', async () => (await watch('busy')).status === 200);
  });

  test('takes one of the places of all streams', async () => {
    const { watch } = await setUp(2);
    const [first, second, third] = [await watch('me'), await watch('me'), await watch('me')];
    expect([first.status, second.status, third.status]).toEqual([200, 200, 503]);
    // Another one has none, so one of these has to give way.
    expect((await watch('other')).status).toBe(200);
  });
});
