import { describe, expect, test } from 'vitest';
import { GitMemory } from '../../src/git/memory.ts';
import type { CommandResult } from '../../src/platform/process/runner.ts';

const MEBIBYTE = 2 ** 20;
const ended = (how: Partial<CommandResult>): CommandResult => ({
  code: null,
  signal: null,
  stdout: Buffer.alloc(0),
  stderr: '',
  truncated: false,
  endedBy: undefined,
  ...how,
});

/** A group in which the kernel kills one more process whenever `kill` is called. */
function group(limit: number | undefined, counts = true) {
  let kills = 0;
  return {
    limit: limit === undefined ? undefined : limit * MEBIBYTE,
    kills: () => (counts ? kills : undefined),
    kill: () => {
      kills += 1;
    },
  };
}

describe('git and memory', () => {
  test.each([
    [32, true],
    [256, true],
    [257, false],
    [undefined, false],
  ])('under a limit of %s MiB it saves memory from the start: %s', (limit, isTight) => {
    const memory = new GitMemory(group(limit));
    expect(memory.isTight).toBe(isTight);
    expect(memory.settings.some(({ key }) => key === 'core.packedGitLimit')).toBe(isTight);
  });

  test('for each limit git gets settings that fit into it, and its own where there is plenty', () => {
    const settingsOf = (limit: number | undefined): Record<string, string> =>
      Object.fromEntries(new GitMemory(group(limit)).settings.map(({ key, value }) => [key, value]));
    for (const limit of [257, 300, 512, 1024, 4096, 8191]) {
      const settings = settingsOf(limit);
      const threads = Number(settings['pack.threads']);
      const mebibytes = (key: string): number => Number(/^([1-9]\d*)m$/.exec(settings[key] ?? '')?.[1]);
      expect(threads, `${limit}`).toBeGreaterThan(0);
      const most = threads * (mebibytes('core.deltaBaseCacheLimit') + mebibytes('pack.windowMemory'));
      expect(most + 2 * mebibytes('core.bigFileThreshold'), `${limit}`).toBeLessThan(limit / 2);
    }
    expect(settingsOf(8192)).toEqual({});
    expect(settingsOf(undefined)).toEqual({});
  });

  test.each([
    [12, 0, { limit_mib: 12, needed_mib: 26 }],
    [28, 50_000, { limit_mib: 28, needed_mib: 34, objects: 50_000 }],
    [32, 500_000, { limit_mib: 32, needed_mib: 124, objects: 500_000 }],
    [24, 0, { limit_mib: 24, needed_mib: 26 }],
    [32, 10_000, undefined],
    [96, 300_000, undefined],
    [undefined, 10_000_000, undefined],
  ])(
    'a limit of %s MiB for %s objects is warned of once, before the kernel ends anything: %j',
    (limit, objects, said) => {
      const lines: unknown[] = [];
      const memory = new GitMemory(group(limit), { warn: (_message, fields) => lines.push(fields) });
      memory.expect(objects);
      memory.expect(objects + 1);
      expect(lines).toHaveLength(said ? 1 : 0);
      if (said) expect(lines[0]).toMatchObject({ ...said, hint: expect.stringContaining(`${said.needed_mib} MiB`) });
    },
  );

  test('a repository that needs much more than the first warning said is worth a second one', () => {
    const needs: unknown[] = [];
    const memory = new GitMemory(group(16), { warn: (_message, fields) => needs.push(fields?.needed_mib) });
    for (const objects of [100, 12_000, 200_000, 210_000]) memory.expect(objects);
    expect(needs).toEqual([26, 64]);
  });

  test.each([
    ['is killed', { signal: 'SIGKILL' as const }],
    ['is killed below a shell', { code: 137 }],
    ['reports that a process of its own was killed', { code: 128, stderr: 'error: index-pack died of signal 9\n' }],
  ])('a git that %s while the kernel counts one more uses less from then on', (_what, how) => {
    const kernel = group(undefined);
    const memory = new GitMemory(kernel);
    kernel.kill();
    const error = memory.failureOf('fetch', undefined, ended(how));
    expect(error).toMatchObject({ code: 'ERR_GIT_MEMORY', class: 'retry' });
    expect(error?.detail).toBe('git ran out of memory (the kernel killed it); from now on it uses less');
    expect(memory.isTight).toBe(true);
  });

  test('a git that somebody killed while the kernel counts none more did not run out of memory', () => {
    const memory = new GitMemory(group(512));
    expect(memory.failureOf('fetch', undefined, ended({ signal: 'SIGKILL' }))).toBeUndefined();
    expect(memory.isTight).toBe(false);
  });

  test('where the kernel counts for nobody, a killed git is taken for one that ran out of memory', () => {
    const memory = new GitMemory(group(undefined, false));
    expect(memory.failureOf('fetch', undefined, ended({ signal: 'SIGKILL' }))?.code).toBe('ERR_GIT_MEMORY');
  });

  test.each([
    'fatal: Out of memory, malloc failed (tried to allocate 52428801 bytes)',
    'fatal: mmap failed: Cannot allocate memory',
    'fatal: unable to create thread: Resource temporarily unavailable',
  ])('"%s" is a lack of memory', (stderr) => {
    expect(new GitMemory(group(512)).failureOf('check out', 'x', ended({ code: 128, stderr }))?.code).toBe(
      'ERR_GIT_MEMORY',
    );
  });

  test('when saving was not enough, the error says what limit to set', () => {
    const kernel = group(32);
    const memory = new GitMemory(kernel);
    kernel.kill();
    const error = memory.failureOf('fetch', undefined, ended({ signal: 'SIGKILL' }));
    expect(error?.detail).toContain('within the limit of 32 MiB');
    expect(error?.hint).toContain('to 64 MiB');
  });

  test('any other failure is none of its business', () => {
    const memory = new GitMemory(group(32));
    expect(memory.failureOf('fetch', undefined, ended({ code: 128, stderr: 'fatal: not found' }))).toBeUndefined();
  });
});
