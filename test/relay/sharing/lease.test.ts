import { describe, expect, test } from 'vitest';
import { Lease } from '../../../src/relay/sharing/lease.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { Dice } from '../../kit/random.ts';
import { SimulatedNats } from './simulated-nats.ts';

const TTL_MS = 10_000;

function setUp() {
  const nats = new SimulatedNats(new Dice(1));
  nats.isCalm = true;
  const clock = new HandClock();
  const lease = (holder: string) => {
    const link = nats.link();
    const { bucket } = link;
    return { link, lease: new Lease({ bucket, key: 'lease', holder, policies: () => holder, ttlMs: TTL_MS, clock }) };
  };
  return { nats, clock, a: lease('a'), b: lease('b') };
}

describe('the lease of a group of relays', () => {
  test('has one holder, and stays with it as long as it is renewed', async () => {
    const { clock, a, b } = setUp();
    for (let turn = 0; turn < 10; turn += 1) {
      await a.lease.turn(true);
      await b.lease.turn(true);
      expect([a.lease.isHeld, b.lease.isHeld, b.lease.decider, b.lease.policies]).toEqual([true, false, 'a', 'a']);
      await clock.advance(2000);
    }
    expect(a.lease.term).toBe(1);
  });

  test('is over for a holder that is cut off before another one can take it', async () => {
    const { nats, clock, a, b } = setUp();
    await a.lease.turn(true);
    a.link.connect(nats, false);
    let overAt: number | undefined;
    let takenAt: number | undefined;
    for (let ms = 0; ms < 20_000; ms += 500) {
      await b.lease.turn(true);
      await a.lease.turn(true).catch(() => undefined);
      if (!a.lease.isHeld) overAt ??= ms;
      if (b.lease.isHeld) takenAt ??= ms;
      await clock.advance(500);
    }
    expect(overAt).toBeLessThan(takenAt ?? 0);
    expect(takenAt).toBeLessThanOrEqual(TTL_MS + 500);
    expect(b.lease.decider).toBe('b');
  });

  test('goes to the next one at once when its holder gives it back', async () => {
    const { a, b } = setUp();
    await a.lease.turn(true);
    await b.lease.turn(true);
    await a.lease.giveUp();
    await b.lease.turn(true);
    expect([a.lease.isHeld, b.lease.isHeld]).toEqual([false, true]);
  });

  test('is not taken by a relay that does not want it', async () => {
    const { b } = setUp();
    await b.lease.turn(false);
    expect(b.lease.decider).toBeUndefined();
  });
});
