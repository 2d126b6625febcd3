import { chmodSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import type { Flush } from '../../src/platform/flush.ts';
import { MachineFailure } from '../../src/run/blame.ts';
import { readPublished } from '../../src/run/follow-link.ts';
import { Releases } from '../../src/run/releases.ts';
import { type Release, StateFile } from '../../src/run/state.ts';
import { Unwritten } from '../../src/run/unwritten.ts';
import { Publisher } from '../kit/publisher.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { until } from '../peers/wait.ts';

const { signal } = new AbortController();
const FILES = { 'a/one': 'one', two: 'two', three: { link: 'two' } };

/** A run's state directory, and what each boot of the machine makes of it. */
function machine(options: { builds?: boolean; durable?: boolean; flush?: Flush } = {}) {
  const dir = tempDir();
  const publisher = new Publisher(join(dir, 'published'));
  const stateDir = join(dir, 'state');
  mkdirSync(stateDir);
  const flushed: string[] = [];
  const start = async (boot: string) => {
    const state = new StateFile(stateDir);
    await state.load();
    const directory = join(stateDir, 'releases');
    const place = { kind: 'releases', path: '.' } as const;
    const releases = new Releases({ directory, link: publisher.link, place, clock: systemClock, boot });
    const { builds = false, durable = false } = options;
    const flush = options.flush ?? (async (paths) => void flushed.push(...paths));
    const unwritten = new Unwritten({ state, releases, flush, boot, builds, durable, log: silentLog });
    const make = async (): Promise<Release> => {
      publisher.publish(FILES);
      const shown = await readPublished(publisher.link);
      const release = shown && (await releases.make(shown, signal));
      if (!release) throw new Error('nothing is published');
      await state.save({ releases: [...state.state.releases, release] });
      return release;
    };
    return { state, unwritten, make };
  };
  return { start, flushed, stateDir };
}

describe('a release that was not on the disk when the machine stopped', () => {
  test.each<[string, (release: string) => void]>([
    ['an empty file', (release) => truncateSync(join(release, 'a/one'))],
    ['zeros in the place of its text', (release) => writeFileSync(join(release, 'two'), '\0\0\0')],
    ['lost permissions', (release) => chmodSync(join(release, 'two'), 0o755)],
  ])('is given up when it has %s; what ran before is next', async (_what, tear) => {
    const { start } = machine();
    const first = await start('first');
    const [former, torn] = [await first.make(), await first.make()];
    tear(torn.path);
    const next = await start('second');
    await next.unwritten.examine(signal);
    expect(next.state.state.releases.map(({ id }) => id)).toEqual([former.id]);
  });

  test('is kept when all of it is there, and is read no second time in the same boot', async () => {
    const { start } = machine();
    const { id, path } = await (await start('first')).make();
    const second = await start('second');
    await second.unwritten.examine(signal);
    expect(second.state.current).toMatchObject({ id, boot: 'second' });
    writeFileSync(join(path, 'written-by-the-application'), '');
    const again = await start('second');
    await again.unwritten.examine(signal);
    expect(again.state.current?.id).toBe(id);
  });

  test('is given up where a build has added what nobody can compare', async () => {
    const { start } = machine({ builds: true });
    await (await start('first')).make();
    const next = await start('second');
    await next.unwritten.examine(signal);
    expect(next.state.state.releases).toEqual([]);
  });
});

describe('a release is written out', () => {
  test('behind its start; from then on no boot of the machine doubts it, whatever the application writes into it', async () => {
    const { start, flushed, stateDir } = machine({ builds: true });
    const first = await start('first');
    const { path } = await first.make();
    first.unwritten.writeOut(signal);
    await until('it is noted', () => !readFileSync(join(stateDir, 'state.json'), 'utf8').includes('"boot"'));
    expect(flushed).toEqual([path]);
    writeFileSync(join(path, 'two'), 'changed by the application');
    const next = await start('second');
    await next.unwritten.examine(signal);
    expect(next.state.current?.path).toBe(path);
    expect(readFileSync(join(path, 'two'), 'utf8')).toBe('changed by the application');
  });

  test('before its start with --durable; a disk that cannot write is the machine’s fault, not the revision’s', async () => {
    const { start } = machine({ durable: true });
    const first = await start('first');
    expect((await first.unwritten.require(await first.make(), signal)).boot).toBeUndefined();
    const broken = machine({ durable: true, flush: async () => Promise.reject(new Error('EIO')) });
    const other = await broken.start('first');
    await expect(other.unwritten.require(await other.make(), signal)).rejects.toBeInstanceOf(MachineFailure);
  });

  test('in vain where the disk refuses: nothing fails, and the next boot compares it', async () => {
    const { start } = machine({ flush: async () => Promise.reject(new Error('EIO')) });
    const first = await start('first');
    const { id } = await first.make();
    first.unwritten.writeOut(signal);
    const next = await start('second');
    await next.unwritten.examine(signal);
    expect(next.state.current).toMatchObject({ id, boot: 'second' });
  });
});
