import { expect, test } from 'vitest';
import { type Cycle, newScope, runStages, type Stage } from '../../src/sync/cycle.ts';
import type { Found, Perhaps } from '../../src/sync/findings.ts';
import { type IsInOrder, inOrder } from '../../src/sync/stage-order.ts';
import { HandClock } from '../kit/hand-clock.ts';
import { silentLog } from '../kit/silent-log.ts';

const OID = 'a'.repeat(40) as Found<'wanted'>['wanted']['oid'];
const NOTHING = async (): Promise<Record<never, never>> => ({});

const ask = {
  name: 'ask',
  run: async (): Promise<Found<'wanted'>> => ({ wanted: { ref: 'refs/heads/main', oid: OID } }),
} satisfies Stage;

const settle = { name: 'settle', run: async (): Promise<Found<'settled'>> => ({ settled: true }) } satisfies Stage;

const update = {
  name: 'update',
  unlessSettled: true,
  run: async (_context: unknown, _found: Found<'wanted'>): Promise<Found<'updated'>> => ({ updated: true }),
} satisfies Stage;

const surelyAfter = {
  name: 'surely after',
  run: async (_context: unknown, _found: Found<'updated'>) => await NOTHING(),
} satisfies Stage;

const perhapsAfter = {
  name: 'perhaps after',
  run: async (_context: unknown, _found: Perhaps<'updated'>) => await NOTHING(),
} satisfies Stage;

async function run(stages: readonly Stage[]): Promise<{ found: Cycle; ran: string[] }> {
  const ran: string[] = [];
  const context = { clock: new HandClock(), log: silentLog } as unknown as Parameters<typeof runStages>[1];
  const scope = newScope(new AbortController().signal, true, 0);
  const found = await runStages(stages, context, scope, { onStage: (name) => void ran.push(name) });
  return { found, ran };
}

test('a list of stages in which one reads what nobody found before it does not compile', () => {
  type Refusal = 'a stage reads what no stage before it has found';
  // What these say is checked by the compiler: a type that were `true` would not take the refusal, nor the other way round.
  const refusals: readonly Refusal[] = [
    'a stage reads what no stage before it has found' satisfies IsInOrder<[typeof update, typeof ask]>,
    'a stage reads what no stage before it has found' satisfies IsInOrder<
      [typeof ask, typeof settle, typeof update, typeof surelyAfter]
    >,
  ];
  const right = true satisfies IsInOrder<[typeof ask, typeof settle, typeof update, typeof perhapsAfter]>;
  expect([refusals.length, right]).toEqual([2, true]);
  expect(inOrder([ask, settle, update, perhapsAfter])).toHaveLength(4);
});

test('a cycle that is settled leaves out the stages that update, and runs those behind them', async () => {
  const { found, ran } = await run([ask, settle, update, perhapsAfter]);
  expect(ran).toEqual(['ask', 'settle', 'perhaps after']);
  expect(found.updated).toBeUndefined();
});

test('what a stage finds reaches those behind it, and the last one to find it is right', async () => {
  const again = { name: 'again', run: async () => ({ updated: false }) } satisfies Stage;
  const { found, ran } = await run([ask, update, again]);
  expect(ran).toEqual(['ask', 'update', 'again']);
  expect(found).toEqual({ wanted: { ref: 'refs/heads/main', oid: OID }, updated: false });
});

test('a stage that fails ends the cycle, and what was found before it is known', async () => {
  const fail: Stage = {
    name: 'fail',
    run: async () => {
      throw new Error('no');
    },
  };
  let last: Cycle = {};
  const context = { clock: new HandClock(), log: silentLog } as unknown as Parameters<typeof runStages>[1];
  const scope = newScope(new AbortController().signal, true, 0);
  const running = runStages([ask, fail, update], context, scope, {
    onFound: (found) => {
      last = found;
    },
  });
  await expect(running).rejects.toThrow('no');
  expect(Object.keys(last)).toEqual(['wanted']);
});
