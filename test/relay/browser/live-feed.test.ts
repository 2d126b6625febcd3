import { describe, expect, test } from 'vitest';
import type { ChangeDocument } from '../../../src/relay/browser/documents.ts';
import { LiveFeed } from '../../../src/relay/browser/live-feed.ts';
import { Savings } from '../../../src/relay/browser/savings.ts';
import { parseRepositoryName, type RepositoryName } from '../../../src/relay/protocol/repository-name.ts';
import type { Principal } from '../../../src/relay/server/access/access.ts';
import { Fleet } from '../../../src/relay/server/fleet/fleet.ts';
import type { Rollouts } from '../../../src/relay/server/rollouts/rollouts.ts';
import { StreamPlaces } from '../../../src/relay/server/streams/stream-places.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { principal } from '../../kit/page-kit.ts';
import { at, FakeStream, fakeFollower, oid, REPOSITORY, refsOf } from '../../kit/relay-fakes.ts';
import { until } from '../../peers/wait.ts';

const OTHER = parseRepositoryName('h.example/other/app.git') as RepositoryName;
const ROUND_MS = 500;

function setUp() {
  const clock = new HandClock();
  const follower = fakeFollower(clock, refsOf(at('refs/heads/main', '1'), at('refs/heads/secret', '2')));
  const find = (name: RepositoryName) => (name === REPOSITORY ? follower : undefined);
  const fleet: Fleet = new Fleet({
    clock,
    follower: find,
    onFollowed: () => undefined,
    onMember: (member) => feed.noteMember(member),
    onForgotten: (member) => feed.noteMember(member, true),
    mostSubscribers: 20_000,
  });
  let described = 0;
  const rollouts = {
    describe: function* (shows: (name: RepositoryName) => unknown) {
      described += 1;
      if (shows(REPOSITORY)) yield { repository: REPOSITORY, ref: 'refs/heads/main', status: 'running' };
    },
  } as unknown as Rollouts;
  const feed = new LiveFeed({
    ...{ clock, fleet, rollouts, follower: find, version: 'test' },
    repositories: { followers: [follower] },
    hub: { subscribers: 3 },
    answers: { counts: { computed: 1, kept: 2 } },
    savings: new Savings(clock, 1000, () => 3),
  });
  const places = new StreamPlaces(100);
  return {
    ...{ clock, feed, fleet, follower, described: () => described },
    watch: (who: Principal) => {
      const stream = new FakeStream();
      const place = places.take(who.id, stream as never, () => new Error('no') as never);
      if (!place) throw new Error('there is no place');
      feed.watch({ principal: who, bySession: true, renewed: who.renewed }, stream as never, place);
      return stream;
    },
    join: (instance: string, ref = 'refs/heads/main', repository = REPOSITORY) =>
      fleet.join('pods', repository, {
        ...{ stream: instance, replaces: undefined, instance, running: undefined },
        published: { ref, oid: oid('1'), at: clock.now() },
      }),
  };
}

/** What came since the last look: the kinds of events, and the changes. */
function taken(stream: FakeStream): { kinds: string[]; changes: ChangeDocument[] } {
  const text = stream.take();
  const all = [...text.matchAll(/^event: (\w+)\ndata: (.*)\n\n/gm)].map(([, kind = '', data = '']) => ({ kind, data }));
  const changes = all.filter(({ kind }) => kind === 'change').map(({ data }) => JSON.parse(data) as ChangeDocument);
  return { kinds: all.map(({ kind }) => kind), changes };
}

