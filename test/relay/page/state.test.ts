import { describe, expect, test } from 'vitest';
import type { ChangeDocument, InstanceEntry, SteeredEntry } from '../../../src/relay/browser/documents.ts';
import type { RelayOverview, RepositoryOverview } from '../../../src/relay/browser/overview.ts';
import { EVERYTHING, selectInstances, stateOf } from '../../../src/relay/page/filter.ts';
import { offersFor } from '../../../src/relay/page/orders.ts';
import { rolloutKey, State } from '../../../src/relay/page/state.ts';
import type { RepositoryName } from '../../../src/relay/protocol/repository-name.ts';
import { oid } from '../../kit/relay-fakes.ts';

const relay = { at: '2026-01-01T00:00:00.000Z' } as RelayOverview;

const instance = (number: number, more: Partial<InstanceEntry> = {}): InstanceEntry => ({
  ...{ number, repository: 'h/app', instance: `web-${number}`, stream: `${number}`, labels: {}, connected: true },
  ...{ since: relay.at, running: null, failed: null, behind: false, behindSince: null, behindMs: 0 },
  published: { ref: 'refs/heads/main', oid: oid('1'), since: relay.at },
  ...more,
});

const entry = (ref: string, more: Partial<SteeredEntry> = {}): SteeredEntry =>
  ({
    ...{ repository: 'h/app', ref, status: 'complete', stages: [], paused: null, pinned: null, tip: null, refused: [] },
    maySteer: false,
    ...more,
  }) as unknown as SteeredEntry;

const change = (more: Partial<ChangeDocument>): ChangeDocument => ({
  ...{ relay, instances: [], gone: [], repositories: [], governed: [], rollouts: [] },
  ...more,
});

describe('what the page knows', () => {
  test('a change takes the place of what was known, and leaves the rest', () => {
    const state = new State();
    state.fill({
      overview: { relay, repositories: [{ repository: 'h/app' } as RepositoryOverview] },
      rollouts: [entry('a'), entry('b'), entry('c', { repository: 'h/other' as RepositoryName })],
      instances: [instance(1), instance(2), instance(3)],
    });
    state.apply(
      change({
        instances: [instance(2, { behind: true }), instance(4)],
        gone: [3, 99],
        repositories: [{ repository: 'h/app', gone: true }, { repository: 'h/new' } as RepositoryOverview],
        governed: ['h/app'],
        rollouts: [entry('a', { status: 'halted' })],
      }),
    );
    expect([...state.instances.keys()].sort()).toEqual([1, 2, 4]);
    expect(state.instances.get(2)?.behind).toBe(true);
    expect([...state.repositories.keys()]).toEqual(['h/new']);
    // No policy is about `b` any more; of the other repository nothing was said.
    expect([...state.rollouts.keys()].sort()).toEqual(['h/app#a', 'h/other#c']);
  });

  test('an answer to an order does not take the right to give the next one away', () => {
    const state = new State();
    state.apply(change({ governed: ['h/app'], rollouts: [entry('a', { maySteer: true })] }));
    state.takeOrdered(entry('a', { maySteer: undefined as never, status: 'paused' }));
    expect(state.rollouts.get(rolloutKey(entry('a')))).toMatchObject({ maySteer: true, status: 'paused' });
  });

  test('nothing of it is left when somebody logs out', () => {
    const state = new State();
    state.apply(change({ instances: [instance(1)] }));
    state.clear();
    expect([state.instances.size, state.relay]).toEqual([0, undefined]);
  });
});

describe('the instances that are shown', () => {
  const all = [
    instance(10),
    instance(2),
    instance(3, { behind: true, labels: { track: 'canary', zone: 'a' } }),
    instance(4, { connected: false }),
    instance(5, {
      repository: 'h/other',
      failed: { ref: 'refs/heads/main', oid: oid('1'), since: relay.at, reason: 'x' },
    }),
    instance(6, {
      failed: { ref: 'refs/heads/main', oid: oid('9'), since: relay.at, reason: 'it is back at another' },
    }),
  ];
  const numbers = (filter: Partial<typeof EVERYTHING>): number[] =>
    selectInstances(all, { ...EVERYTHING, ...filter }).map(({ number }) => number);

  test('those that need a person come first, then by name, numbers as numbers', () => {
    expect(numbers({})).toEqual([5, 3, 4, 2, 6, 10]);
  });

  test.each([
    [{ state: 'behind' }, [3]],
    [{ state: 'failed' }, [5]],
    [{ state: 'gone' }, [4]],
    [{ repository: 'h/other' }, [5]],
    [{ ref: 'refs/heads/other' }, []],
    [{ label: 'track=canary' }, [3]],
    [{ text: 'WEB-3 canary' }, [3]],
    [{ text: 'zone=b' }, []],
    [{ text: '1111111', state: 'current' }, [2, 6, 10]],
  ])('%j selects %j', (filter, expected) => {
    expect(numbers(filter)).toEqual(expected);
  });

  test('one that reports nothing yet is shown', () => {
    expect(stateOf(instance(1, { published: null }))).toBe('current');
  });
});

describe('the orders that can be given', () => {
  const possible = (more: Partial<SteeredEntry>): string =>
    offersFor(entry('a', more))
      .filter(({ obstacle }) => obstacle === undefined)
      .map(({ order }) => order)
      .join(' ');
  const stages = [{ name: 'canary' }] as unknown as SteeredEntry['stages'];
  const said = { who: 'a', why: 'b', since: relay.at };

  test.each<[string, Partial<SteeredEntry>, string]>([
    ['nothing is under way', {}, 'pause revert pin'],
    ['a rollout goes on', { status: 'running', stages }, 'pause promote abort revert pin'],
    ['it is paused', { status: 'paused', stages, paused: said }, 'resume promote abort revert pin'],
    ['it halted', { status: 'halted', stages }, 'pause resume promote abort revert pin'],
    ['the newest commit is refused', { tip: oid('2'), refused: [oid('2')] }, 'pause resume revert pin'],
    ['it is pinned', { pinned: said }, 'pause pin unpin'],
  ])('while %s', (_what, more, expected) => {
    expect(possible(more)).toBe(expected);
  });
});
