import { describe, expect, test } from 'vitest';
import { Fleet } from '../../../src/relay/server/fleet.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { at, fakeFollower, oid, REPOSITORY, refsOf } from '../../kit/relay-fakes.ts';

describe('the fleet', () => {
  function setUp() {
    const clock = new HandClock();
    const follower = fakeFollower(clock, refsOf(at('refs/heads/main', '1')));
    const followed: number[] = [];
    const fleet = new Fleet({ clock, follower: () => follower, onFollowed: (seconds) => followed.push(seconds) });
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
      const [shown] = fleet.document(() => true).repositories;
      if (!shown) throw new Error('no repository is shown');
      return shown;
    };
    return { clock, fleet, followed, report, move, show };
  }

  test('knows who is behind, since when, and how long a push took to reach everybody', async () => {
    const { clock, fleet, followed, report, move, show } = setUp();
    fleet.join(REPOSITORY, report('a', '1'));
    fleet.join(REPOSITORY, report('b', '1'));
    expect(show()).toMatchObject({ connected: 2, behind: 0 });
    move('2');
    await clock.advance(100);
    expect(fleet.behind).toBe(2);
    expect(fleet.report(report('a', '2', '2'))).toBe(true);
    await clock.advance(300);
    expect(show()).toMatchObject({ connected: 2, behind: 1 });
    expect(show().instances.find((each) => each.stream === 'b')).toMatchObject({
      behind: true,
      behindMs: 400,
    });
    expect(show().instances.find((each) => each.stream === 'a')?.running?.oid).toBe(oid('2'));
    expect(show().rollouts[0]).toMatchObject({ instances: 2, done: 1, completeAt: null });
    fleet.report(report('b', '2'));
    expect(show().rollouts[0]).toMatchObject({ oid: oid('2'), instances: 2, done: 2, p50Ms: 400, slowestMs: 400 });
    expect(show().rollouts[0]?.completeAt).not.toBeNull();
    expect(followed).toEqual([0.1, 0.4]);
  });

  test('one that went away is shown for a while and counts for nothing', async () => {
    const { clock, fleet, report, move, show } = setUp();
    fleet.join(REPOSITORY, report('a', '1'));
    fleet.leave('a');
    move('2');
    expect(fleet.behind).toBe(0);
    expect(show()).toMatchObject({ connected: 0, behind: 0 });
    expect(fleet.report(report('a', '2'))).toBe(false);
    await clock.advance(11 * 60_000);
    fleet.keepOrder();
    expect(show().instances).toEqual([]);
  });

  test('one that opens a new stream is shown once, and a rollout does not wait for its old one', async () => {
    const { clock, fleet, report, move, show } = setUp();
    fleet.join(REPOSITORY, report('a', '1'));
    fleet.join(REPOSITORY, report('b', '1'));
    move('2');
    await clock.advance(50);
    fleet.join(REPOSITORY, { ...report('c', '1'), replaces: 'a' });
    expect(show()).toMatchObject({ connected: 2, behind: 2 });
    fleet.leave('b');
    expect(show().rollouts[0]).toMatchObject({ instances: 0, done: 0, completeAt: null });
    fleet.report(report('c', '2'));
    expect(show().rollouts[0]).toMatchObject({ instances: 1, done: 1, slowestMs: 50 });
    expect(show().rollouts[0]?.completeAt).not.toBeNull();
  });

  test('shows only what one may read', () => {
    const { fleet, report } = setUp();
    fleet.join(REPOSITORY, report('a', '1'));
    expect(fleet.document(() => false)).toMatchObject({ repositories: [] });
  });
});
