import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Place } from '../../src/config/run-config.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { readPublished } from '../../src/run/follow-link.ts';
import { Releases, UnfitRevision } from '../../src/run/releases.ts';
import { tempDir } from '../kit/temp.ts';

const signal = new AbortController().signal;
const whole = (path = '.'): Place => ({ kind: 'releases', path });

/** A published revision that `fill` made, and somewhere outside with a secret. */
async function published(fill: (tree: string, outside: string) => void) {
  const dir = tempDir();
  const [tree, outside, link] = [join(dir, 'tree'), join(dir, 'outside'), join(dir, 'link')];
  mkdirSync(tree);
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'secret');
  fill(tree, outside);
  symlinkSync(tree, link);
  const shown = await readPublished(link);
  if (!shown) throw new Error('nothing is published');
  const directory = join(dir, 'releases');
  const make = async (place: Place) =>
    await new Releases({ directory, link, place, clock: systemClock, boot: 'this' }).make(shown, signal);
  return { directory, make };
}

describe('a release', () => {
  test('is a copy of the revision, without .git', async () => {
    const { make } = await published((tree) => {
      mkdirSync(join(tree, 'app'));
      writeFileSync(join(tree, 'app', 'main'), 'x');
      writeFileSync(join(tree, '.git'), 'gitdir: elsewhere');
    });
    const release = await make(whole());
    expect(readdirSync(release?.path ?? '')).toEqual(['app']);
    expect(readFileSync(join(release?.path ?? '', 'app', 'main'), 'utf8')).toBe('x');
  });

  test.each<[string, Place, RegExp]>([
    ['a path that leads through a link out of the revision', whole('out/deep'), /leads out/],
    ['a copy of a file that is reached through such a link', copying('out/secret', 'secret'), /leads out/],
    ['a path that is a link itself', whole('out'), /no directory/],
    ['a path that is a file', whole('file'), /no directory/],
    ['a path below a file', whole('file/x'), /does not have it/],
    ['a path that is missing', whole('missing'), /does not have it/],
  ])('%s makes the revision unfit, and nothing is left', async (_what, place, reason) => {
    const { directory, make } = await published((tree, outside) => {
      mkdirSync(join(outside, 'deep'));
      symlinkSync(`../${basename(outside)}`, join(tree, 'out'));
      writeFileSync(join(tree, 'file'), 'x');
    });
    const failure = await make(place).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UnfitRevision);
    expect(String(failure)).toMatch(reason);
    expect(existsSync(directory) ? readdirSync(directory) : []).toEqual([]);
  });

  test('a link that stays inside the revision may be on the way', async () => {
    const { make } = await published((tree) => {
      mkdirSync(join(tree, 'real'));
      writeFileSync(join(tree, 'real', 'file'), 'x');
      symlinkSync('real', join(tree, 'alias'));
    });
    const release = await make(copying('alias/file', 'file'));
    expect(readFileSync(join(release?.path ?? '', 'file'), 'utf8')).toBe('x');
  });
});

function copying(source: string, target: string): Place {
  return { kind: 'into', directory: '/unused', copies: [{ source, target }] };
}
