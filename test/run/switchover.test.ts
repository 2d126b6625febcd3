import { describe, expect, test } from 'vitest';
import type { RunConfig } from '../../src/config/run-config.ts';
import { SidecarError } from '../../src/model/error.ts';
import type { Exit } from '../../src/platform/process/runner.ts';
import type { Release } from '../../src/run/state.ts';
import { type Probation, Switchover } from '../../src/run/switchover.ts';
import type { Verdict } from '../../src/run/trial.ts';
import { FakeChild } from '../kit/fake-child.ts';
import { HandClock } from '../kit/hand-clock.ts';
import { silentLog } from '../kit/silent-log.ts';

const release = (id: string): Release => ({ id, path: `/releases/${id}`, digest: id, deployedAt: 0 });
const NEVER = new AbortController().signal;
const tick = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((done) => setImmediate(done));
};

interface Started {
  readonly id: string;
  readonly child: FakeChild;
}

/** A switchover whose processes are pretended; `listens`: with a front that notes where the traffic goes. */
function fixture(listens: boolean, more: Partial<RunConfig> = {}) {
  const clock = new HandClock();
  const started: Started[] = [];
  const gone: Exit[] = [];
  const notReady = new Set<string>();
  const traffic: number[] = [];
  const states: string[] = [];
  const front = { use: (port: number) => void traffic.push(port), drain: async () => 0 };
  const config = { restart: 'always', readyForMs: 5000, listen: listens ? {} : undefined, ...more };
  const switchover: Switchover = new Switchover({
    config: config as unknown as RunConfig,
    launch: {
      start: async ({ id }: Release) => {
        const child = new FakeChild(started.length + 1, listens ? started.length + 1 : undefined);
        started.push({ id, child });
        return child.asInstance;
      },
      untilReady: async (_instance: unknown, { id }: Release) => (notReady.has(id) ? 'not ready' : undefined),
    } as never,
    front: listens ? (front as never) : undefined,
    clock,
    log: silentLog,
    onGone: (exit) => gone.push(exit),
    onState: () => {
      const { release: of, state, ended, trouble } = switchover.present.state ?? {};
      const text = `${of?.id} ${state}${ended ? ` ${ended}` : ''}${trouble ? `: ${trouble.reason}` : ''}`;
      if (states.at(-1) !== text) states.push(text);
    },
  });
  const child = (id: string): FakeChild => {
    const found = started.findLast((each) => each.id === id)?.child;
    if (!found) throw new Error(`${id} was not started`);
    return found;
  };
  /** Switches, and notes the verdict when there is one. */
  const to = async (id: string): Promise<{ probation: Probation; verdict: () => Verdict | undefined }> => {
    const probation = await switchover.to(release(id), NEVER);
    let found: Verdict | undefined;
    void probation.verdict.then((verdict) => {
      found = verdict;
    });
    return { probation, verdict: () => found };
  };
  const proven = async (id: string): Promise<void> => {
    const { verdict } = await to(id);
    await clock.advance(5000);
    await tick();
    expect(verdict()?.kind).toBe('proven');
  };
  return { clock, switchover, started, gone, notReady, traffic, states, child, to, proven };
}

