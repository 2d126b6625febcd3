import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { measureStore } from '../../src/fetch/measure-store.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';

describe('the size of a repository’s objects', () => {
  test('is what git count-objects says, for loose objects and packs', () => {
    const upstream = new Upstream(tempDir());
    upstream.commit({ a: 'x'.repeat(100_000), b: 'one' });
    upstream.git('gc', '-q');
    upstream.commit({ a: 'two' });
    const text = upstream.git('count-objects', '-v');
    const said = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
    const { packs, loose, bytes } = measureStore(join(upstream.work, '.git'));
    expect([packs, loose]).toEqual([said('packs'), said('count')]);
    expect(loose).toBeGreaterThan(0);
    // git rounds, and counts the bytes of a pack without the rest of its last block.
    expect(Math.abs(bytes - (said('size') + said('size-pack')) * 1024)).toBeLessThan(3 * 4096);
  });

  test('is nothing where there is no repository', () => {
    expect(measureStore(join(tempDir(), 'none'))).toEqual({ packs: 0, loose: 0, bytes: 0 });
  });
});
