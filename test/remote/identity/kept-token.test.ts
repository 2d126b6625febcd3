import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../../src/model/error.ts';
import type { Logger } from '../../../src/platform/log.ts';
import type { Identity, Obtained } from '../../../src/remote/identity/identity.ts';
import { KeptToken } from '../../../src/remote/identity/kept-token.ts';
import { PartyFailure } from '../../../src/remote/identity/party.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { silentLog } from '../../kit/silent-log.ts';
import { until } from '../../peers/wait.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

interface Setting {
  /** Of each token, in milliseconds; undefined: nobody says it. */
  life?: number | undefined;
  /** What the party does instead of giving a token. */
  failing?: 'down' | 'hangs' | 'unreadable' | undefined;
  retryAfterMs?: number;
  /** It gives nothing before. */
  until?: Promise<void>;
}

function setUp(setting: Setting, limits = { ask: 30_000, patience: 1000 }) {
  const clock = new HandClock();
  const told: string[] = [];
  const warnings: Record<string, unknown>[] = [];
  const refreshed: boolean[] = [];
  const given: AbortSignal[] = [];
  let asked = 0;
  const identity: Identity = {
    name: 'sample',
    obtain: async (signal): Promise<Obtained> => {
      asked += 1;
      given.push(signal);
      await new Promise((done) => setImmediate(done));
      await setting.until;
      if (setting.failing === 'hangs') await new Promise(() => undefined);
      if (setting.failing === 'unreadable')
        throw new SidecarError('ERR_REMOTE_CREDENTIAL_SOURCE', { op: 'read', detail: 'no such file' });
      if (setting.failing === 'down') {
        const facts = { party: 'the sample service', target: 'https://sample.test/', hint: 'h' };
        throw new PartyFailure({ ...facts, detail: 'status 500', retryAfterMs: setting.retryAfterMs });
      }
      const { life } = setting;
      return {
        username: 'u',
        password: `token-${asked}`,
        ...(life !== undefined && { expiresAt: clock.now() + life }),
      };
    },
    accepted: async ({ password }) => void told.push(`accepted ${password}`),
    refused: async ({ password }) => void told.push(`refused ${password}`),
  };
  const log: Logger = { ...silentLog, warn: (_message, fields = {}) => void warnings.push(fields) };
  const kept = new KeptToken({
    ...{ identity, clock, random: () => 0, log, limits },
    onRefresh: (success) => void refreshed.push(success),
  });
  const { signal } = new AbortController();
  return {
    ...{ clock, kept, told, warnings, refreshed, given },
    asked: () => asked,
    get: async (by = signal) => (await kept.get(by)).password,
  };
}

