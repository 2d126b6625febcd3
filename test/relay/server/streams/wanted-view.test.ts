import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changesBetween, type Refs } from '../../../../src/relay/protocol/refs.ts';
import { readWanted, type WantedRefs, writeWanted } from '../../../../src/relay/protocol/wanted-refs.ts';
import type { Follower } from '../../../../src/relay/server/mirror/follower.ts';
import { Hub } from '../../../../src/relay/server/streams/hub.ts';
import { WHOLE_VIEW } from '../../../../src/relay/server/streams/ref-view.ts';
import { viewOf } from '../../../../src/relay/server/streams/wanted-view.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { at, fakeFollower, refsOf } from '../../../kit/relay-fakes.ts';

const newest = (semver: string | undefined, order: 'version' | 'name' | 'committed' = 'version'): WantedRefs => ({
  names: [],
  newest: { kind: 'newest', requested: 'refs/tags/*', pattern: 'refs/tags/*', semver, order },
});

const tags = (versions: Readonly<Record<string, string>>): Refs =>
  refsOf(...Object.entries(versions).map(([name, digit]) => at(`refs/tags/${name}`, digit)));

describe('the newest ref as a relay finds it', () => {
  test('after any change is the one that a look at all refs finds', () => {
    const state = fc.dictionary(
      fc.constantFrom('v1.0.0', 'v1.1.0', 'v1.2.0', 'v2.0.0', 'v3.0.0-rc.1', 'latest'),
      fc.constantFrom('1', '2'),
    );
    fc.assert(
      fc.property(
        fc.array(state, { minLength: 2, maxLength: 6 }),
        fc.constantFrom('*', '<2', '^9'),
        (states, range) => {
          const view = viewOf(newest(range));
          let refs = tags(states[0] ?? {});
          let shown = view.select(refs);
          for (const next of states.slice(1).map(tags)) {
            shown = view.update(shown, next, changesBetween(refs, next));
            refs = next;
            expect([...shown].sort()).toEqual([...view.select(refs)].sort());
          }
        },
      ),
    );
  });

  test('is one ref; where none matches, a few that show what is there', () => {
    const many = tags(Object.fromEntries(Array.from({ length: 200 }, (_, each) => [`v1.${each}.0`, '1'])));
    expect([...viewOf(newest('*')).select(many).keys()]).toEqual(['refs/tags/v1.199.0']);
    expect([...viewOf(newest('>2')).select(many).keys()][0]).toBe('refs/tags/v1.199.0');
    expect(viewOf(newest('>2')).select(many).size).toBeLessThan(20);
    expect(viewOf(newest('*', 'committed')).select(many).size).toBe(200);
  });
});

test('what a subscriber asks for is read as it was meant', () => {
  for (const wanted of [newest('>=1 <2 || 3.x'), newest(undefined, 'name'), { names: ['HEAD'], newest: undefined }]) {
    const params = new URLSearchParams();
    writeWanted(params, wanted);
    expect(readWanted(new URLSearchParams(params.toString()))).toEqual(wanted);
  }
});

test.each([
  'ref=refs/tags/*',
  'ref=refs/tags/*&newest=oldest',
  'ref=refs/tags/v1&newest=version',
  'ref=a*&ref=b*&newest=version',
  'ref=refs/tags/*&newest=version&semver=latest',
  `ref=${'*a'.repeat(300)}&newest=version`,
  `ref=refs/tags/*&newest=version&semver=${'1||'.repeat(100)}1`,
])('%s is refused', (query) => {
  expect(readWanted(new URLSearchParams(query))).toBeUndefined();
});

describe('what looking for the newest ref may cost a relay', () => {
  function setUp(count: number) {
    const clock = new HandClock();
    const hub = new Hub({ relay: 'r', staggerMs: 0, clock, random: Math.random, mostSubscribers: 1000 });
    const names = Array.from({ length: count }, (_, each) => [`v1.${each}.0`, '1']);
    const follower: Follower = fakeFollower(clock, tags(Object.fromEntries(names)));
    const may = (range: string, owner: string) => hub.mayFollow(follower, viewOf(newest(range)), WHOLE_VIEW, owner);
    const asked = (owner: string, times: number): number =>
      Array.from({ length: times }, (_, each) => may(`<${each + 1}`, owner)).filter(Boolean).length;
    return { clock, may, asked };
  }

  test('one who asks for ever new patterns over many refs has to wait, and another one has not', async () => {
    const { clock, may, asked } = setUp(50_000);
    const taken = asked('hostile', 1000);
    expect(taken).toBeGreaterThan(3);
    expect(taken).toBeLessThan(20);
    expect(may('*', 'honest')).toBe(true);
    await clock.advance(60_000);
    expect(may('<5', 'hostile')).toBe(true);
  });

  test('over few refs they cost next to nothing', () => {
    expect(setUp(100).asked('somebody', 1000)).toBe(1000);
  });
});
