import { describe, expect, test, vi } from 'vitest';
import { fixture } from '../kit/setup.ts';
import { published } from '../kit/sidecar.ts';
import { type Fault, Tamper } from '../kit/tamper.ts';
import { type TamperedSync, tamperedSync } from '../kit/tampered-sync.ts';
import { delay, until } from '../peers/wait.ts';

/**
 * Everything that a sync waits for, processes and file operations, is made to hang, to fail and to be killed, one after
 * the other. What its signal can bound is a failure and is tried again. What nothing can bound, a file operation in the
 * middle of a change, is named by the watchdog. Either way all is well when the cause is over.
 */
const tamper = new Tamper();

vi.mock('node:fs/promises', async (original) => {
  const real = await original<Record<string, unknown>>();
  const wrap = (name: string, run: (...args: unknown[]) => Promise<unknown>) => {
    return async (...args: unknown[]): Promise<unknown> => {
      const fault = tamper.step(`fs ${name}`);
      if (fault === 'hangs') await tamper.released;
      if (fault === 'fails') throw Object.assign(new Error(`EIO: i/o error, ${name}`), { code: 'EIO' });
      return await run(...args);
    };
  };
  const wrapped = Object.entries(real).map(([name, value]) => [
    name,
    typeof value === 'function' ? wrap(name, value as (...args: unknown[]) => Promise<unknown>) : value,
  ]);
  return Object.fromEntries(wrapped);
});

/** A sync that cannot be ended by its signal is left behind; the next test starts another. */
const PATIENCE_MS = 30_000;

function setUp() {
  const it = fixture();
  const limits = ['--max-failures=-1', '--sync-timeout=1s', '--stale-worktree-timeout=1ms'];
  const start = async (): Promise<TamperedSync> => {
    tamper.stage = '';
    return await tamperedSync([...it.args, '--period=20ms', ...limits], tamper);
  };
  const untilPublished = async (oid: string, sync: TamperedSync): Promise<void> => {
    const what = () => `${oid} is published; failures: ${sync.failures.slice(-3).join(' | ')}; stuck: ${sync.stuck}`;
    await until(what, () => published(it.link) === oid, PATIENCE_MS);
  };
  return { ...it, start, untilPublished };
}

type SetUp = ReturnType<typeof setUp>;

/** Until the sync has told of the fault, or has done its work in spite of it. */
async function noticed(it: SetUp, sync: TamperedSync, oid: string, name: string, before: number): Promise<void> {
  const isOver = () => sync.failures.length > before || sync.stuck.length > 0 || published(it.link) === oid;
  const what = () => `“${name}” is noticed, which ${tamper.isHit ? 'was' : 'was not'} hit, at ${tamper.stage}`;
  await until(what, isOver, PATIENCE_MS);
}

/** One fault, from its beginning to a sync that works again. */
async function survive(it: SetUp, sync: TamperedSync, oid: string, name: string, before: number): Promise<void> {
  await noticed(it, sync, oid, name, before);
  if (published(it.link) === oid && tamper.isHit) await delay(50);
  const [stage = ''] = name.split(':');
  // The spare is looked over beside the fetch, and the checkout waits for it.
  const stages = stage === 'fetch' ? ['fetch', 'checkout'] : [stage];
  for (const what of sync.stuck.splice(0)) expect(stages.map((each) => `sync: ${each}`)).toContain(what);
  tamper.release();
  await it.untilPublished(oid, sync);
}

const isProcess = (name: string): boolean => name.includes(': run ');

function choose(names: Iterable<string>, fault: Fault): string[] {
  return [...names].filter((name) => fault !== 'is killed' || isProcess(name));
}

/** What a sync waits for during updates, as the first ones show. */
async function stepsOfUpdates(it: SetUp, sync: TamperedSync): Promise<string[]> {
  tamper.arm('fails', 'nothing');
  for (const a of ['two', 'three', 'four']) {
    await it.untilPublished(it.upstream.commit({ a }), sync);
    await delay(200);
  }
  return [...tamper.seen];
}

describe.each<Fault>(['hangs', 'fails', 'is killed'])('a step that %s', (fault) => {
  test('in an update: the sync goes on, and ends when it is told to', { timeout: 600_000 }, async () => {
    const it = setUp();
    const sync = await it.start();
    await it.untilPublished(it.first, sync);
    const names = choose(await stepsOfUpdates(it, sync), fault);
    expect(names.length).toBeGreaterThan(fault === 'is killed' ? 2 : 20);
    let hits = 0;
    for (const name of names) {
      // The watchdog speaks once about a cycle: the last fault and this one must not share it.
      await until('the cycle is over', () => tamper.stage === '');
      const before = sync.failures.length;
      tamper.arm(fault, name);
      await survive(it, sync, it.upstream.commit({ a: `${fault}: ${name}` }), name, before);
      if (tamper.isHit) hits += 1;
    }
    // Some steps belong to a state of things that does not come back.
    expect(hits).toBeGreaterThan(names.length / 2);
    expect((await sync.stop()).kind).toBe('stopped');
  });

  test('at a start: the sync goes on, and ends when it is told to', { timeout: 600_000 }, async () => {
    const it = setUp();
    tamper.arm(fault, 'nothing');
    const first = await it.start();
    await it.untilPublished(it.first, first);
    await first.stop();
    const again = await it.start();
    await it.untilPublished(it.upstream.commit({ a: 'again' }), again);
    await again.stop();
    for (const name of choose(tamper.seen, fault).filter((each) => each.startsWith('open:'))) {
      tamper.arm(fault, name);
      const sync = await it.start();
      await survive(it, sync, it.upstream.commit({ a: `${fault}: ${name}` }), name, 0);
      expect((await sync.stop()).kind).toBe('stopped');
    }
  });
});
