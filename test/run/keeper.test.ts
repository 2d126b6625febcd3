import { expect, test } from 'vitest';
import type { RestartPolicy } from '../../src/config/run-config.ts';
import type { Exit } from '../../src/platform/process/runner.ts';
import { Keeper } from '../../src/run/keeper.ts';
import { FakeChild } from '../kit/fake-child.ts';
import { HandClock } from '../kit/hand-clock.ts';
import { silentLog } from '../kit/silent-log.ts';

const tick = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((done) => setImmediate(done));
};

/** A keeper whose processes are pretended; `broken`: they cannot be started. */
function fixture(policy: RestartPolicy = 'always') {
  const clock = new HandClock();
  const children = [new FakeChild(1, undefined)];
  const warnings: string[] = [];
  const restarted: number[] = [];
  const gone: Exit[] = [];
  const it = { broken: false, tries: 0, starting: Promise.resolve() };
  const troubles: (string | undefined)[] = [];
  const keeper: Keeper = new Keeper((children[0] as FakeChild).asInstance, {
    policy,
    clock,
    log: { ...silentLog, warn: (message) => void warnings.push(message) },
    start: async () => {
      it.tries += 1;
      await it.starting;
      if (it.broken) throw new Error('no process is free');
      const child = new FakeChild(children.length + 1, undefined);
      children.push(child);
      return child.asInstance;
    },
    onTrouble: () => void troubles.push(keeper.trouble?.reason),
    onRestart: ({ pid = 0 }) => restarted.push(pid),
    onGone: (exit) => gone.push(exit),
  });
  const die = async (code = 1): Promise<void> => {
    children.at(-1)?.die(code);
    await tick();
  };
  const pass = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await tick();
  };
  return { it, keeper, clock, children, warnings, restarted, gone, troubles, die, pass };
}

test('a process that ends is started again after a pause that doubles up to half a minute', async () => {
  const { keeper, die, pass } = fixture();
  for (const pause of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    const before = keeper.restarts;
    await die();
    await pass(pause - 1);
    expect(keeper.restarts).toBe(before);
    await pass(1);
    expect(keeper.restarts).toBe(before + 1);
  }
});

test('a process that lived for long is started again at once, whatever was before', async () => {
  const { keeper, die, pass } = fixture();
  for (const pause of [1000, 2000, 4000]) {
    await die();
    await pass(pause);
  }
  await pass(10_001);
  await die();
  await pass(1000);
  expect(keeper.restarts).toBe(4);
});

test('a process that cannot be started is tried with pauses that grow, however long ago it lived', async () => {
  const { it, keeper, die, pass, warnings } = fixture();
  await pass(3_600_000);
  it.broken = true;
  await die();
  let tries = 0;
  for (const pause of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    await pass(pause - 1);
    expect(it.tries).toBe(tries);
    await pass(1);
    tries += 1;
    expect(it.tries).toBe(tries);
  }
  // It ended once, so the log says so once.
  expect(warnings).toEqual(['the process ended']);
  it.broken = false;
  await pass(30_000);
  expect(keeper.restarts).toBe(1);
});

test.each<[RestartPolicy, number, boolean]>([
  ['always', 0, true],
  ['on-failure', 0, false],
  ['on-failure', 1, true],
  ['never', 1, false],
])('--restart=%s after exit status %d: started again is %s', async (policy, code, isStarted) => {
  const { keeper, die, pass, gone } = fixture(policy);
  await die(code);
  await pass(60_000);
  expect([keeper.restarts, gone.length]).toEqual(isStarted ? [1, 0] : [0, 1]);
});

test('a keeper that is stopped in a pause starts nothing any more', async () => {
  const { it, keeper, die, pass } = fixture();
  await die();
  await keeper.stop();
  await pass(60_000);
  expect(it.tries).toBe(0);
});

test('a process that was being started when the keeper was stopped is ended, and nobody uses it', async () => {
  const { it, keeper, children, die, pass, restarted } = fixture();
  let start: () => void = () => undefined;
  it.starting = new Promise((resolve) => {
    start = resolve;
  });
  await die();
  await pass(1000);
  await keeper.stop();
  start();
  await tick();
  expect(children[1]?.exit).toEqual({ code: null, signal: 'SIGTERM' });
  expect(restarted).toEqual([]);
});

test('says why the process ended each time, and why it cannot be started again', async () => {
  const { it, keeper, troubles, die, pass } = fixture();
  await die(3);
  it.broken = true;
  await pass(1000);
  expect(troubles).toEqual(['it exited with status 3', 'it cannot be started again: no process is free']);
  expect([keeper.ended, keeper.isOver]).toEqual([1, false]);
});
