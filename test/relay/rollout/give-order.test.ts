import { describe, expect, test } from 'vitest';
import type { Stage } from '../../../src/config/rollout-policy.ts';
import { Fleet, HOUR, MINUTE, oid } from './kit.ts';

const CANARY: Stage = { name: 'canary', select: { instances: ['canary*'] } };
const NAMES = ['a', 'b', 'canary'];

function halted(onFailure: 'halt' | 'revert' = 'halt'): Fleet {
  const fleet = Fleet.of(NAMES, { stages: [CANARY], onFailure, maxUnavailable: 2 });
  fleet.push(2);
  fleet.run('canary', 2, 'failed');
  return fleet;
}

describe('pause and resume', () => {
  test('while it is paused nobody new gets the revision, and its time does not run', () => {
    const fleet = Fleet.of(NAMES, { stages: [CANARY] });
    fleet.push(2);
    fleet.order('pause');
    fleet.pass(5 * HOUR);
    fleet.publish('canary', 2);
    expect(fleet.having(2)).toEqual(['canary']);
    expect(fleet.ref.describe()).toMatchObject({ status: 'paused', why: 'paused by ada: because' });
    fleet.order('resume');
    expect(fleet.having(2)).toHaveLength(2);
  });

  test('a failure during a pause halts the rollout', () => {
    const fleet = Fleet.of(NAMES, { stages: [CANARY] });
    fleet.push(2);
    fleet.order('pause');
    fleet.run('canary', 2, 'failed');
    expect(fleet.ref.describe().refused).toEqual([oid(2)]);
  });

  test('resume after a halt tries the same stage again', () => {
    const fleet = halted();
    fleet.order('resume');
    fleet.run('canary', 2, 'ready');
    fleet.publish('canary', 2);
    expect(fleet.having(2)).toEqual(['a', 'b', 'canary']);
  });

  test('resume after all went back begins with the first stage', () => {
    const fleet = halted('revert');
    fleet.publish('canary', 1);
    fleet.order('resume');
    expect(fleet.having(2)).toEqual(['canary']);
    expect(fleet.status).toBe('running');
  });

  test('without anything to resume it says so', () => {
    expect(() => Fleet.of(NAMES).order('resume')).toThrow('nothing is paused or halted');
  });
});

describe('promote', () => {
  test('opens the next stage at once, whatever is missing', () => {
    const fleet = Fleet.of(NAMES, { stages: [CANARY] });
    fleet.push(2);
    fleet.order('promote');
    expect(fleet.having(2)).toHaveLength(2);
    expect(fleet.ref.describe().stage).toBe('the rest');
  });

  test('after a halt goes past the stage that failed', () => {
    const fleet = halted();
    fleet.order('promote');
    expect(fleet.having(2)).toEqual(['a', 'b', 'canary']);
    expect(fleet.ref.describe().refused).toEqual([]);
  });

  test('in the last stage completes the rollout', () => {
    const fleet = Fleet.of(NAMES, {});
    fleet.push(2);
    fleet.order('promote');
    expect(fleet.completed).toBe(2);
    expect(fleet.having(2)).toEqual(NAMES);
  });

  test('opens one stage in a freeze window, not those behind it', () => {
    const now = new Fleet().now;
    const stages = [CANARY, { name: 'a', select: { instances: ['a'] } }];
    const fleet = Fleet.of(NAMES, { stages, freeze: [{ kind: 'span', from: now, to: now + HOUR }] });
    fleet.push(2);
    expect(fleet.status).toBe('frozen');
    fleet.order('promote');
    expect(fleet.having(2)).toEqual(['canary']);
    fleet.publish('canary', 2);
    fleet.pass(HOUR - 1);
    expect(fleet.having(2)).toEqual(['canary']);
    expect(fleet.status).toBe('frozen');
    fleet.pass(1);
    expect(fleet.having(2)).toEqual(['a', 'canary']);
  });

  test('is impossible when all went back', () => {
    expect(() => halted('revert').order('promote')).toThrow('all instances went back');
  });
});

