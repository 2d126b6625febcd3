import { describe, expect, onTestFinished, test } from 'vitest';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { SidecarError } from '../../src/model/error.ts';
import type { CycleReport } from '../../src/model/sync-observer.ts';
import { WakeUps } from '../../src/platform/wake-ups.ts';
import { Watchdog } from '../../src/platform/watchdog.ts';
import type { SyncContext } from '../../src/sync/context.ts';
import type { Stage } from '../../src/sync/cycle.ts';
import { type LoopEnd, SyncLoop } from '../../src/sync/loop.ts';
import { HandClock } from '../kit/hand-clock.ts';
import { silentLog } from '../kit/silent-log.ts';

const NOTHING = (): void => undefined;
const tick = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((done) => setImmediate(done));
};
const broken = (code: ConstructorParameters<typeof SidecarError>[0], more: { retryAfterMs?: number } = {}) =>
  new SidecarError(code, { op: 'try', detail: 'no', ...more });

/** A loop with one stage, which fails with what the test says; its pauses are as long as their period says. */
function fixture(more: Partial<SyncConfig> = {}, sound = true) {
  const clock = new HandClock();
  const wakeUps = new WakeUps(clock);
  const stopping = new AbortController();
  const reports: CycleReport[] = [];
  const discarded: string[] = [];
  const it = { fault: undefined as Error | undefined, cycles: 0, opened: 0, unlocked: 0, successes: 0 };
  const config = {
    ...{ periodMs: 10_000, initPeriodMs: 10_000, syncTimeoutMs: 0, oneTime: false },
    ...{ maxFailures: undefined, initMaxFailures: undefined, target: { kind: 'oid', oid: 'f' }, ...more },
  };
  const repository = {
    state: {},
    exists: true,
    noteFailure: NOTHING,
    unlock: async () => {
      it.unlocked += 1;
    },
    isSound: async () => sound,
    discard: async (reason: string) => void discarded.push(reason),
  };
  const observer = {
    ...{ onCycleStart: NOTHING, onPublish: NOTHING, onVerify: NOTHING },
    onCycle: (report: CycleReport) => void reports.push(report),
  };
  const context = { config, clock, log: silentLog, repository, observer } as unknown as SyncContext;
  const stage: Stage = {
    name: 'work',
    run: async () => {
      it.cycles += 1;
      if (it.fault) throw it.fault;
      return {};
    },
  };
  const loop = new SyncLoop({
    ...{ context, stages: [stage], wakeUps, signal: stopping.signal },
    // The middle of the range: pauses vary around their length, and the first one is three quarters of it.
    random: () => 0.5,
    watchdog: new Watchdog({ clock, onOverdue: NOTHING, onStuck: NOTHING }),
    open: async () => {
      it.opened += 1;
    },
    onSuccess: async () => {
      it.successes += 1;
    },
  });
  const ends: LoopEnd[] = [];
  const start = async (): Promise<void> => {
    void loop.run().then((end) => ends.push(end));
    await tick();
  };
  const pass = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await tick();
  };
  /** Nothing happens in `ms` but for the last millisecond, in which one cycle runs. */
  const nextIn = async (ms: number): Promise<void> => {
    const before = it.cycles;
    await pass(ms - 1);
    expect(it.cycles).toBe(before);
    await pass(1);
    expect(it.cycles).toBe(before + 1);
  };
  onTestFinished(async () => {
    stopping.abort();
    wakeUps.wake('stop');
    await tick();
  });
  return { it, wakeUps, stopping, reports, discarded, ends, start, pass, nextIn };
}

