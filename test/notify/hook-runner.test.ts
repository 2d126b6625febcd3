import { describe, expect, test } from 'vitest';
import { parseOid } from '../../src/model/oid.ts';
import { HookRunner } from '../../src/notify/hook-runner.ts';
import type { Notification } from '../../src/notify/notification.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { type Logger, silentLogger } from '../../src/platform/log.ts';
import { until } from '../peers/wait.ts';

const of = (digit: string): Notification => {
  const oid = parseOid(digit.repeat(40));
  if (!oid) throw new Error('unreachable');
  return { oid, worktree: `/w/${digit}`, directory: `/w/${digit}` };
};

/** A hook whose attempts the test ends, and a clock whose sleeps it ends. */
function setUp() {
  const calls: string[] = [];
  const pending: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const sleeps: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    sleep: (_ms, signal) =>
      new Promise((done) => {
        sleeps.push(done);
        signal?.addEventListener('abort', () => done(), { once: true });
      }),
  };
  const results: boolean[] = [];
  const hook = new HookRunner({
    name: 'exechook',
    backoffMs: 1000,
    clock,
    log: silentLogger,
    onResult: (ok) => results.push(ok),
    attempt: (notification, signal) => {
      calls.push(notification.oid[0] ?? '');
      return new Promise<void>((resolve, reject) => {
        pending.push({ resolve, reject });
        signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
      });
    },
  });
  const finish = async (ok: boolean): Promise<void> => {
    const attempt = await until('an attempt runs', () => pending.shift());
    if (ok) attempt.resolve();
    else attempt.reject(new Error('no'));
    await new Promise(setImmediate);
  };
  return { hook, calls, sleeps, results, finish };
}

describe('a hook', () => {
  test('is told the newest of those that came while it ran, also when that is the one it ran for', async () => {
    const { hook, calls, finish } = setUp();
    hook.notify(of('a'));
    hook.notify(of('b'));
    hook.notify(of('a'));
    await finish(true);
    await finish(true);
    expect(calls).toEqual(['a', 'a']);
  });

  test('is tried again after the backoff, for the same revision', async () => {
    const { hook, calls, sleeps, results, finish } = setUp();
    hook.notify(of('a'));
    await finish(false);
    (await until('it pauses', () => sleeps.shift()))();
    await finish(true);
    expect([calls, results]).toEqual([
      ['a', 'a'],
      [false, true],
    ]);
  });

  test('a newer revision ends the pause and takes the place of the failed one', async () => {
    const { hook, calls, sleeps, finish } = setUp();
    hook.notify(of('a'));
    await finish(false);
    await until('it pauses', () => sleeps.length === 1);
    hook.notify(of('b'));
    await finish(true);
    expect(calls).toEqual(['a', 'b']);
  });

  test('says which worktree it works in while it works', async () => {
    const { hook, finish } = setUp();
    expect(hook.worktreeInUse).toBeUndefined();
    hook.notify(of('a'));
    expect(hook.worktreeInUse).toBe('/w/a');
    await finish(true);
    expect(hook.worktreeInUse).toBeUndefined();
  });

  test('stop ends a running attempt and forgets the rest', async () => {
    const { hook, calls, results } = setUp();
    hook.notify(of('a'));
    hook.notify(of('b'));
    await hook.stop();
    expect([calls, results]).toEqual([['a'], []]);
  });
});

test('somebody who is not there yet is no failure: one line says so, and one more when it takes long', async () => {
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  const log = { ...silentLogger, info: (_level: number, message: string) => note(message), warn: note, error: note };
  const results: boolean[] = [];
  let absences = 0;
  const hook = new HookRunner({
    name: 'signal',
    backoffMs: 1000,
    clock: { now: () => 0, monotonic: () => 0, sleep: async () => undefined },
    log: log as unknown as Logger,
    onResult: (ok) => results.push(ok),
    isAbsence: (error) => error instanceof RangeError,
    attempt: async () => {
      absences += 1;
      if (absences <= 50) throw new RangeError('absent');
    },
  });
  hook.notify(of('a'));
  await until('it succeeded', () => results.length > 0);
  expect(results).toEqual([true]);
  expect(lines).toEqual([
    'signal: there is no listener yet; it is tried until there is one',
    'signal: there is still no listener',
    'signal succeeded',
  ]);
});
