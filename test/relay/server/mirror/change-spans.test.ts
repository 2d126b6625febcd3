import { describe, expect, test } from 'vitest';
import type { RefChange } from '../../../../src/relay/protocol/refs.ts';
import { changeSpans } from '../../../../src/relay/server/mirror/change-spans.ts';
import { NotedPushes } from '../../../../src/relay/server/mirror/noted-pushes.ts';
import { oid, REPOSITORY } from '../../../kit/relay-fakes.ts';

const SENDER = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const TIMES = { asked: 1000, known: 1200, mirrored: 1500 };

function moved(to: string, from = '1'): RefChange {
  const ref = 'refs/heads/main';
  const at = (digit: string) => ({ name: ref, oid: oid(digit) });
  return { ref, from: at(from), to: at(to) } as unknown as RefChange;
}

const spansOf = (pushes: NotedPushes, times = TIMES, digit = '2') =>
  changeSpans(REPOSITORY, [moved(digit)], times, pushes);

describe('the spans of a change', () => {
  test('have a push from the arrival of its notification to the answer that shows it, with a link to its sender', () => {
    const pushes = new NotedPushes();
    pushes.note(REPOSITORY, { to: oid('2'), arrivedAt: 400, sender: SENDER });
    pushes.note(REPOSITORY, { to: oid('2'), arrivedAt: 900 });
    const [relay, push, poll] = spansOf(pushes);
    expect(relay).toMatchObject({ name: 'relay', from: 400, to: 1500 });
    expect(push).toMatchObject({ name: 'push', from: 400, to: 1200, parentId: relay?.spanId, links: [SENDER] });
    expect(push?.traceId).toBe(relay?.traceId);
    expect(poll).toMatchObject({ name: 'poll', from: 1000, to: 1200 });
    // It came true.
    expect(spansOf(pushes).map(({ name }) => name)).toEqual(['relay', 'poll', 'fetch']);
  });

  test('have none where nobody said that it was pushed, or of another commit or repository', () => {
    const pushes = new NotedPushes();
    pushes.note(REPOSITORY, { to: oid('3'), arrivedAt: 400 });
    pushes.note('h.example/other' as typeof REPOSITORY, { to: oid('2'), arrivedAt: 400 });
    pushes.note(REPOSITORY, { ref: 'refs/heads/main', arrivedAt: 400 });
    pushes.note(REPOSITORY, { to: oid('2') });
    expect(spansOf(pushes)).toMatchObject([{ name: 'relay', from: 1000 }, { name: 'poll' }, { name: 'fetch' }]);
  });

  test('begin with the question where the notification came while it was asked', () => {
    const pushes = new NotedPushes();
    pushes.note(REPOSITORY, { to: oid('2'), arrivedAt: 1100 });
    expect(spansOf(pushes)).toMatchObject([{ from: 1000 }, { name: 'push', from: 1100, links: undefined }, {}, {}]);
  });

  test('find the notification of a tag by the tag and by its commit', () => {
    for (const named of ['4', '5']) {
      const pushes = new NotedPushes();
      pushes.note(REPOSITORY, { to: oid(named), arrivedAt: 400 });
      const tag = { name: 'refs/tags/v1', oid: oid('4'), peeledOid: oid('5') };
      const change = { ref: tag.name, from: { ...tag, oid: oid('1'), peeledOid: oid('1') }, to: tag };
      const spans = changeSpans(REPOSITORY, [change as unknown as RefChange], TIMES, pushes);
      expect(spans[1]?.name).toBe('push');
    }
  });
});

test('notifications of commits that never come make room for others', () => {
  const pushes = new NotedPushes();
  for (let index = 0; index < 400; index += 1)
    pushes.note(REPOSITORY, { to: index.toString(16).padStart(40, '0'), arrivedAt: index });
  const taken = (index: number) => pushes.take(REPOSITORY, [index.toString(16).padStart(40, '0')])?.arrivedAt;
  expect([taken(0), taken(143), taken(144), taken(399)]).toEqual([undefined, undefined, 144, 399]);
});
