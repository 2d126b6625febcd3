import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../../../src/model/error.ts';
import type { AdvertisedRef } from '../../../../src/model/ref.ts';
import { readEvent } from '../../../../src/relay/protocol/events.ts';
import { changesBetween } from '../../../../src/relay/protocol/refs.ts';
import type { Principal } from '../../../../src/relay/server/access/access.ts';
import { Hub } from '../../../../src/relay/server/streams/hub.ts';
import { releasedView, WHOLE_VIEW } from '../../../../src/relay/server/streams/ref-view.ts';
import { release } from '../../../../src/relay/server/streams/release.ts';
import { viewOf } from '../../../../src/relay/server/streams/wanted-view.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { at, FakeStream, fakeFollower, oid, refsOf } from '../../../kit/relay-fakes.ts';
import { until } from '../../../peers/wait.ts';

/** Somebody who may read everything for as long as the test wants it. */
function principal(id: string): Principal & { now: Principal | undefined } {
  const now: Principal | undefined = undefined;
  const who = {
    id,
    mayRead: () => true,
    namesOf: () => ({ id: '', allows: () => true }),
    maySteer: () => false,
    viewOf: () => WHOLE_VIEW,
    renewed: () => who.now,
    now: now as Principal | undefined,
  };
  who.now = who;
  return who;
}

