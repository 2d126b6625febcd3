import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextPause } from '../../src/platform/backoff.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { WakeUps } from '../../src/platform/wake-ups.ts';
import { Health } from '../../src/serve/health.ts';

describe('the pause between syncs', () => {
  const pause = (input: Partial<Parameters<typeof nextPause>[0]>) =>
    nextPause({ periodMs: 10_000, failures: 0, retryAfterMs: undefined, first: false, random: () => 0.5, ...input });

  test('is the period, give or take 5 %; the first one half to the whole of it', () => {
    expect([pause({ random: () => 0 }), pause({}), pause({ random: () => 0.999999 })].map(Math.round)).toEqual([
      9500, 10_000, 10_500,
    ]);
    expect([pause({ first: true, random: () => 0 }), pause({ first: true, random: () => 1 })]).toEqual([5000, 10_000]);
  });

  test('grows with failures to a minute, and does not wait out a long period', () => {
    expect([1, 2, 3, 20].map((failures) => Math.round(pause({ failures })))).toEqual([10_000, 15_000, 22_500, 60_000]);
    expect(pause({ periodMs: 300_000 })).toBe(300_000);
    expect([1, 2, 2000].map((failures) => pause({ failures, periodMs: 300_000 }))).toEqual([15_000, 22_500, 60_000]);
  });

  test('is never shorter than the server asked for, whatever else is true', () => {
    fc.assert(
      fc.property(
        fc.nat(100_000),
        fc.nat(50),
        fc.nat(3_600_000),
        fc.boolean(),
        (periodMs, failures, retryAfterMs, first) => pause({ periodMs, failures, retryAfterMs, first }) >= retryAfterMs,
      ),
    );
  });
});

describe('wake-ups', () => {
  test('a reason that came before the wait ends it at once; many are one', async () => {
    const wakeUps = new WakeUps(systemClock);
    wakeUps.wake('signal');
    wakeUps.wake('trigger');
    expect(await wakeUps.wait(60_000)).toBe('trigger');
    expect(await wakeUps.wait(1)).toBe('period');
  });

  test('a reason that comes during the wait ends it', async () => {
    const wakeUps = new WakeUps(systemClock);
    setTimeout(() => wakeUps.wake('signal'), 10);
    expect(await wakeUps.wait(60_000)).toBe('signal');
  });

  test('stop stays', async () => {
    const wakeUps = new WakeUps(systemClock);
    wakeUps.wake('stop');
    wakeUps.wake('signal');
    expect([await wakeUps.wait(60_000), await wakeUps.wait(60_000)]).toEqual(['stop', 'stop']);
  });
});

describe('health', () => {
  test('ready from the first success, stale after --max-staleness, ready again with the next', () => {
    let now = 0;
    const clock: Clock = { now: () => now, monotonic: () => now, sleep: async () => undefined };
    const health = new Health(clock, 1000);
    expect([health.isInitialized, health.readiness().ok]).toEqual([false, false]);
    health.succeeded();
    now = 1000;
    expect(health.readiness().ok).toBe(true);
    now = 1001;
    expect([health.isInitialized, health.readiness()]).toEqual([
      true,
      { ok: false, text: 'stale: the last successful check was 1 s ago' },
    ]);
    health.succeeded();
    expect(health.readiness().ok).toBe(true);
  });
});
