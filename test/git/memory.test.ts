import { describe, expect, test } from 'vitest';
import { GitMemory } from '../../src/git/memory.ts';
import type { CommandResult } from '../../src/platform/process.ts';

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
    expect(memory.settings.length > 0).toBe(isTight);
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