describe('abort', () => {
  test('ends the rollout, and all go back at once', () => {
    const fleet = Fleet.of(NAMES, { stages: [CANARY] });
    fleet.push(2);
    fleet.publish('canary', 2);
    expect(fleet.having(2)).toHaveLength(2);
    fleet.order('abort');
    expect(fleet.having(1)).toEqual(NAMES);
    fleet.publish('canary', 1);
    fleet.pass(HOUR);
    expect(fleet.having(1)).toEqual(NAMES);
    expect(fleet.ref.describe()).toMatchObject({ why: 'aborted by ada: because', refused: [oid(2)] });
  });

  test('after a halt takes the revision back from those who kept it', () => {
    const fleet = halted();
    fleet.order('abort');
    expect(fleet.having(1)).toEqual(NAMES);
    expect(() => fleet.order('abort')).toThrow('went back already');
  });

  test('without a rollout it says so', () => {
    expect(() => Fleet.of(NAMES).order('abort')).toThrow('no rollout is under way');
  });
});

describe('revert', () => {
  function twice(): Fleet {
    const fleet = Fleet.of(['a', 'b'], { maxUnavailable: 2 });
    fleet.push(2);
    for (const name of ['a', 'b']) fleet.publish(name, 2);
    return fleet;
  }

  test('gives everybody the older revision at once, and new ones too', () => {
    const fleet = twice();
    fleet.order('revert', 1);
    expect(fleet.having(1)).toEqual(['a', 'b']);
    fleet.join('new');
    expect(fleet.ref.target('new')).toBe(oid(1));
    expect(fleet.status).toBe('reverting');
    for (const name of ['a', 'b', 'new']) fleet.publish(name, 1);
    expect(fleet.status).toBe('complete');
  });

  test('without a revision goes to the one that completed before', () => {
    const fleet = twice();
    fleet.order('revert');
    expect(fleet.completed).toBe(1);
  });

  test('what it went back from does not come again by itself, and resume brings it', () => {
    const fleet = twice();
    fleet.order('revert', 1);
    fleet.restart();
    fleet.push(2);
    for (const name of ['a', 'b']) fleet.join(name, { published: oid(1) });
    fleet.pass(HOUR);
    expect(fleet.having(2)).toEqual([]);
    fleet.order('resume');
    expect(fleet.having(2)).toEqual(['a', 'b']);
  });

  test('when no earlier revision is known it says so', () => {
    expect(() => Fleet.of(NAMES).order('revert')).toThrow('no earlier revision');
  });
});

describe('pin', () => {
  test('keeps the fleet at a revision whatever is pushed', () => {
    const fleet = Fleet.of(NAMES, {});
    fleet.order('pin');
    fleet.push(2);
    fleet.pass(HOUR);
    expect(fleet.having(1)).toEqual(NAMES);
    expect(fleet.ref.describe().pinned).toMatchObject({ who: 'ada', why: 'because' });
    expect(() => fleet.order('revert', 2)).toThrow('pinned');
  });

  test('to another revision gives that to everybody at once', () => {
    const fleet = Fleet.of(NAMES, { stages: [CANARY] });
    fleet.push(2);
    fleet.order('pin', 3);
    expect(fleet.having(3)).toEqual(NAMES);
  });

  test('unpin rolls out what was pushed meanwhile', () => {
    const fleet = Fleet.of(NAMES, { stages: [CANARY] });
    fleet.order('pin');
    fleet.push(2);
    fleet.order('unpin');
    expect(fleet.having(2)).toEqual(['canary']);
    expect(() => fleet.order('unpin')).toThrow('not pinned');
  });
});

test('each order is in the journal with the person and the reason', () => {
  const fleet = Fleet.of(NAMES, { stages: [CANARY] });
  fleet.push(2);
  for (const order of ['pause', 'resume', 'promote', 'abort', 'pin', 'unpin'] as const) fleet.order(order);
  const orders = fleet.ref.describe().journal.filter(({ who }) => who !== undefined);
  expect(orders.map(({ what }) => what).reverse()).toEqual([
    ...['paused', 'resumed', 'promoted', 'aborted', 'pinned', 'unpinned'],
  ]);
  for (const { who, why } of orders) expect([who, why]).toEqual(['ada', 'because']);
});

test('the journal keeps the newest entries', () => {
  const fleet = Fleet.of(['a'], {});
  for (let turn = 0; turn < 200; turn += 1) fleet.order('pause');
  fleet.pass(MINUTE);
  fleet.order('resume');
  const { journal } = fleet.ref.state();
  expect(journal).toHaveLength(100);
  expect(journal.at(-1)).toMatchObject({ what: 'resumed', at: fleet.now });
});