describe('the pause between two cycles', () => {
  test('is one period, and shorter at first so that followers drift apart', async () => {
    const { start, nextIn } = fixture();
    await start();
    await nextIn(7500);
    await nextIn(10_000);
    await nextIn(10_000);
  });

  test('grows with failures up to a minute, and is one period again after a success', async () => {
    const { it, start, nextIn } = fixture();
    it.fault = broken('ERR_REMOTE_NOT_FOUND');
    await start();
    for (const ms of [10_000, 15_000, 22_500, 33_750, 50_625, 60_000, 60_000]) await nextIn(ms);
    it.fault = undefined;
    await nextIn(60_000);
    await nextIn(10_000);
  });

  test('is as long as the server asked for', async () => {
    const { it, start, nextIn } = fixture();
    it.fault = broken('ERR_REMOTE_BUSY', { retryAfterMs: 300_000 });
    await start();
    await nextIn(300_000);
  });

  test('is over at once when somebody wakes the sync, and a wake-up in a cycle is not lost', async () => {
    const { it, wakeUps, start } = fixture();
    await start();
    wakeUps.wake('signal');
    await tick();
    expect(it.cycles).toBe(2);
  });

  test('after a refusal of the pre-publish hook is the hook’s own, and the refusal is no failure', async () => {
    const { it, ends, start, nextIn } = fixture({ maxFailures: 1, prePublishHook: { backoffMs: 3000 } as never });
    await start();
    it.fault = broken('ERR_NOTIFY_PRE_PUBLISH');
    await nextIn(7500);
    for (let times = 0; times < 3; times += 1) await nextIn(3000);
    expect(ends).toEqual([]);
  });
});

describe('a sync ends', () => {
  test('after as many failures in a row as are allowed', async () => {
    const { it, ends, start, nextIn } = fixture({ maxFailures: 3, initMaxFailures: 3 });
    it.fault = broken('ERR_REMOTE_NOT_FOUND');
    await start();
    await nextIn(10_000);
    await nextIn(15_000);
    expect(ends).toEqual([{ kind: 'failed', error: it.fault }]);
  });

  test('at once where trying again cannot help', async () => {
    const { it, ends, start } = fixture();
    it.fault = broken('ERR_ROOT_UNUSABLE');
    await start();
    expect(ends).toEqual([{ kind: 'failed', error: it.fault }]);
  });

  test('with --one-time after the first success, or when the pre-publish hook refuses too often', async () => {
    const good = fixture({ oneTime: true });
    await good.start();
    expect(good.ends).toEqual([{ kind: 'one-time', cycle: {} }]);
    const bad = fixture({ oneTime: true, initMaxFailures: 1 });
    bad.it.fault = broken('ERR_NOTIFY_PRE_PUBLISH');
    await bad.start();
    expect(bad.ends[0]?.kind).toBe('failed');
  });

  test('in the middle of a pause when it is stopped', async () => {
    const { wakeUps, stopping, ends, start } = fixture();
    await start();
    wakeUps.wake('stop');
    stopping.abort();
    await tick();
    expect(ends).toEqual([{ kind: 'stopped' }]);
  });
});

describe('a cause that lies in our own repository', () => {
  test('is removed, and the cycle is repeated at once, but not for ever', async () => {
    const { it, reports, start } = fixture();
    it.fault = broken('ERR_GIT_LOCKED');
    await start();
    expect([it.cycles, it.unlocked, reports.length]).toEqual([3, 2, 1]);
  });

  test.each([
    [true, []],
    [false, ['git finds it damaged', 'git finds it damaged']],
  ])('is looked for after a failure that may be one; git finds it sound: %s', async (sound, discarded) => {
    const it = fixture({}, sound);
    it.it.fault = broken('ERR_FETCH_OBJECTS');
    await it.start();
    expect(it.discarded).toEqual(discarded);
  });

  test('is not suspected when the server has a bad moment', async () => {
    const { it, discarded, start } = fixture({}, false);
    it.fault = broken('ERR_REMOTE_UNREACHABLE');
    await start();
    expect([it.cycles, discarded]).toEqual([1, []]);
  });
});

test('what nobody expected is reported as a fault of ours and tried again', async () => {
  const { it, reports, start, nextIn } = fixture();
  it.fault = new TypeError('x is not a function');
  await start();
  expect(reports[0]?.error).toMatchObject({ code: 'ERR_INTERNAL', cause: it.fault });
  it.fault = undefined;
  await nextIn(10_000);
  expect(it.successes).toBe(1);
});
