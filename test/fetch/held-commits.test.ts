import { describe, expect, test } from 'vitest';
import { HeldCommits } from '../../src/fetch/held-commits.ts';
import type { Oid } from '../../src/model/oid.ts';

const oid = (digit: string): Oid => digit.repeat(40) as Oid;

describe('commits that a shared store keeps', () => {
  test('are read from its refs; a ref that is none of ours says nothing', () => {
    const names = [
      `refs/git-sidecar/units/one/${oid('a')}`,
      `refs/git-sidecar/units/one/${oid('b')}`,
      `refs/git-sidecar/units/two/${oid('a')}`,
      'refs/git-sidecar/units/two/main',
      `refs/git-sidecar/units/two/${oid('c')}/more`,
      `refs/heads/${oid('d')}`,
      '',
    ];
    const held = HeldCommits.parse(names.join('\n'));
    expect(held.units).toEqual(['one', 'two']);
    expect([...held.by('one')]).toEqual([oid('a'), oid('b')]);
    expect([...held.by('two')]).toEqual([oid('a')]);
    expect([oid('a'), oid('b'), oid('c'), oid('d')].map((each) => held.has(each))).toEqual([true, true, false, false]);
  });

  test('change by what is new and what is needed no longer', () => {
    const held = HeldCommits.parse(`refs/git-sidecar/units/one/${oid('a')}\nrefs/git-sidecar/units/two/${oid('a')}`);
    expect(held.replace('one', new Set([oid('a')]))).toEqual([]);
    expect(held.replace('one', new Set([oid('b')]))).toEqual([
      `update refs/git-sidecar/units/one/${oid('b')} ${oid('b')}\n`,
      `delete refs/git-sidecar/units/one/${oid('a')}\n`,
    ]);
    expect(held.has(oid('a'))).toBe(true);
    expect(held.replace('two', new Set())).toEqual([`delete refs/git-sidecar/units/two/${oid('a')}\n`]);
    expect(held.has(oid('a'))).toBe(false);
    expect(held.units).toEqual(['one']);
  });
});
