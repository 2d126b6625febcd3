import { describe, expect, test } from 'vitest';
import type { Unit } from '../../src/app/plan.ts';
import { UnitLife } from '../../src/app/unit-life.ts';
import { YES } from '../../src/model/verdict.ts';
import { NO_ROUTES } from '../../src/platform/http-route.ts';
import type { Service, ServiceEnd } from '../../src/service/service.ts';
import { HandClock } from '../kit/hand-clock.ts';
import { silentLog } from '../kit/silent-log.ts';

const unit: Unit = {
  name: 'dags',
  kind: 'sync',
  errorFile: undefined,
  secrets: [],
  open: async () => Promise.reject(new Error('unused')),
};

/** Services that end when the test says so. */
function setUp(openings: readonly ('opens' | Error)[] = []) {
  const clock = new HandClock();
  const ends: ((end: ServiceEnd) => void)[] = [];
  const state = { opened: 0, stopped: 0 };
  const makeService = (): Service => ({
    routes: NO_ROUTES,
    inbound: undefined,
    pending: [],
    readiness: () => YES,
    liveness: () => YES,
    status: () => ({}),
    showMetrics: () => undefined,
    wake: () => undefined,
    run: async (signal) =>
      await new Promise<ServiceEnd>((resolve) => {
        ends.push(resolve);
        signal.addEventListener('abort', () => resolve({ status: 1 }), { once: true });
      }),
    stop: async () => {
      state.stopped += 1;
    },
  });
  const open = async (): Promise<Service> => {
    const how = openings[state.opened];
    state.opened += 1;
    if (how instanceof Error) throw how;
    return makeService();
  };
  const life = new UnitLife({ unit, open, clock, log: silentLog });
  const settle = async (): Promise<void> => await new Promise((done) => setImmediate(done));
  const stop = new AbortController();
  return { life, clock, ends, state, settle, stop, makeService };
}

describe('a unit of a process', () => {
  test('that cannot be opened says why, and is opened when it can be', async () => {
    const { life, clock, state, settle, stop } = setUp([new Error('no git here'), new Error('no git here')]);
    life.keep(stop.signal);
    await settle();
    expect(life.service.readiness().ok).toBe(false);
    expect(life.service.readiness().text).toContain('no git here');
    expect(life.service.liveness().ok).toBe(true);
    await clock.advance(1000);
    await clock.advance(2000);
    expect([state.opened, life.service.readiness().ok]).toEqual([3, true]);
    stop.abort();
  });

  test('that fails is ended, and opened again after growing pauses', async () => {
    const { life, clock, ends, state, settle, stop } = setUp();
    life.keep(stop.signal);
    await settle();
    ends[0]?.({ status: 1, error: new Error('disk full') });
    await settle();
    expect([state.opened, state.stopped]).toEqual([1, 1]);
    expect(life.service.readiness().text).toContain('disk full');
    await clock.advance(1000);
    expect(state.opened).toBe(2);
    ends[1]?.({ status: 1 });
    await settle();
    await clock.advance(1000);
    expect(state.opened).toBe(2);
    await clock.advance(1000);
    expect(state.opened).toBe(3);
    stop.abort();
  });

  test('that has done its work is not started again', async () => {
    const { life, clock, ends, state, settle, stop } = setUp();
    life.keep(stop.signal);
    await settle();
    ends[0]?.({ status: 0 });
    await settle();
    await clock.advance(3_600_000);
    expect([state.opened, state.stopped, life.service.readiness().ok]).toEqual([1, 0, true]);
    stop.abort();
  });

  test('that somebody wakes is tried at once, whatever its pause', async () => {
    const { life, state, settle, stop } = setUp([new Error('not yet')]);
    life.keep(stop.signal);
    await settle();
    life.wake();
    await settle();
    expect(state.opened).toBe(2);
    stop.abort();
  });

  test('that was being opened when it had to end leaves nothing open', async () => {
    const { clock, state, settle, stop, makeService } = setUp();
    let finish: (service: Service) => void = () => undefined;
    const opening = new Promise<Service>((resolve) => {
      finish = resolve;
    });
    const life = new UnitLife({ unit, open: async () => await opening, clock, log: silentLog });
    life.keep(stop.signal);
    await settle();
    const stopped = life.stop({ signal: 'SIGTERM', hurry: stop.signal });
    finish(makeService());
    await stopped;
    await settle();
    expect(state.stopped).toBe(1);
  });

  test('is ended while it waits for its next try, and stays so', async () => {
    const { life, clock, state, settle, stop } = setUp([new Error('not yet')]);
    life.keep(stop.signal);
    await settle();
    await life.stop({ signal: undefined, hurry: stop.signal });
    await clock.advance(60_000);
    expect(state.opened).toBe(1);
  });
});
