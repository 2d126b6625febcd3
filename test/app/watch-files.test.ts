import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { watchFiles } from '../../src/app/watch-files.ts';
import { HandClock } from '../kit/hand-clock.ts';
import { tempDir } from '../kit/temp.ts';
import { until } from '../peers/wait.ts';

async function setUp(path: string) {
  const clock = new HandClock();
  const stop = new AbortController();
  let changes = 0;
  const onChange = async (): Promise<void> => {
    changes += 1;
  };
  const done = watchFiles({ files: () => [path], clock, signal: stop.signal, onChange });
  const changed = async (count: number): Promise<void> =>
    void (await until(`${count} changes are seen`, async () => {
      await clock.advance(500);
      return changes === count;
    }));
  // What it read before may be old already.
  await until('it reads at the start', () => changes === 1);
  changes = 0;
  const end = async (): Promise<void> => {
    stop.abort();
    await done;
  };
  return { clock, changed, count: () => changes, end };
}

describe('a file that is watched', () => {
  test('and written anew is noticed once', async () => {
    const path = join(tempDir(), 'doc.yaml');
    writeFileSync(path, 'one');
    const watch = await setUp(path);
    await watch.clock.advance(1000);
    writeFileSync(path, 'other');
    await watch.changed(1);
    for (let looks = 0; looks < 10; looks += 1) await watch.clock.advance(1000);
    expect(watch.count()).toBe(1);
    await watch.end();
  });

  test('below a directory link that flips, as in a ConfigMap, is noticed', async () => {
    const directory = tempDir();
    for (const name of ['..1', '..2']) {
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, 'doc.yaml'), name);
    }
    symlinkSync('..1', join(directory, '..data'));
    symlinkSync('..data/doc.yaml', join(directory, 'doc.yaml'));
    const watch = await setUp(join(directory, 'doc.yaml'));
    await watch.clock.advance(1000);
    symlinkSync('..2', join(directory, '..tmp'));
    renameSync(join(directory, '..tmp'), join(directory, '..data'));
    await watch.changed(1);
    await watch.end();
  });

  test('and vanishes is noticed, and so is its return', async () => {
    const path = join(tempDir(), 'doc.yaml');
    writeFileSync(path, 'one');
    const watch = await setUp(path);
    await watch.clock.advance(1000);
    renameSync(path, `${path}.away`);
    await watch.changed(1);
    renameSync(`${path}.away`, path);
    await watch.changed(2);
    await watch.end();
  });
});
