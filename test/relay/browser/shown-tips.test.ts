import { describe, expect, test } from 'vitest';
import { prepareTips, shownTips } from '../../../src/relay/browser/shown-tips.ts';
import { refsIn } from '../../../src/relay/server/streams/ref-view.ts';
import { at, refsOf } from '../../kit/relay-fakes.ts';

describe('the refs that the page shows', () => {
  test('are the default branch, the other branches, and tags, the newest version first', () => {
    const head = { ...at('HEAD', '1'), symref: 'refs/heads/main' };
    const names = ['refs/tags/v1', 'refs/heads/b', 'refs/heads/main', 'refs/tags/v2', 'refs/heads/a'];
    const { count, tips } = shownTips(refsOf(head, ...names.map((name) => at(name, '1'))));
    expect(count).toBe(5);
    expect(tips.map(({ ref }) => ref)).toEqual([
      ...['refs/heads/main', 'refs/heads/a', 'refs/heads/b', 'refs/tags/v2', 'refs/tags/v1'],
    ]);
  });

  test('are 50 of very many, found anew only when refs moved, and a tag shows the commit that it names', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `refs/tags/v${String(index).padStart(5, '0')}`);
    const refs = refsOf(...names.map((name) => ({ ...at(name, '1'), peeledOid: at(name, '2').oid })));
    const shown = shownTips(refs);
    expect(shown.count).toBe(20_000);
    expect(shown.tips).toHaveLength(50);
    expect(shown.tips[0]).toEqual({ ref: 'refs/tags/v19999', oid: '2'.repeat(40) });
    expect(shown.tips.at(-1)?.ref).toBe('refs/tags/v19950');
    expect(shownTips(refs)).toBe(shown);
  });

  test('are found of very many while other work goes on, as the view of the client has them', async () => {
    const names = Array.from({ length: 200_000 }, (_, index) => `refs/tags/v${index}`);
    const refs = new Map(names.map((name) => [name, at(name, '1')]));
    const view = { id: 'fives', shows: (ref: string) => ref.endsWith('5') };
    let others = 0;
    const goRound = (): void => {
      others += 1;
      round = setImmediate(goRound);
    };
    let round = setImmediate(goRound);
    await prepareTips(refs, view);
    clearImmediate(round);
    expect(others).toBeGreaterThan(2);
    const { count, tips } = shownTips(refsIn(refs, view));
    expect([count, tips[0]?.ref]).toEqual([20_000, 'refs/tags/v99995']);
  });
});