describe('a new process, with --listen', () => {
  test('serves from the moment it is ready; the old one stays until the probation is over', async () => {
    const it = fixture(true);
    await it.proven('a');
    const { verdict } = await it.to('b');
    expect(it.traffic.at(-1)).toBe(it.child('b').port);
    await it.clock.advance(4999);
    await tick();
    expect([verdict(), it.child('a').exit]).toEqual([undefined, undefined]);
    await it.clock.advance(1);
    await tick();
    expect(verdict()).toEqual({ kind: 'proven' });
    expect(it.child('a').exit).toBeDefined();
    expect(it.switchover.present.running?.id).toBe('b');
  });

  test.each([0, 1])('that dies early with status %d gives the traffic back at once', async (status) => {
    const it = fixture(true);
    await it.proven('a');
    const { verdict } = await it.to('b');
    await it.clock.advance(400);
    it.child('b').die(status);
    await tick();
    expect(verdict()).toEqual({ kind: 'died', exit: { code: status, signal: null } });
    expect(it.traffic.at(-1)).toBe(it.child('a').port);
    expect(it.switchover.present.running?.id).toBe('a');
    expect([it.switchover.present.isReady, it.started.length]).toEqual([true, 2]);
  });

  test('does not wait for the probation of the one before; what is proven stays to go back to', async () => {
    const it = fixture(true);
    await it.proven('a');
    const b = await it.to('b');
    await it.clock.advance(1000);
    const c = await it.to('c');
    await tick();
    expect(b.verdict()).toEqual({ kind: 'superseded' });
    expect([it.child('b').exit !== undefined, it.child('a').exit]).toEqual([true, undefined]);
    it.child('c').die(1);
    await tick();
    expect(c.verdict()?.kind).toBe('died');
    expect(it.traffic.at(-1)).toBe(it.child('a').port);
  });

  test('that comes during the very first probation finds the first one to go back to', async () => {
    const it = fixture(true);
    const a = await it.to('a');
    await it.clock.advance(1000);
    await it.to('b');
    await tick();
    expect(a.verdict()).toEqual({ kind: 'proven' });
    it.child('b').die(0);
    await tick();
    expect([it.traffic.at(-1), it.switchover.present.running?.id]).toEqual([it.child('a').port, 'a']);
  });

  test('that does not become ready changes nothing, also during a probation', async () => {
    const it = fixture(true);
    await it.proven('a');
    await it.to('b');
    it.notReady.add('c');
    const failure = await it.switchover.to(release('c'), NEVER).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'ERR_RUN_NOT_READY' });
    expect((await it.switchover.comeBack(failure, NEVER))?.id).toBe('b');
    expect([it.traffic.at(-1), it.switchover.present.running?.id]).toEqual([it.child('b').port, 'b']);
    expect(it.child('c').exit).toBeDefined();
  });

  test('keeps the traffic when the one that waits beside it has to be started again', async () => {
    const it = fixture(true);
    await it.proven('a');
    await it.to('b');
    it.child('a').die(1);
    await tick();
    await it.clock.advance(1000);
    await tick();
    expect(it.started.map(({ id }) => id)).toEqual(['a', 'b', 'a']);
    expect(it.traffic.at(-1)).toBe(it.child('b').port);
  });
});

describe('a new process, without --listen', () => {
  test('that dies early makes room for the old release', async () => {
    const it = fixture(false);
    await it.proven('a');
    const { verdict } = await it.to('b');
    expect(it.started[0]?.child.exit).toBeDefined();
    it.child('b').die(0);
    await tick();
    expect(verdict()?.kind).toBe('died');
    const failure = new SidecarError('ERR_RUN_NOT_READY', { op: 'prove', detail: 'dead' });
    expect((await it.switchover.comeBack(failure, NEVER))?.id).toBe('a');
    expect(it.started.map(({ id }) => id)).toEqual(['a', 'b', 'a']);
    expect(it.switchover.present.running?.id).toBe('a');
  });

  test('does not wait for the probation of the one before', async () => {
    const it = fixture(false);
    await it.proven('a');
    const b = await it.to('b');
    await it.to('c');
    await tick();
    expect(b.verdict()).toEqual({ kind: 'superseded' });
    const failure = new SidecarError('ERR_RUN_NOT_READY', { op: 'prove', detail: 'dead' });
    it.child('c').die(1);
    await tick();
    expect((await it.switchover.comeBack(failure, NEVER))?.id).toBe('a');
  });
});

describe('an early end that --restart takes for final', () => {
  test.each([
    ['never', 7, 'with nothing before it', true],
    ['on-failure', 0, 'with nothing before it', true],
    ['on-failure', 7, 'with nothing before it', false],
    ['always', 0, 'with nothing before it', false],
    ['never', 0, 'with a release to go back to', true],
    ['never', 7, 'with a release to go back to', false],
  ] as const)('--restart=%s, status %d, %s: run ends: %s', async (restart, status, before, ends) => {
    const it = fixture(true, { restart });
    if (before.includes('release')) await it.proven('a');
    await it.to('b');
    it.child('b').die(status);
    await tick();
    expect(it.gone).toEqual(ends ? [{ code: status, signal: null }] : []);
  });
});

