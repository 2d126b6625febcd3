import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { entriesAfter, Marks } from '../../../src/relay/answers/marks.ts';
import { type Batch, type Item, Queue } from '../../../src/relay/answers/queue.ts';
import type { JournalEntry } from '../../../src/relay/rollout/journal.ts';

const entry = (at: number, why: string): JournalEntry => ({ at, what: 'failed', why });

function item(key: string, value = key, lane = 'lane', group = 'group'): Item<string> {
  return { lane, key, group, value, marks: [] };
}

function setUp({ most = 100, together = 1 } = {}) {
  const dropped: string[] = [];
  const queue = new Queue<string>({
    random: () => 0.5,
    most,
    together,
    onDropped: ({ key }) => void dropped.push(key),
  });
  const next = (now: number): Batch<string> => {
    const batch = queue.next(now);
    if (!batch) throw new Error('nothing is due');
    return batch;
  };
  const values = (batch: Batch<string> | undefined): readonly string[] | undefined =>
    batch?.items.map(({ value }) => value);
  return { queue, dropped, next, values };
}

describe('what a destination has to deliver', () => {
  test('goes in its order, and something newer takes the place of what was not sent', () => {
    const { queue, next, values } = setUp();
    queue.put(item('a', 'pending'));
    queue.put(item('b', 'pending'));
    queue.put(item('a', 'success'));
    const first = next(0);
    expect(values(first)).toEqual(['success']);
    queue.sent(first);
    const second = next(0);
    expect(values(second)).toEqual(['pending']);
    queue.sent(second);
    expect([queue.size, queue.nextAt()]).toEqual([0, undefined]);
  });

  test('is sent after what was on its way when it came, never instead of it', () => {
    const { queue, next, values } = setUp();
    queue.put(item('a', 'pending'));
    const first = next(0);
    queue.put(item('a', 'success'));
    queue.sent(first);
    expect(values(queue.next(0))).toEqual(['success']);
  });

  test('waits longer and longer while the other side has trouble, and as long as that asks for', () => {
    const { queue, next } = setUp();
    queue.put(item('a'));
    queue.again(next(0), 0, undefined);
    expect(queue.nextAt()).toBe(1000);
    queue.again(next(1000), 1000, undefined);
    expect(queue.nextAt()).toBe(3000);
    queue.again(next(3000), 3000, 60_000);
    queue.put(item('x', 'x', 'another lane'));
    expect(queue.next(62_000)).toBeUndefined();
    expect(queue.nextAt()).toBe(63_000);
    expect(queue.next(63_000)).toBeDefined();
  });

  test('of a wrong credential waits for ten minutes, or until the credential is another one; others go on', () => {
    const { queue, next, values } = setUp();
    queue.put(item('a'));
    queue.put(item('b'));
    queue.block(next(0), 0);
    queue.put(item('c', 'c', 'another lane'));
    const other = next(1);
    expect(values(other)).toEqual(['c']);
    queue.sent(other);
    expect(queue.nextAt()).toBe(600_000);
    expect(queue.isBlocked).toBe(true);
    queue.unblock();
    expect(values(queue.next(2))).toEqual(['a']);
  });

  test('that is refused keeps nobody waiting, and is given up after five attempts', () => {
    const { queue, dropped, next, values } = setUp();
    queue.put(item('a'));
    queue.put(item('b'));
    queue.refuse(next(0), 0);
    const second = next(0);
    expect(values(second)).toEqual(['b']);
    queue.sent(second);
    for (let at = queue.nextAt(); at !== undefined; at = queue.nextAt()) queue.refuse(next(at), at);
    expect(dropped).toEqual(['a']);
  });

  test('has bounds: the oldest of the same rollout makes room, and the next message says how many did', () => {
    const { queue, dropped, next, values } = setUp({ most: 3, together: 10 });
    queue.put(item('other', 'other', 'lane', 'other'));
    for (const key of ['1', '2', '3', '4']) queue.put(item(key));
    expect(dropped).toEqual(['1', '2']);
    queue.sent(next(0));
    const batch = next(0);
    expect([values(batch), batch.more]).toEqual([['3', '4'], 2]);
    queue.sent(batch);
    queue.put(item('5'));
    expect(next(0).more).toBe(0);
  });

  test('goes in turns of the lanes', () => {
    const { queue, next, values } = setUp();
    for (const key of ['a1', 'a2', 'a3']) queue.put(item(key, key, 'a'));
    queue.put(item('b1', 'b1', 'b'));
    const seen: (readonly string[] | undefined)[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const batch = next(0);
      seen.push(values(batch));
      queue.sent(batch);
    }
    expect(seen).toEqual([['a1'], ['b1'], ['a2'], ['a3']]);
  });

  test('ends at the newest value of each key, whatever fails on the way', () => {
    const step = fc.oneof(
      fc.record({ put: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ send: fc.constantFrom('sent', 'again', 'block', 'refuse') }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { queue, dropped } = setUp();
        const wanted = new Map<string, string>();
        const got = new Map<string, string>();
        let now = 0;
        const deliver = (): void => {
          const batch = queue.next(now);
          for (const { key, value } of batch?.items ?? []) got.set(key, value);
          if (batch) queue.sent(batch);
        };
        for (const [index, each] of steps.entries()) {
          if ('put' in each) {
            const key = String(each.put);
            wanted.set(key, String(index));
            queue.put(item(key, String(index)));
            continue;
          }
          now = Math.max(now, queue.nextAt() ?? now);
          const batch = queue.next(now);
          if (!batch || each.send === 'sent') deliver();
          else if (each.send === 'again') queue.again(batch, now, undefined);
          else if (each.send === 'block') queue.block(batch, now);
          else queue.refuse(batch, now);
        }
        for (let at = queue.nextAt(); at !== undefined; at = queue.nextAt()) {
          now = Math.max(now, at);
          deliver();
        }
        for (const key of dropped) wanted.delete(key);
        for (const [key, value] of wanted) expect(got.get(key)).toBe(value);
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});

describe('the place in a journal', () => {
  const [a, b, c] = [entry(1, 'a'), entry(2, 'b'), entry(2, 'c')];

  test('is before the first entry of which something is not delivered', () => {
    const marks = new Marks({ at: 0, digest: '' });
    const [first, second, third] = [marks.add(a, 1), marks.add(b, 2), marks.add(c, 0)];
    expect(third.isSettled).toBe(true);
    second.settle();
    second.settle();
    expect(entriesAfter([a, b, c], marks.cursor)).toEqual([a, b, c]);
    first.settle();
    expect(entriesAfter([a, b, c], marks.cursor)).toEqual([]);
  });

  test('tells entries of the same moment apart', () => {
    const marks = new Marks({ at: 0, digest: '' });
    marks.add(a, 0);
    marks.add(b, 0);
    marks.add(c, 1);
    expect(entriesAfter([a, b, c], marks.cursor)).toEqual([c]);
  });

  test('is found by its time when its entry has left the journal', () => {
    const marks = new Marks({ at: 0, digest: '' });
    marks.add(entry(1, 'gone'), 0);
    expect(entriesAfter([a, b, c], marks.cursor)).toEqual([b, c]);
  });
});
