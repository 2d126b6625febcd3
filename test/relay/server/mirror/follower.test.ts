import { afterEach, describe, expect, test } from 'vitest';
import { SidecarError } from '../../../../src/model/error.ts';
import type { ErrorCode } from '../../../../src/model/error-codes.ts';
import type { AdvertisedRef } from '../../../../src/model/ref.ts';
import { settledWithin } from '../../../../src/platform/bounded.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { FairRoom } from '../../../../src/platform/fair-room.ts';
import { Watchdog } from '../../../../src/platform/watchdog.ts';
import type { Refs } from '../../../../src/relay/protocol/refs.ts';
import { Follower } from '../../../../src/relay/server/mirror/follower.ts';
import { HostBudget } from '../../../../src/relay/server/mirror/host-budget.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { at, oid, REPOSITORY, refsOf } from '../../../kit/relay-fakes.ts';
import { silentLog } from '../../../kit/silent-log.ts';
import { until } from '../../../peers/wait.ts';

const MAIN = 'refs/heads/main';

type Point = 'open' | 'list' | 'update' | 'isSound' | 'unlock' | 'discard' | 'budget';
type Fault = 'hangs' | 'fails';

const running: Follower[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});

const failure = (code: ErrorCode): SidecarError =>
  new SidecarError(code, { op: 'test', detail: 'as the test wants it' });

/** A follower whose git server and mirror do what the test says. */
function setUp(periodMs = 20) {
  const faults = new Map<Point, Fault>();
  const hit: Record<string, number> = {};
  const state = { tip: '1', code: undefined as ErrorCode | undefined, isSound: true, asked: 0, overdue: 0 };
  const at_ = async (point: Point): Promise<void> => {
    hit[point] = (hit[point] ?? 0) + 1;
    const fault = faults.get(point);
    if (fault === 'fails') throw failure('ERR_INTERNAL');
    // What hangs takes no notice of its signal.
    if (fault === 'hangs') await new Promise(() => undefined);
  };
  let refs: Refs = new Map();
  const mirror = {
    get refs() {
      return refs;
    },
    exists: true,
    open: async () => {
      await at_('open');
      return false;
    },
    update: async (wanted: Refs) => {
      await at_('update');
      if (state.code) throw failure(state.code);
      refs = wanted;
      return refs;
    },
    unlock: async () => {
      await at_('unlock');
      state.code = undefined;
    },
    isSound: async () => {
      await at_('isSound');
      return state.isSound;
    },
    discard: async () => {
      await at_('discard');
      state.isSound = true;
      refs = new Map();
    },
    has: async (id: string) => [...refs.values()].some((ref) => ref.oid === id),
  };
  const remote = {
    renewCredentials: () => false,
    list: async (): Promise<{ refs: AdvertisedRef[]; asOf: number }> => {
      state.asked += 1;
      const refsThen = [at(MAIN, state.tip)];
      await at_('list');
      return { refs: refsThen, asOf: systemClock.now() };
    },
    source: { url: 'u', shownUrl: 'u', native: undefined, credentials: [] },
    costs: true,
    requestsSent: 0,
    close: () => undefined,
  };
  const budget = new HostBudget(systemClock, 1000, () => undefined);
  const watchClock = new HandClock();
  const watchdog = new Watchdog({
    clock: watchClock,
    everyMs: 3_600_000,
    onOverdue: () => {
      state.overdue += 1;
    },
    onStuck: () => undefined,
  });
  const follower = new Follower({
    upstream: { name: REPOSITORY, url: 'u', host: 'h', covers: (ref) => ref.startsWith('refs/'), questions: ['HEAD'] },
    remote,
    mirror: mirror as never,
    budget,
    copies: new FairRoom(() => 16),
    payer: 'somebody',
    periodMs,
    clock: systemClock,
    random: () => 0.5,
    log: silentLog,
    noting: undefined,
    prepare: async () => undefined,
    onChange: () => undefined,
    onTrouble: () => undefined,
    onRecovery: () => undefined,
    watchdog,
    limits: { open: 60, ask: 60, update: 60, check: 60 },
  });
  running.push(follower);
  return {
    follower,
    state,
    hit,
    faults,
    refs: () => follower.refs.get(MAIN)?.oid,
    watchdog,
    watchClock,
    /** Leads to the point; what has to be so that the follower comes there. */
    leadTo: (point: Point) => {
      if (point === 'unlock') state.code = 'ERR_GIT_LOCKED';
      if (point === 'isSound' || point === 'discard') state.isSound = point === 'isSound';
      if (point === 'isSound' || point === 'discard') follower.suspect();
      state.tip = '2';
    },
  };
}

const POINTS: readonly Point[] = ['open', 'list', 'update', 'isSound', 'unlock', 'discard'];

