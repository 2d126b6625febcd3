import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RepositoryName } from '../../../../src/relay/protocol/repository-name.ts';
import { Fleet } from '../../../../src/relay/server/fleet/fleet.ts';
import { type Cursor, type FleetDocument, readCursor } from '../../../../src/relay/server/fleet/fleet-document.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { at, fakeFollower, oid, REPOSITORY, refsOf } from '../../../kit/relay-fakes.ts';

const ME = 'bearer me';
const SOMEBODY_ELSE = 'bearer somebody else';

const read = (pieces: Iterable<string>): FleetDocument => JSON.parse([...pieces].join('')) as FleetDocument;

describe('the fleet', () => {
  function setUp(mostSubscribers = 100) {
    const clock = new HandClock();
    const follower = fakeFollower(clock, refsOf(at('refs/heads/main', '1')));
    const followed: number[] = [];
    const fleet = new Fleet({
      clock,
      follower: () => follower,
      onFollowed: (seconds) => followed.push(seconds),
      mostSubscribers,
    });
    const report = (stream: string, digit: string, running?: string) => ({
      stream,
      replaces: undefined as string | undefined,
      instance: `pod-${stream}`,
      published: { ref: 'refs/heads/main', oid: oid(digit), at: clock.now() },
      running: running === undefined ? undefined : { ref: 'refs/heads/main', oid: oid(running), at: clock.now() },
    });
    const move = (digit: string): void => {
      const [from, to] = [follower.refs.get('refs/heads/main')?.oid, at('refs/heads/main', digit)];
      follower.refs = refsOf(to);
      fleet.changed(REPOSITORY, [{ ref: 'refs/heads/main', from, to }]);
    };
    const show = () => {
      const [shown] = read(fleet.document(() => true)).repositories;
      if (!shown) throw new Error('no repository is shown');
      return shown;
    };
    return { clock, fleet, followed, report, move, show };
  }

  test('knows who is behind, since when, and how long a push took to reach everybody', async () => {
    const { clock, fleet, followed, report, move, show } = setUp();
    fleet.join(ME, REPOSITORY, report('a', '1'));
    fleet.join(ME, REPOSITORY, report('b', '1'));
    expect(show()).toMatchObject({ connected: 2, behind: 0 });
    move('2');
    await clock.advance(100);
    expect(fleet.behind).toBe(2);
    expect(fleet.report(ME, report('a', '2', '2'))).toBe(true);
    await clock.advance(300);
    expect(show()).toMatchObject({ connected: 2, behind: 1 });
    expect(show().instances.find((each) => each.instance === 'pod-b')).toMatchObject({
      behind: true,
      behindMs: 400,
    });
    expect(show().instances.find((each) => each.instance === 'pod-a')?.running?.oid).toBe(oid('2'));
    expect(show().rollouts[0]).toMatchObject({ instances: 2, done: 1, completeAt: null });
    fleet.report(ME, report('b', '2'));
    expect(show().rollouts[0]).toMatchObject({ oid: oid('2'), instances: 2, done: 2, p50Ms: 400, slowestMs: 400 });
    expect(show().rollouts[0]?.completeAt).not.toBeNull();
    expect(followed).toEqual([0.1, 0.4]);
  });

  test('one that went away is shown for a while and counts for nothing', async () => {
    const { clock, fleet, report, move, show } = setUp();
    fleet.leave(fleet.join(ME, REPOSITORY, report('a', '1')));
    move('2');
    expect(fleet.behind).toBe(0);
    expect(show()).toMatchObject({ connected: 0, behind: 0 });
    expect(fleet.report(ME, report('a', '2'))).toBe(false);
    await clock.advance(11 * 60_000);
    fleet.keepOrder();
    expect(show().instances).toEqual([]);
  });

  test('one that opens a new stream is shown once, and a rollout does not wait for its old one', async () => {
    const { clock, fleet, report, move, show } = setUp();
    fleet.join(ME, REPOSITORY, report('a', '1'));
    const b = fleet.join(ME, REPOSITORY, report('b', '1'));
    move('2');
    await clock.advance(50);
    fleet.join(ME, REPOSITORY, { ...report('c', '1'), replaces: 'a' });
    expect(show()).toMatchObject({ connected: 2, behind: 2 });
    fleet.leave(b);
    expect(show().rollouts[0]).toMatchObject({ instances: 0, done: 0, completeAt: null });
    fleet.report(ME, report('c', '2'));
    expect(show().rollouts[0]).toMatchObject({ instances: 1, done: 1, slowestMs: 50 });
    expect(show().rollouts[0]?.completeAt).not.toBeNull();
  });

  test('shows only what one may read', () => {
    const { fleet, report } = setUp();
    fleet.join(ME, REPOSITORY, report('a', '1'));
    expect(read(fleet.document(() => false))).toMatchObject({ repositories: [] });
  });

  test('nobody removes, renames or moves an instance of somebody else, and two may use the same name', () => {
    const { fleet, report, show } = setUp();
    fleet.join(ME, REPOSITORY, report('a', '1'));
    fleet.join(SOMEBODY_ELSE, REPOSITORY, { ...report('evil', '1'), replaces: 'a' });
    fleet.join(SOMEBODY_ELSE, REPOSITORY, report('a', '2'));
    expect(fleet.repositoryOf(SOMEBODY_ELSE, 'evil')).toBe(REPOSITORY);
    expect(fleet.repositoryOf(ME, 'evil')).toBeUndefined();
    expect(fleet.report(SOMEBODY_ELSE, { ...report('a', '2'), instance: 'forged' })).toBe(true);
    const mine = show().instances.find(({ instance }) => instance === 'pod-a');
    expect(mine).toMatchObject({ connected: true, published: { oid: oid('1') } });
    expect(show().connected).toBe(3);
  });

  test('one that opens and closes streams all day is remembered within a bound, and pushes nobody else out', () => {
    const { fleet, report, show } = setUp();
    fleet.leave(fleet.join(ME, REPOSITORY, report('gone', '1')));
    const open = fleet.join(ME, REPOSITORY, report('open', '1'));
    for (let index = 0; index < 20_000; index += 1)
      fleet.leave(fleet.join(SOMEBODY_ELSE, REPOSITORY, report(`${index}`, '1')));
    expect(fleet.size).toBeLessThanOrEqual(502);
    expect(show().instances.map(({ instance }) => instance)).toEqual(
      expect.arrayContaining(['pod-gone', 'pod-open', 'pod-19999']),
    );
    for (let one = 0; one < 20; one += 1)
      for (let index = 0; index < 500; index += 1)
        fleet.leave(fleet.join(`bearer ${one}`, REPOSITORY, report(`${index}`, '1')));
    expect(fleet.size).toBeLessThanOrEqual(2001);
    expect(open.goneAt).toBeUndefined();
    expect(show().instances.map(({ instance }) => instance)).toContain('pod-open');
  });

  test('one principal cannot fill the overview with open streams; what does not fit is refused, not traded', () => {
    const { fleet, report, show } = setUp(1000);
    fleet.join(ME, REPOSITORY, report('mine', '1'));
    const most = 750 + 500;
    for (let index = 0; index < most; index += 1) fleet.join(SOMEBODY_ELSE, REPOSITORY, report(`${index}`, '1'));
    expect(() => fleet.join(SOMEBODY_ELSE, REPOSITORY, report('more', '1'))).toThrow(/as many instances/);
    fleet.join(ME, REPOSITORY, report('mine too', '1'));
    expect(show().connected).toBe(most + 2);
  });

  test('rollouts do not grow with streams that come and go', async () => {
    const { clock, fleet, report, move, show } = setUp();
    fleet.join(ME, REPOSITORY, report('a', '1'));
    move('2');
    for (let index = 0; index < 10_000; index += 1)
      fleet.leave(fleet.join(SOMEBODY_ELSE, REPOSITORY, report(`${index}`, '2')));
    await clock.advance(70);
    fleet.report(ME, report('a', '2'));
    expect(show().rollouts).toEqual([
      expect.objectContaining({ instances: 1, done: 1, p50Ms: 70, p99Ms: 70, slowestMs: 70 }),
    ]);
    for (const digit of '3456789abcdef0123456789abcdef') move(digit);
    expect(show().rollouts).toHaveLength(20);
  });

  test('the end of an old stream does not end the new one that has its name', () => {
    const { fleet, report, show } = setUp();
    const old = fleet.join(ME, REPOSITORY, report('a', '1'));
    fleet.join(ME, REPOSITORY, report('a', '1'));
    fleet.leave(old);
    expect(show()).toMatchObject({ connected: 1, instances: [{ instance: 'pod-a', connected: true }] });
  });

  test('pages hold every instance once, whatever the size of a page', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.array(fc.nat({ max: 4 }), { maxLength: 30 }), (limit, where) => {
        const { fleet, report } = setUp();
        for (const [index, place] of where.entries())
          fleet.join(ME, `h/repository-${place}` as RepositoryName, report(`${index}`, '1'));
        const seen: string[] = [];
        let after: Cursor | undefined;
        do {
          const page = read(fleet.document(() => true, { limit, ...(after && { after }) }));
          const streams = page.repositories.flatMap(({ instances }) => instances.map(({ instance }) => instance));
          expect(streams.length).toBeLessThanOrEqual(limit);
          seen.push(...streams);
          after = page.next === null ? undefined : readCursor(page.next);
        } while (after);
        expect(seen.sort()).toEqual(where.map((_, index) => `pod-${index}`).sort());
      }),
    );
    expect(readCursor('nonsense')).toBeUndefined();
  });

  test('the overview of 20,000 instances is made in pieces, and what is not read is not made', () => {
    const { fleet, report } = setUp(40_000);
    for (let index = 0; index < 20_000; index += 1) fleet.join(ME, REPOSITORY, report(`${index}`, '1'));
    let [pieces, longest] = [0, 0];
    for (const piece of fleet.document(() => true)) {
      pieces += 1;
      longest = Math.max(longest, piece.length);
    }
    expect(pieces).toBeGreaterThan(20_000);
    expect(longest).toBeLessThan(5000);
  });
});
