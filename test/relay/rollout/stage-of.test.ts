import { describe, expect, test } from 'vitest';
import { fullStages, mostUnavailable, placeOf } from '../../../src/relay/rollout/stage-of.ts';
import { policy } from './kit.ts';

const NAMES = Array.from({ length: 2000 }, (_, index) => `web-${index}`);

describe('the place of an instance in its fleet', () => {
  test('is the same each time, and another one for another policy', () => {
    expect(placeOf('web', 'web-1')).toBe(placeOf('web', 'web-1'));
    expect(placeOf('web', 'web-1')).not.toBe(placeOf('api', 'web-1'));
  });

  test('is spread evenly, so that a percentage has about that many', () => {
    const tenth = NAMES.filter((name) => placeOf('web', name) < 0.1).length;
    expect(tenth).toBeGreaterThan(150);
    expect(tenth).toBeLessThan(250);
  });

  test('makes a larger percentage choose those of a smaller one and more', () => {
    const within = (percent: number): readonly string[] => NAMES.filter((name) => placeOf('web', name) < percent / 100);
    const large = new Set(within(30));
    for (const name of within(10)) expect(large.has(name)).toBe(true);
  });
});

describe('what a stage selects', () => {
  const matches = (select: Parameters<typeof policy>[0]): ReturnType<typeof fullStages>[number]['matches'] => {
    const [first] = fullStages(policy(select));
    if (!first) throw new Error('a policy has at least the rest');
    return first.matches;
  };

  test('one of its globs is the name', () => {
    const select = matches({ stages: [{ name: 'a', select: { instances: ['canary-?', 'eu-*'] } }] });
    expect(['canary-1', 'canary-12', 'eu-', 'eu-web', 'us-eu-1'].map((name) => select(name, {}))).toEqual([
      ...[true, false, true, true, false],
    ]);
  });

  test('a label that an instance does not send is not taken from elsewhere', () => {
    const select = matches({ stages: [{ name: 'a', select: { labels: { constructor: 'x' } } }] });
    expect(select('a', {})).toBe(false);
    expect(select('a', { constructor: 'x' })).toBe(true);
  });

  test('the stage behind all others selects everybody, with the limits of the policy', () => {
    const stages = fullStages(
      policy({ soakMs: 7, failures: 3, stages: [{ name: 'a', select: { count: 1 }, soakMs: 1 }] }),
    );
    expect(stages.map(({ name, soakMs, failures }) => [name, soakMs, failures])).toEqual([
      ['a', 1, 3],
      ['the rest', 7, 3],
    ]);
    expect(stages[1]?.matches('whoever', {})).toBe(true);
  });
});

test('a percentage of instances that may be unavailable is rounded down, and is at least one', () => {
  expect([1, 9, 10, 39, 400].map((connected) => mostUnavailable({ percent: 10 }, connected))).toEqual([1, 1, 1, 3, 40]);
  expect(mostUnavailable(5, 1)).toBe(5);
});