describe('ready', () => {
  test('is said of a process that was started again only when it has passed its checks', async () => {
    const it = fixture(true);
    it.notReady.add('a');
    await it.switchover.resume(release('a'));
    await tick();
    expect([it.switchover.present.isAlive, it.switchover.present.isReady]).toEqual([true, false]);
    it.notReady.clear();
    await it.clock.advance(1000);
    await tick();
    expect(it.switchover.present.isReady).toBe(true);
  });
});

test('the end of run during a probation leaves no process behind, and waits for nothing', async () => {
  const it = fixture(true);
  await it.proven('a');
  const { verdict } = await it.to('b');
  it.switchover.endProbation();
  await tick();
  expect([verdict(), it.child('b').exit]).toEqual([{ kind: 'superseded' }, undefined]);
  expect(await it.switchover.stop()).toEqual({ code: null, signal: 'SIGTERM' });
  expect(it.started.every(({ child }) => child.exit !== undefined)).toBe(true);
});

describe('what is said of the process', () => {
  test('is that it starts until its probation is over, and then that it is ready', async () => {
    const it = fixture(true);
    await it.proven('a');
    expect(it.states).toEqual(['a starting', 'a ready']);
    expect(it.switchover.present.provenRelease?.id).toBe('a');
    await it.to('b');
    expect([it.switchover.present.state?.release.id, it.switchover.present.state?.state]).toEqual(['b', 'starting']);
    expect(it.switchover.present.provenRelease?.id).toBe('a');
  });

  test('is each end and each start again, with how often and why, until it is ready again', async () => {
    const it = fixture(true);
    await it.proven('a');
    it.notReady.add('a');
    it.child('a').die(7);
    await tick();
    expect(it.switchover.present.provenRelease).toBeUndefined();
    await it.clock.advance(1000);
    await tick();
    it.notReady.clear();
    await it.clock.advance(1000);
    await tick();
    it.child('a').die(null, 'SIGKILL');
    await tick();
    expect(it.states.slice(2)).toEqual([
      'a restarting 1: it exited with status 7',
      'a ready 1: it exited with status 7',
      'a restarting 2: it was ended by SIGKILL',
    ]);
  });

  test('is that the one before is ready again, when the new one dies on probation', async () => {
    const it = fixture(true);
    await it.proven('a');
    await it.to('b');
    it.child('b').die(1);
    await tick();
    expect(it.states.slice(2)).toEqual(['b starting', 'a ready']);
  });

  test('is that a process which ran before starts, until it has passed its checks', async () => {
    const it = fixture(true);
    it.notReady.add('a');
    await it.switchover.resume(release('a'));
    await tick();
    expect([it.states, it.switchover.present.provenRelease]).toEqual([['a starting'], undefined]);
    it.notReady.clear();
    await it.clock.advance(1000);
    await tick();
    expect(it.states).toEqual(['a starting', 'a ready']);
  });

  test('is that it failed, when it ends and is not started again', async () => {
    const it = fixture(true, { restart: 'never' });
    await it.proven('a');
    it.child('a').die(7);
    await tick();
    expect(it.states.at(-1)).toBe('a failed 1: it exited with status 7');
    const other = fixture(true, { restart: 'never' });
    await other.to('a');
    other.child('a').die(7);
    await tick();
    expect(other.states.at(-1)).toBe('a failed 1: it exited with status 7');
  });

  test('counts ends from the beginning for a revision that the same process goes on with', async () => {
    const it = fixture(true);
    await it.proven('a');
    it.child('a').die(7);
    await tick();
    await it.clock.advance(1000);
    await tick();
    it.switchover.rename(release('b'));
    expect(it.states.at(-1)).toBe('b ready');
  });
});