describe('each thing that a follower waits for', () => {
  test.each(POINTS.flatMap((point) => (['hangs', 'fails'] as const).map((fault) => [point, fault] as const)))(
    '%s %s: what is new is passed on as soon as the cause has ended',
    async (point, fault) => {
      const { follower, faults, hit, refs, leadTo } = setUp();
      if (point === 'open') faults.set(point, fault);
      await follower.start(0);
      if (point !== 'open') {
        await until('the first refs are known', () => refs() === oid('1'));
        faults.set(point, fault);
      }
      const before = hit[point] ?? 0;
      leadTo(point);
      if (point !== 'open') await until('it is hit', () => (hit[point] ?? 0) > before);
      faults.clear();
      await until('it goes on', () => refs() === oid('2'), 10_000);
    },
  );

  test.each(POINTS)('%s hangs: it stops all the same', async (point) => {
    const { follower, faults, hit, refs, leadTo } = setUp();
    if (point === 'open') faults.set(point, 'hangs');
    const started = follower.start(0);
    if (point !== 'open') {
      await started;
      await until('the first refs are known', () => refs() === oid('1'));
      faults.set(point, 'hangs');
      leadTo(point);
    }
    await until('it is hit', () => (hit[point] ?? 0) > 0);
    // A second of grace for work that was ended; without a bound it would be for ever.
    expect(await settledWithin(follower.stop(), 15_000)).toBe(true);
    await started;
  });

  test('those who wait for a turn are let go when it stops', async () => {
    const { follower, faults, hit } = setUp();
    faults.set('list', 'hangs');
    await follower.start(0);
    await until('it is asked', () => (hit.list ?? 0) > 0);
    const waiting = [follower.askNow(60_000), follower.whenKnown(60_000), follower.bring(oid('9'), 60_000)];
    await follower.stop();
    await Promise.all(waiting);
  });
});

test('what hangs and cannot be ended is noticed by the watchdog, also when the follower has gone on', async () => {
  const { follower, faults, hit, refs, watchdog, watchClock, state } = setUp();
  await follower.start(0);
  await until('the first refs are known', () => refs() === oid('1'));
  faults.set('list', 'hangs');
  const before = hit.list ?? 0;
  await until('it is hit', () => (hit.list ?? 0) > before);
  faults.clear();
  state.tip = '2';
  await until('it goes on', () => refs() === oid('2'), 10_000);
  expect(watchdog.overdue).toBeUndefined();
  await watchClock.advance(60_000);
  watchdog.look();
  expect(watchdog.overdue).toMatchObject({ what: expect.stringContaining('ask where the refs are') });
  expect(state.overdue).toBe(1);
});

describe('a follower whose mirror is locked', () => {
  test('removes the lock and passes on what is new, in the same turn', async () => {
    const { follower, state, refs } = setUp();
    await follower.start(0);
    await until('the first refs are known', () => refs() === oid('1'));
    state.code = 'ERR_GIT_LOCKED';
    state.tip = '2';
    await until('it goes on', () => refs() === oid('2'));
    expect(follower.trouble).toBeUndefined();
  });
});

describe('somebody wants a commit that another relay told of', () => {
  test('it comes with the turn that brings it, for all who wait, and nobody waits a second for another one', async () => {
    const { follower, state, refs } = setUp(3_600_000);
    await follower.start(0);
    await until('the first refs are known', () => refs() === oid('1'));
    state.tip = '2';
    const asked = state.asked;
    const first = follower.bring(oid('2'), 60_000);
    // This one comes just after the question was sent, too late for it as it thinks.
    await until('it is asked', () => state.asked > asked);
    const since = performance.now();
    expect(await Promise.all([first, follower.bring(oid('2'), 60_000)])).toEqual([true, true]);
    expect(performance.now() - since).toBeLessThan(900);
  });

  test('the git server’s replica is behind as well: it is asked until the commit is there', async () => {
    const { follower, state, refs } = setUp(3_600_000);
    await follower.start(0);
    await until('the first refs are known', () => refs() === oid('1'));
    const wanted = follower.bring(oid('2'), 60_000);
    const asked = state.asked;
    await until('it was asked in vain', () => state.asked >= asked + 2);
    state.tip = '2';
    expect(await wanted).toBe(true);
  });

  test('one that does not exist costs few questions, and the answer comes in time', async () => {
    const { follower, state, refs } = setUp(3_600_000);
    await follower.start(0);
    await until('the first refs are known', () => refs() === oid('1'));
    const asked = state.asked;
    const wanted = Array.from({ length: 50 }, () => follower.bring('f'.repeat(40), 1500));
    expect(new Set(await Promise.all(wanted))).toEqual(new Set([false]));
    expect(state.asked - asked).toBeLessThan(8);
  });
});

test('what is passed on at first is what the git server says, whatever order hints come in', async () => {
  const { follower, state, refs } = setUp(3_600_000);
  await follower.start(0);
  await until('the first refs are known', () => refs() === oid('1'));
  for (const to of ['3', '2']) follower.wake({ ref: MAIN, to: oid(to) });
  state.tip = '2';
  await until('the first of two pushes is there', () => refs() === oid('2'));
  state.tip = '3';
  await until('and the second', () => refs() === oid('3'));
  expect([...refsOf(at(MAIN, '3'))]).toEqual([...follower.refs]);
});