describe('a token that is kept', () => {
  test('is asked for once by all who need it at the same time', async () => {
    const { get, asked, refreshed } = setUp({ life: HOUR });
    expect(await Promise.all([get(), get(), get()])).toEqual(['token-1', 'token-1', 'token-1']);
    expect([asked(), refreshed]).toEqual([1, [true]]);
  });

  test('is replaced when a fifth of its life is left, and not before', async () => {
    const { get, clock } = setUp({ life: HOUR });
    await get();
    await clock.advance(47 * MINUTE);
    expect(await get()).toBe('token-1');
    await clock.advance(2 * MINUTE);
    expect(await get()).toBe('token-2');
  });

  test('is replaced at once when less than half a minute is left of it', async () => {
    const { get } = setUp({ life: 25_000 });
    await get();
    expect(await get()).toBe('token-2');
  });

  test('is asked for again after five minutes when nobody said how long it is valid', async () => {
    const { get, clock } = setUp({});
    await get();
    await clock.advance(4 * MINUTE);
    expect(await get()).toBe('token-1');
    await clock.advance(2 * MINUTE);
    expect(await get()).toBe('token-2');
  });

  test('stays in use while the party is down, with a warning, until it has ended; then the error names the party', async () => {
    const setting: Setting = { life: HOUR };
    const { get, clock, warnings } = setUp(setting);
    await get();
    setting.failing = 'down';
    await clock.advance(50 * MINUTE);
    expect(await get()).toBe('token-1');
    expect(warnings).toEqual([
      {
        identity: 'sample',
        reason: 'get a credential from the sample service at https://sample.test/: status 500',
        seconds: 600,
      },
    ]);
    await clock.advance(11 * MINUTE);
    await expect(get()).rejects.toMatchObject({
      code: 'ERR_REMOTE_CREDENTIAL_SOURCE',
      message: 'get a credential from the sample service at https://sample.test/: status 500',
    });
    setting.failing = undefined;
    await clock.advance(5000);
    expect(await get()).toBe('token-4');
  });

  test('a party that fails is asked with growing pauses, at most a minute long, however often the token is needed', async () => {
    const { get, clock, asked } = setUp({ failing: 'down' });
    const times: number[] = [];
    const start = clock.now();
    for (let second = 0; second < 300; second += 1) {
      const before = asked();
      await get().catch(() => undefined);
      if (asked() > before) times.push((clock.now() - start) / 1000);
      await clock.advance(1000);
    }
    expect(times.slice(0, 5)).toEqual([0, 1, 3, 7, 15]);
    expect(times.length).toBeLessThan(15);
    expect(Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? 0)))).toBeLessThanOrEqual(60);
  });

  test('an error between two questions says when the party is asked again', async () => {
    const { get, clock } = setUp({ failing: 'down', retryAfterMs: 20_000 });
    await get().catch(() => undefined);
    await clock.advance(5000);
    await expect(get()).rejects.toMatchObject({
      message: expect.stringContaining('status 500 (asked 5 s ago; it is asked again in 15 s)'),
      retryAfterMs: 15_000,
    });
  });

  test('what is wrong on this side is looked at again at once', async () => {
    const setting: Setting = { failing: 'unreadable' };
    const { get } = setUp(setting);
    await expect(get()).rejects.toThrow('no such file');
    setting.failing = undefined;
    expect(await get()).toBe('token-2');
  });

  test('a party that says nothing is given up, and named', async () => {
    const { get, refreshed } = setUp({ failing: 'hangs' }, { ask: 50, patience: 50 });
    await expect(get()).rejects.toMatchObject({
      code: 'ERR_REMOTE_CREDENTIAL_SOURCE',
      message: expect.stringMatching(/sample.*no answer within 0\.05 s/),
    });
    expect(refreshed).toEqual([false]);
  });

  test('a slow party keeps nobody waiting while what is at hand is valid; what it gives is used when it comes', async () => {
    const setting: Setting = { life: HOUR };
    const { get, clock, asked, kept, given } = setUp(setting, { ask: 30_000, patience: 20 });
    await get();
    await clock.advance(50 * MINUTE);
    let give = (): void => undefined;
    setting.until = new Promise((resolve) => {
      give = resolve;
    });
    expect([await get(), await get(), asked()]).toEqual(['token-1', 'token-1', 2]);
    give();
    await until('the new one is used', async () => (await get()) === 'token-2');
    await clock.advance(50 * MINUTE);
    setting.failing = 'hangs';
    expect(await get()).toBe('token-2');
    kept.close();
    expect(given.at(-1)?.aborted).toBe(true);
  });

  test('a question that nobody waits for any more ends, and is no failure of the party', async () => {
    const setting: Setting = { failing: 'hangs' };
    const { get, given, refreshed } = setUp(setting);
    const [one, other] = [new AbortController(), new AbortController()];
    const waiting = [get(one.signal), get(other.signal)];
    await new Promise((done) => setImmediate(done));
    one.abort(new Error('first'));
    await expect(waiting[0]).rejects.toThrow('first');
    expect(given[0]?.aborted).toBe(false);
    other.abort(new Error('second'));
    await expect(waiting[1]).rejects.toThrow('second');
    await new Promise((done) => setImmediate(done));
    expect(given[0]?.aborted).toBe(true);
    expect(refreshed).toEqual([]);
    setting.failing = undefined;
    expect(await get()).toBe('token-2');
  });

  test('is forgotten when the git server refuses it, once, and its party hears of it first', async () => {
    const { get, kept, clock, told } = setUp({ life: HOUR });
    await get();
    await clock.advance(10_000);
    expect(kept.refused()).toBe(true);
    expect(kept.refused()).toBe(false);
    expect(await get()).toBe('token-2');
    expect(told).toEqual(['refused token-1']);
  });

  test('that was just given out is not replaced when the git server refuses it: another one would not help', async () => {
    const { get, kept, clock } = setUp({ life: HOUR });
    await get();
    await clock.advance(1000);
    expect(kept.refused()).toBe(false);
    expect(await get()).toBe('token-1');
  });

  test('its party hears once that the git server accepted it', async () => {
    const { get, kept, told } = setUp({ life: HOUR });
    kept.accepted();
    await get();
    kept.accepted();
    kept.accepted();
    await new Promise((done) => setImmediate(done));
    expect(told).toEqual(['accepted token-1']);
  });
});
