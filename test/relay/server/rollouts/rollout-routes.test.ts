import { describe, expect, test } from 'vitest';
import type { PageDoor } from '../../../../src/relay/browser/page-door.ts';
import type { Order } from '../../../../src/relay/rollout/orders.ts';
import { rolloutRoute } from '../../../../src/relay/server/rollouts/rollout-routes.ts';
import type { Rollouts } from '../../../../src/relay/server/rollouts/rollouts.ts';
import { principal, serving } from '../../../kit/page-kit.ts';
import { REPOSITORY } from '../../../kit/relay-fakes.ts';

interface Who {
  readonly bySession: boolean;
  readonly steers: boolean;
}

async function setUp({ bySession, steers }: Who) {
  const given: Order[] = [];
  const who = principal('me', { steers });
  const door = { admit: () => ({ principal: who, bySession, renewed: who.renewed }) } as unknown as PageDoor;
  const rollouts = {
    describe: () => [{ repository: REPOSITORY, ref: 'refs/heads/main' }],
    order: async (_name: string, _ref: string, order: Order) => {
      given.push(order);
      return { status: 'paused' };
    },
  } as unknown as Rollouts;
  const url = await serving(rolloutRoute({ door, rollouts }));
  const body = JSON.stringify({ order: 'pause', who: 'me', why: 'a test' });
  return {
    url,
    given,
    order: async (headers: Record<string, string> = {}): Promise<number> => {
      const query = new URLSearchParams({ repo: REPOSITORY, ref: 'refs/heads/main' });
      return (await fetch(`${url}/rollouts?${query}`, { method: 'POST', headers, body })).status;
    },
  };
}

const PAGE = { 'git-sidecar-page': '1' };

describe('an order', () => {
  test('by a session comes from the page of the relay', async () => {
    const { url, given, order } = await setUp({ bySession: true, steers: true });
    expect(await order({ ...PAGE, 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await order({ ...PAGE, origin: url })).toBe(200);
    expect(given).toMatchObject([{ order: 'pause' }, { order: 'pause' }]);
  });

  test.each<[string, Record<string, string>]>([
    ['without the header of the page', { 'sec-fetch-site': 'same-origin' }],
    ['from another site', { ...PAGE, 'sec-fetch-site': 'cross-site' }],
    ['from a neighbour', { ...PAGE, 'sec-fetch-site': 'same-site' }],
    ['typed into the address bar', { ...PAGE, 'sec-fetch-site': 'none' }],
    ['with the origin of another site', { ...PAGE, origin: 'https://evil.example' }],
    ['with the origin of another port', { ...PAGE, origin: 'http://127.0.0.1:1' }],
    ['with no origin that can be named', { ...PAGE, origin: 'null' }],
    ['that says nothing of where it comes from', PAGE],
    ['from the own origin, which another header denies', { ...PAGE, origin: 'URL', 'sec-fetch-site': 'cross-site' }],
  ])('by a session is refused %s', async (_how, headers) => {
    const { url, given, order } = await setUp({ bySession: true, steers: true });
    expect(await order({ ...headers, ...(headers.origin === 'URL' && { origin: url }) })).toBe(403);
    expect(given).toEqual([]);
  });

  test('of a program needs nothing of that', async () => {
    const { order } = await setUp({ bySession: false, steers: true });
    expect(await order()).toBe(200);
  });

  test.each<[string, Record<string, string>]>([
    ['fetch metadata', { 'sec-fetch-site': 'cross-site' }],
    ['the origin', { origin: 'https://evil.example' }],
  ])(
    'that a browser sends for another site is refused by %s, also with a certificate or a remembered password',
    async (_by, headers) => {
      const { given, order } = await setUp({ bySession: false, steers: true });
      expect(await order(headers)).toBe(403);
      expect(given).toEqual([]);
    },
  );

  test('needs the right to steer, in the page too, and the page learns of that', async () => {
    const { url, order } = await setUp({ bySession: true, steers: false });
    expect(await order({ ...PAGE, 'sec-fetch-site': 'same-origin' })).toBe(403);
    expect(await (await fetch(`${url}/rollouts`)).json()).toMatchObject({ rollouts: [{ maySteer: false }] });
    const steering = await setUp({ bySession: true, steers: true });
    expect(await (await fetch(`${steering.url}/rollouts`)).json()).toMatchObject({ rollouts: [{ maySteer: true }] });
  });
});
