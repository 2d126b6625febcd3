import { EventEmitter } from 'node:events';
import { type FSWatcher, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import type { Logger } from '../../src/platform/log.ts';
import { LinkWatch, type WatchDirectory } from '../../src/run/follow-link.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { until } from '../peers/wait.ts';

function fails(code: string): WatchDirectory {
  return () => {
    throw Object.assign(new Error(`${code}: system error`), { code });
  };
}

async function follow(watchWith?: WatchDirectory, directory = tempDir()) {
  const warnings: Record<string, unknown>[] = [];
  const log: Logger = { ...silentLog, warn: (_message, fields = {}) => void warnings.push(fields) };
  let changes = 0;
  const link = join(directory, 'current');
  const onChange = (): void => {
    changes += 1;
  };
  const watch = new LinkWatch({ link, recheckMs: 20, clock: systemClock, log, onChange }, watchWith);
  onTestFinished(() => watch.close());
  return { link, warnings, changes: () => changes };
}

describe('following a link', () => {
  test.each([
    ['EMFILE', 'fs.inotify.max_user_instances'],
    ['ENFILE', 'fs.inotify.max_user_instances'],
    ['ENOSPC', 'fs.inotify.max_user_watches'],
    ['EACCES', 'EACCES'],
  ])('goes on by reading it again when it cannot be watched (%s), and says so once', async (code, named) => {
    const it = await follow(fails(code));
    await until('it is read again, more than once', () => it.changes() > 3);
    expect(it.warnings).toHaveLength(1);
    expect(it.warnings[0]?.reason).toContain(named);
  });

  test('goes on when the watch breaks later, and watches again when that is possible', async () => {
    const made: EventEmitter[] = [];
    const it = await follow(() => {
      const watcher = Object.assign(new EventEmitter(), { close: () => undefined });
      made.push(watcher);
      return watcher as unknown as FSWatcher;
    });
    made[0]?.emit('error', Object.assign(new Error('gone'), { code: 'EMFILE' }));
    await until('there is a new watch', () => made.length === 2);
    expect(it.warnings).toHaveLength(1);
  });

  test('is refused where the directory of the link is missing', async () => {
    await expect(follow(undefined, join(tempDir(), 'no', 'where'))).rejects.toMatchObject({ code: 'ERR_RUN_LINK' });
  });

  test('hears of a change of the link', async () => {
    const directory = tempDir();
    const it = await follow(undefined, directory);
    const before = it.changes();
    symlinkSync('one', join(directory, 'new'));
    renameSync(join(directory, 'new'), it.link);
    await until('it is told', () => it.changes() > before);
    expect(it.warnings).toEqual([]);
  });
});
