import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AdvertisedRef } from '../../../../src/model/ref.ts';
import { atOnce, type Steps } from '../../../../src/platform/in-turns.ts';
import { digestOf, digestSteps, refsAsText, refsToJson, stepsBetween } from '../../../../src/relay/protocol/refs.ts';
import { coveringSteps } from '../../../../src/relay/server/streams/covered-refs.ts';
import { oid, refsOf } from '../../../kit/relay-fakes.ts';

const MANY = 80_000;
const nameOf = (index: number): string => `refs/heads/branch-${String(index).padStart(7, '0')}`;
const many = (digit: string): AdvertisedRef[] =>
  Array.from({ length: MANY }, (_, index) => ({ name: nameOf(index), oid: oid(digit) }));

function stopsOf(steps: Steps<unknown>): number {
  for (let stops = 0; ; stops += 1) if (steps.next().done === true) return stops;
}

describe('work that takes as long as there are refs', () => {
  const [before, after] = [refsOf(...many('1')), refsOf(...many('2'))];

  test.each([
    ['what may be passed on', () => coveringSteps(before.values(), { covers: () => true })],
    ['what moved', () => stepsBetween(before, after)],
    ['what is gone', () => stepsBetween(before, new Map())],
    ['the name of their state', () => digestSteps(refsOf(...many('3')))],
    ['the event for a new subscriber', () => refsAsText(before)],
  ])('can be interrupted a hundred times: %s', (_what, steps) => {
    expect(stopsOf(steps())).toBeGreaterThan(100);
  });
});

describe('HEAD', () => {
  const head = { name: 'HEAD', oid: oid('1'), symref: 'refs/heads/main' };
  const cover = (refs: readonly AdvertisedRef[], covers: (ref: string) => boolean): AdvertisedRef[] => [
    ...atOnce(coveringSteps(refs, { covers })).values(),
  ];
  const main = { name: 'refs/heads/main', oid: oid('1') };
  const other = { name: 'refs/heads/other', oid: oid('1') };

  test('comes along, and first, where it points at a branch that is passed on', () => {
    expect(cover([head, main, other], (ref) => ref === main.name)).toEqual([head, main]);
  });

  test('shows no name that is not passed on, where another one is at the same commit', () => {
    expect(cover([head, main, other], (ref) => ref === other.name)).toEqual([{ name: 'HEAD', oid: oid('1') }, other]);
  });

  test('stays out where nothing that is passed on is at its commit', () => {
    const elsewhere = { name: 'refs/heads/dev', oid: oid('2') };
    expect(cover([head, main, elsewhere], (ref) => ref === elsewhere.name)).toEqual([elsewhere]);
  });

  test('is as it is for whoever may see it', () => {
    expect(cover([{ ...head, oid: oid('7') }, main], () => true)).toEqual([{ ...head, oid: oid('7') }, main]);
  });
});

const ref = fc
  .record({ index: fc.integer({ min: 0, max: 12 }), digit: fc.constantFrom('1', '2', '3') })
  .map(({ index, digit }): AdvertisedRef => ({ name: nameOf(index), oid: oid(digit) }));
const refs = fc.array(ref, { maxLength: 12 }).map((list) => refsOf(...list));

test('what moved is found in whatever order refs come', () => {
  fc.assert(
    fc.property(refs, refs, (before, after) => {
      const names = [...new Set([...before.keys(), ...after.keys()])].sort();
      const expected = names
        .filter((name) => before.get(name)?.oid !== after.get(name)?.oid)
        .map((name) => ({ ref: name, from: before.get(name)?.oid, to: after.get(name) }));
      const found = atOnce(stepsBetween(before, after));
      expect([...found].sort((a, b) => (a.ref < b.ref ? -1 : 1))).toEqual(expected);
    }),
  );
});

test('the name of a state is the same in whatever order refs come, and the text of refs is their JSON', () => {
  fc.assert(
    fc.property(fc.uniqueArray(ref, { selector: ({ name }) => name }), (list) => {
      const [one, other] = [refsOf(...list), refsOf(...[...list].reverse())];
      expect(digestOf(one)).toBe(digestOf(other));
      expect(JSON.parse(`{${atOnce(refsAsText(one))}}`)).toEqual(refsToJson(one));
    }),
  );
});