describe('the hub', () => {
  function setUp(staggerMs = 0, mostSubscribers = 1000) {
    const clock = new HandClock();
    const hub = new Hub({ relay: 'r', staggerMs, clock, random: Math.random, mostSubscribers });
    const follower = fakeFollower(clock, refsOf(at('refs/heads/main', '1'), at('refs/heads/dev', '2')));
    const subscribe = (names: string[], lastId?: string, who = principal('somebody')): FakeStream => {
      const stream = new FakeStream();
      const place = hub.reserve(who.id, stream.response);
      if (place)
        hub.subscribe(
          { follower, wanted: viewOf({ names, newest: undefined }), lastId, principal: who, place },
          stream.response,
        );
      else stream.destroy();
      return stream;
    };
    const move = (...refs: AdvertisedRef[]): void => {
      const before = follower.refs;
      follower.refs = new Map([...before, ...refsOf(...refs)]);
      hub.tell(follower, changesBetween(before, follower.refs));
    };
    return { clock, hub, follower, subscribe, move };
  }

  test('ends the streams of certificates when other authorities vouch for them, and no others', () => {
    const { hub, subscribe } = setUp();
    const pod = subscribe(['refs/heads/main'], undefined, principal('certificate 0123'));
    const other = subscribe(['refs/heads/main'], undefined, principal('bearer certificate 0123'));
    pod.take();
    other.take();
    hub.endCertificates();
    expect(pod.take()).toContain('ERR_RELAY_REFUSED');
    expect(other.take()).toBe('');
  });

  test('tells a new subscriber the refs it asked for, and then only their changes', () => {
    const { subscribe, move } = setUp();
    const [main, all] = [subscribe(['refs/heads/main']), subscribe([])];
    expect(main.take()).toContain(oid('1'));
    expect(all.take()).toContain(oid('2'));
    move(at('refs/heads/dev', '3'));
    expect(main.take()).toBe('');
    expect(all.take()).toContain(oid('3'));
    move(at('refs/heads/main', '4'));
    expect(main.events).toEqual(['change']);
    expect(all.events).toEqual(['change']);
  });

  test('sends all refs anew where very many moved at once, to those who follow all of them', async () => {
    const { hub, follower, subscribe } = setUp();
    const [main, all] = [subscribe(['refs/heads/main']), subscribe([])];
    main.take();
    all.take();
    const many = (digit: string) => Array.from({ length: 1500 }, (_, index) => at(`refs/heads/b${index}`, digit));
    for (const digit of ['1', '2']) {
      const before = follower.refs;
      follower.refs = new Map([...before, ...refsOf(...many(digit))]);
      await hub.prepare(follower, 1500);
      hub.tell(follower, changesBetween(before, follower.refs));
      const text = all.take();
      expect(text).toContain('event: refs');
      expect(readEvent('refs', 'x', /^data: (.*)$/m.exec(text)?.[1] ?? '')).toMatchObject({ refs: follower.refs });
    }
    expect(main.take()).toBe('');
  });

  test('tells who comes back only what it missed, also when it comes back to another relay', () => {
    const [one, two] = [setUp(), setUp()];
    const id = /^id: (\w+)$/m.exec(one.subscribe(['refs/heads/main']).take())?.[1] ?? '';
    expect(two.subscribe(['refs/heads/main'], id).events).toEqual(['beat']);
    two.move(at('refs/heads/main', '5'));
    expect(two.subscribe(['refs/heads/main'], id).events).toEqual(['refs']);
  });

  test('lets go of one that takes nothing, and the others notice nothing', () => {
    const { hub, subscribe, move } = setUp();
    const [dead, alive] = [subscribe([]), subscribe([])];
    dead.isStuck = true;
    move(at('refs/heads/main', '6'));
    hub.beat();
    expect(dead.destroyed).toBe(false);
    hub.beat();
    expect(dead.destroyed).toBe(true);
    expect(alive.destroyed).toBe(false);
    expect(hub.subscribers).toBe(1);
    expect(hub.dropped).toBe(1);
    expect(alive.events).toEqual(['refs', 'change', 'beat', 'beat']);
  });

  test('lets go of one that lets a flood pile up', () => {
    const { subscribe, move } = setUp();
    const slow = subscribe([]);
    slow.isStuck = true;
    for (let round = 0; round < 5000 && !slow.destroyed; round += 1) move(at('refs/heads/main', round % 2 ? '7' : '8'));
    expect(slow.destroyed).toBe(true);
    expect(slow.writableLength).toBeLessThan(300 * 1024);
  });

  test('a repository that nobody watches any more is let go', () => {
    const { hub, follower, subscribe } = setUp();
    const stream = subscribe([]);
    expect(hub.isWatched(follower)).toBe(true);
    stream.destroy();
    expect(hub.isWatched(follower)).toBe(false);
    expect(hub.subscribers).toBe(0);
  });

  function setUpReleases(staggerMs = 0) {
    const { hub, follower, move } = setUp(staggerMs);
    const wanted = viewOf({ names: ['refs/heads/main'], newest: undefined });
    const who = principal('fleet');
    const open = (instance: string): FakeStream => {
      const stream = new FakeStream();
      const place = hub.reserve(who.id, stream.response);
      const view = releasedView(WHOLE_VIEW, refsOf(at('refs/heads/main', '1')));
      if (place)
        hub.subscribe({ follower, wanted, lastId: undefined, principal: who, place, instance, view }, stream.response);
      return stream;
    };
    return { hub, follower, move, open };
  }

  test('tells only those of a release that a ref is elsewhere, once, and from then on what moves there', () => {
    const { hub, follower, move, open } = setUpReleases();
    const [canary, web] = [open('canary'), open('web')];
    move(at('refs/heads/main', '9'));
    expect([canary.events, web.events]).toEqual([['refs'], ['refs']]);
    hub.release(follower, new Set(['canary']), (_instance, from) =>
      releasedView(from, refsOf(at('refs/heads/main', '9'))),
    );
    expect([canary.events, web.events]).toEqual([['refs', 'change'], ['refs']]);
    expect(canary.text).toContain(oid('9'));
    expect(web.text).not.toContain(oid('9'));
    hub.recheck();
    expect(hub.ended).toBe(0);
    canary.destroy();
    web.destroy();
    expect(hub.subscribers).toBe(0);
    expect(hub.isWatched(follower)).toBe(false);
  });

  test('where there are very many refs, a release arrives as soon as they were looked at, as it is by then', async () => {
    const { hub, follower, open } = setUpReleases();
    const tags = Array.from({ length: 1500 }, (_, index) => at(`refs/tags/v${index}`, '3'));
    Object.assign(follower, { refs: refsOf(...follower.refs.values(), ...tags) });
    const canary = open('canary');
    let digit = '8';
    release(hub, follower, new Set(['canary']), (_instance, from) =>
      releasedView(from, refsOf(at('refs/heads/main', digit))),
    );
    expect(canary.events).toEqual(['refs']);
    digit = '9';
    await until('it arrives', () => canary.events.length > 1);
    expect([...canary.text.matchAll(/"oid":"(\d)/g)].map((match) => match[1])).toEqual(['1', '9']);
  });

  test('a release is spread over the stagger like any other change', async () => {
    const { hub, follower, open } = setUpReleases(200);
    const names = Array.from({ length: 50 }, (_, index) => `web-${index}`);
    const streams = names.map(open);
    const release = (digit: string): void =>
      hub.release(follower, new Set(names), (_instance, from) =>
        releasedView(from, refsOf(at('refs/heads/main', digit))),
      );
    for (const digit of ['8', '9']) release(digit);
    expect(streams.filter(({ events }) => events.includes('change'))).toEqual([]);
    for (let tries = 0; tries < 400 && streams.some(({ events }) => events.length < 3); tries += 1)
      await new Promise((done) => setTimeout(done, 10));
    for (const stream of streams)
      expect([...stream.text.matchAll(/"oid":"(\d)/g)].map((match) => match[1])).toEqual(['1', '8', '9']);
  });

  test('says in its own words that the git server cannot be asked', () => {
    const { hub, follower, subscribe } = setUp();
    const stream = subscribe([]);
    follower.trouble = new SidecarError('ERR_REMOTE_AUTH', { op: 'ask', detail: 'token s3cr3t refused' });
    hub.tellTrouble(follower);
    expect(stream.events).toEqual(['refs', 'trouble']);
    expect(stream.text).not.toContain('s3cr3t');
    expect(subscribe([]).events).toEqual(['refs', 'trouble']);
  });

  test('with a stagger everybody is told once, in the order of the changes', async () => {
    const { subscribe, move } = setUp(200);
    const streams = Array.from({ length: 50 }, () => subscribe(['refs/heads/main']));
    for (const stream of streams) stream.take();
    move(at('refs/heads/main', '8'));
    const atOnce = streams.filter((stream) => stream.text !== '').length;
    expect(atOnce).toBe(0);
    move(at('refs/heads/main', '9'));
    for (let tries = 0; tries < 400 && streams.some(({ events }) => events.length < 2); tries += 1)
      await new Promise((done) => setTimeout(done, 10));
    for (const stream of streams)
      expect([...stream.text.matchAll(/"oid":"(\d)/g)].map((match) => match[1])).toEqual(['8', '9']);
  });

  test('a stream whose token was revoked, or whose patterns name something else now, ends; the others stay', () => {
    const { hub, subscribe } = setUp();
    const [good, revoked, narrowed, renamed] = ['good', 'revoked', 'narrowed', 'renamed'].map(principal) as [
      ReturnType<typeof principal>,
      ReturnType<typeof principal>,
      ReturnType<typeof principal>,
      ReturnType<typeof principal>,
    ];
    const streams = [good, revoked, narrowed, renamed].map((who) => subscribe([], undefined, who));
    hub.recheck();
    expect(streams.map(({ ended }) => ended)).toEqual([false, false, false, false]);
    revoked.now = undefined;
    narrowed.now = { ...narrowed, mayRead: () => false };
    renamed.now = principal('another rule lets it in');
    hub.recheck();
    expect(streams.map(({ ended }) => ended)).toEqual([false, true, true, true]);
    expect(streams[1]?.events).toEqual(['refs', 'end']);
    expect(streams[1]?.text).toContain('ERR_RELAY_REFUSED');
    expect(hub.ended).toBe(3);
  });

  test('one token may have all streams until somebody else comes, and then gives up its newest ones, down to half', () => {
    const { hub, subscribe } = setUp(0, 10);
    const [greedy, modest] = [principal('greedy'), principal('modest')];
    const first = Array.from({ length: 12 }, () => subscribe([], undefined, greedy));
    expect(first.filter(({ destroyed }) => destroyed)).toHaveLength(2);
    const second = Array.from({ length: 9 }, () => subscribe([], undefined, modest));
    expect(second.filter(({ destroyed }) => !destroyed)).toHaveLength(5);
    const held = first.slice(0, 10);
    expect(held.map(({ ended }) => ended)).toEqual([...Array(5).fill(false), ...Array(5).fill(true)]);
    expect(held.at(-1)?.text).toContain('ERR_RELAY_FULL');
    expect(subscribe([], undefined, greedy).destroyed).toBe(true);
    for (const stream of held) stream.destroy();
    expect(subscribe([], undefined, principal('third')).destroyed).toBe(false);
    expect(hub.subscribers).toBe(6);
  });
});
