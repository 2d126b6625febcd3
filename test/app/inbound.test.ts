import { describe, expect, test } from 'vitest';
import { inboundOf } from '../../src/app/inbound.ts';
import type { InboundOptions } from '../../src/serve/inbound/routes.ts';
import type { Service } from '../../src/service/service.ts';
import { HandClock } from '../kit/hand-clock.ts';
import { silentLog } from '../kit/silent-log.ts';

type Answer = Awaited<ReturnType<InboundOptions['syncNow']>>;

function setUp(units: Readonly<Record<string, { url: string; ref: string; answer?: Answer['status'] }>>) {
  const woken: string[] = [];
  const services = new Map(
    Object.entries(units).map(([name, { url, ref, answer = 'synced' }]) => {
      const inbound = {
        followed: () => [{ url, refs: [ref] }],
        wake: () => void woken.push(name),
        syncNow: async () => ({ status: answer }),
      };
      return [name, { inbound } as unknown as Service] as const;
    }),
  );
  services.set('web', { inbound: undefined } as unknown as Service);
  const parts = { services: () => services, hasUnits: true, clock: new HandClock(), log: silentLog };
  return { inbound: inboundOf(parts), woken };
}

const MAIN = 'refs/heads/main';

describe('one way in for all units', () => {
  test('a notification wakes the units that it is about, and no other', () => {
    const { inbound, woken } = setUp({
      dags: { url: 'https://h/a', ref: MAIN },
      plugins: { url: 'https://h/b', ref: MAIN },
      staging: { url: 'https://h/a', ref: 'refs/heads/dev' },
    });
    inbound.wake('push', {}, { url: 'https://h/a', refs: [MAIN] });
    expect(woken).toEqual(['dags']);
  });

  test('a trigger wakes all of them', () => {
    const { inbound, woken } = setUp({ dags: { url: 'a', ref: MAIN }, plugins: { url: 'b', ref: MAIN } });
    inbound.wake('trigger', {});
    expect(woken).toEqual(['dags', 'plugins']);
  });

  test('a trigger of one unit wakes that one, and there is none of a name that is not there', () => {
    const { inbound, woken } = setUp({ dags: { url: 'a', ref: MAIN }, plugins: { url: 'b', ref: MAIN } });
    inbound.unit?.('plugins')?.wake('trigger', {});
    expect(woken).toEqual(['plugins']);
    for (const name of ['nobody', 'web']) expect(inbound.unit?.(name)).toBeUndefined();
  });

  test('who waits for a sync of all hears the worst of it, and how each of them ended', async () => {
    const { inbound } = setUp({ dags: { url: 'a', ref: MAIN }, plugins: { url: 'b', ref: MAIN, answer: 'failed' } });
    expect(await inbound.syncNow(1000, {})).toEqual({
      status: 'failed',
      units: { dags: { status: 'synced' }, plugins: { status: 'failed' } },
    });
  });

  test('a process with one unit answers as that unit does', async () => {
    const { inbound } = setUp({ sync: { url: 'a', ref: MAIN, answer: 'timeout' } });
    expect(await inbound.syncNow(1000, {})).toEqual({ status: 'timeout' });
  });
});
