import { describe, expect, test } from 'vitest';
import { SILENT } from '../../../src/relay/server/rollouts/governed-repository.ts';
import type { StoredRefs } from '../../../src/relay/server/rollouts/rollout-store.ts';
import { refsIn, WHOLE_VIEW } from '../../../src/relay/server/streams/ref-view.ts';
import { bookOf } from '../../../src/relay/sharing/policy-book.ts';
import { ShownDecisions } from '../../../src/relay/sharing/shown.ts';
import { refsOf } from '../../kit/relay-fakes.ts';
import { Fleet, oid, policy } from '../rollout/kit.ts';
import { MAIN, NAME } from './simulated-relay.ts';

const DEV = 'refs/heads/dev';
const REFS = refsOf(
  { name: 'HEAD', oid: oid(2), symref: MAIN },
  { name: MAIN, oid: oid(2) },
  { name: DEV, oid: oid(3) },
);

function setUp(decider?: string) {
  const book = bookOf([policy({ repository: 'git.example.com/**' })]);
  const shown = new ShownDecisions(
    () => book,
    () => decider,
  );
  const seen = (key: string, names?: readonly string[]) => {
    const refs = refsIn(REFS, shown.viewOf(NAME, key, WHOLE_VIEW, names));
    return Object.fromEntries([...refs].map(([name, ref]) => [name, ref.oid]));
  };
  const take = (refs: StoredRefs) => shown.take(NAME, refs, book.digest);
  return { shown, seen, take };
}

function decided(fleet: Fleet, silent?: number): StoredRefs {
  const { state } = { state: fleet.ref.state() };
  return { [MAIN]: { state, tags: {}, ...(silent === undefined ? {} : { silent: oid(silent) }) } };
}

describe('what a relay shows of the decisions of its group', () => {
  test('is nothing of a ref that nobody has decided about, and all of the others', () => {
    const { seen } = setUp();
    expect(seen('a')).toEqual({ [DEV]: oid(3) });
    expect(seen('a', [MAIN])).toEqual({ [DEV]: oid(3) });
  });

  test('is where the git server has a ref about which the relay that decides has no policy', () => {
    expect(setUp('other policies').seen('a')).toEqual({ HEAD: oid(2), [MAIN]: oid(2), [DEV]: oid(3) });
  });

  test('is for each instance what it was given, and says who has to be shown something else', () => {
    const { seen, take } = setUp();
    const fleet = Fleet.of(['a', 'b'], { maxUnavailable: 1 });
    expect(take(decided(fleet))).toBe('everybody');
    fleet.push(2);
    const [given] = fleet.having(2);
    const other = given === 'a' ? 'b' : 'a';
    expect(take(decided(fleet))).toEqual(new Set([given]));
    expect([seen(given ?? '')[MAIN], seen(other)[MAIN], seen('a new one').HEAD]).toEqual([oid(2), oid(1), oid(1)]);
    expect(take(decided(fleet))).toEqual(new Set());
    expect(take(decided(fleet, 2))).toEqual(new Set([SILENT]));
    expect(seen(SILENT)[MAIN]).toBe(oid(2));
  });
});