describe('the stream of what changed', () => {
  test('gathers half a second of changes into one event, each thing as it is then', async () => {
    const { clock, feed, watch, join } = setUp();
    const stream = watch(principal('me'));
    expect(taken(stream).kinds).toEqual(['hello']);
    join('pod-1');
    join('pod-2');
    join('pod-1');
    await clock.advance(ROUND_MS - 1);
    expect(taken(stream).kinds).toEqual([]);
    await clock.advance(1);
    const { changes } = taken(stream);
    expect(changes).toHaveLength(1);
    expect(changes[0]?.instances.map(({ instance }) => instance)).toEqual(['pod-2', 'pod-1']);
    // The stream before, of which the new one takes the place.
    expect(changes[0]?.gone).toEqual([0]);
    expect(changes[0]?.repositories).toMatchObject([{ repository: REPOSITORY, connected: 2 }]);
    expect(changes[0]?.rollouts).toMatchObject([{ ref: 'refs/heads/main', maySteer: false }]);
    await clock.advance(10 * ROUND_MS);
    expect(taken(stream).kinds).toEqual([]);
    feed.noteRepository(REPOSITORY);
    await clock.advance(ROUND_MS);
    expect(taken(stream).changes[0]?.instances).toEqual([]);
  });

  test('sends 10,000 changed instances in parts, and of the 10,000 only the one that changes then', async () => {
    const { clock, watch, join } = setUp();
    const stream = watch(principal('me'));
    for (let index = 0; index < 10_000; index += 1) join(`pod-${index}`);
    const seen = new Set<number>();
    for (let round = 0; round < 25; round += 1) {
      await clock.advance(ROUND_MS);
      const { changes } = taken(stream);
      expect(changes.length).toBeLessThanOrEqual(1);
      const instances = changes[0]?.instances ?? [];
      expect(instances.length).toBeLessThanOrEqual(500);
      for (const { number } of instances) seen.add(number);
    }
    expect(seen.size).toBe(10_000);
    join('pod-x');
    await clock.advance(ROUND_MS);
    expect(stream.text.length).toBeLessThan(5000);
    expect(taken(stream).changes[0]?.instances.map(({ instance }) => instance)).toEqual(['pod-x']);
  });

  test('says nothing about repositories and refs that may not be seen', async () => {
    const { clock, watch, join } = setUp();
    const view = { id: 'main', shows: (ref: string) => ref === 'refs/heads/main' };
    const limited = principal('limited', { mayRead: (name) => name === REPOSITORY });
    const stream = watch({ ...limited, viewOf: () => view });
    join('seen');
    const hidden = join('hidden', 'refs/heads/secret');
    join('elsewhere', 'refs/heads/main', OTHER);
    await clock.advance(ROUND_MS);
    const [change] = taken(stream).changes;
    expect(change?.instances.map(({ instance }) => instance)).toEqual(['seen']);
    expect(change?.gone).toEqual([hidden.number]);
    expect(change?.governed).toEqual([REPOSITORY]);
    expect(change?.repositories).toMatchObject([{ refs: 1, tips: [{ ref: 'refs/heads/main' }] }]);
    expect(JSON.stringify(change)).not.toMatch(/secret|other/);
  });

  test('tells who may see less, since very many refs were begun to be looked at, only of what is left', async () => {
    const { clock, feed, follower, watch } = setUp();
    const branches = Array.from({ length: 2000 }, (_, index) => at(`refs/heads/b${index}`, '1'));
    Object.assign(follower, { refs: refsOf(at('refs/heads/main', '1'), ...branches) });
    const rights = { now: 'wide' };
    const main = { id: 'narrow', shows: (ref: string) => ref === 'refs/heads/main' };
    const all = {
      id: 'wide',
      shows: () => {
        if (rights.now === 'wide') {
          rights.now = 'narrow';
          feed.recheck();
        }
        return true;
      },
    };
    const narrow: Principal = { ...principal('me'), viewOf: () => main };
    const stream = watch({ ...principal('me', { renewed: () => narrow }), viewOf: () => all });
    feed.noteRepository(REPOSITORY);
    await clock.advance(ROUND_MS);
    const [change] = await until('the change is sent', () => {
      const { changes } = taken(stream);
      return changes.length > 0 ? changes : undefined;
    });
    expect(rights.now).toBe('narrow');
    expect(change?.repositories).toMatchObject([{ refs: 1, tips: [{ ref: 'refs/heads/main' }] }]);
  });

  test('writes what many browsers watch once', async () => {
    const { clock, watch, join, described } = setUp();
    const streams = Array.from({ length: 20 }, (_, index) => watch(principal(`person ${index}`)));
    join('pod');
    await clock.advance(ROUND_MS);
    for (const stream of streams) expect(taken(stream).changes).toHaveLength(1);
    expect(described()).toBe(1);
  });

  test('costs nothing while nobody watches', async () => {
    const { clock, feed, watch, join, described } = setUp();
    const stream = watch(principal('me'));
    stream.destroy();
    expect(feed.watchers).toBe(0);
    join('pod');
    await clock.advance(ROUND_MS);
    expect(described()).toBe(0);
  });

  test('waits for a browser that takes what it gets slowly, and gives it the last state then', async () => {
    const { clock, watch, join } = setUp();
    const stream = watch(principal('me'));
    taken(stream);
    stream.writableLength = 1;
    join('pod');
    await clock.advance(ROUND_MS);
    join('pod');
    await clock.advance(ROUND_MS);
    expect(taken(stream).kinds).toEqual([]);
    stream.writableLength = 0;
    await clock.advance(ROUND_MS);
    expect(taken(stream).changes).toMatchObject([{ instances: [{ instance: 'pod', number: 1 }], gone: [0] }]);
  });

  test('ends when the access is over, with a reason', () => {
    const { feed, watch } = setUp();
    let isIn = true;
    const me: Principal = principal('me', { renewed: () => (isIn ? me : undefined) });
    const stream = watch(me);
    feed.recheck();
    expect(stream.ended).toBe(false);
    isIn = false;
    feed.recheck();
    expect(stream.ended).toBe(true);
    expect(stream.text).toContain('ERR_RELAY_REFUSED');
    expect(feed.watchers).toBe(0);
  });

  test('asks for everything to be read again when the access file is another one', () => {
    const { feed, watch } = setUp();
    const stream = watch(principal('me'));
    taken(stream);
    feed.recheck(true);
    expect(taken(stream).kinds).toEqual(['reset']);
  });

  test('ends for a certificate when other authorities vouch for clients', () => {
    const { feed, watch } = setUp();
    const [pod, token] = [watch(principal('certificate 1')), watch(principal('bearer 1'))];
    feed.endCertificates();
    expect([pod.ended, token.ended]).toEqual([true, false]);
  });

  test('shows now and then that the relay is there and how fresh it is; a browser that reads nothing loses it', () => {
    const { feed, watch, follower } = setUp();
    const [stream, stuck] = [watch(principal('me')), watch(principal('sleeper'))];
    taken(stream);
    stuck.isStuck = true;
    feed.beat();
    feed.beat();
    feed.beat();
    expect(stream.text).toContain(`"asOf":{"${REPOSITORY}":"${new Date(follower.asOf).toISOString()}"}`);
    expect(taken(stream).kinds).toEqual(['beat', 'beat', 'beat']);
    expect(stuck.destroyed).toBe(true);
    expect(feed.watchers).toBe(1);
  });
});
