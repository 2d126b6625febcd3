import { describe, expect, test } from 'vitest';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { runLine } from '../../src/run/shell-line.ts';

const runner = createProcessRunner();

async function run(line: string, timeoutMs = 20_000, cwd = '/') {
  const { signal } = new AbortController();
  const env = { PATH: process.env.PATH ?? '' };
  return await runLine(runner, { line, env, cwd, timeoutMs, signal, write: () => undefined });
}

test.each([
  ['printf "one\\ntwo\\n\\n"; exit 1', 'two'],
  ['printf "one\\n  two"; exit 1', 'two'],
  ['exit 1', ''],
  // The beginning of a very long line is not known, and it can hold a part of a secret.
  ['head -c 20000 /dev/zero | tr "\\0" x; exit 1', ''],
])('of what %s prints the last line is kept', async (line, expected) => {
  expect(await run(line)).toMatchObject({ lastLine: expected });
});

describe('whose fault it is that a build failed', () => {
  test.each([
    ['a status', 'exit 7', { reason: 'it ended with status 7', isMachines: false, isLate: false }],
    ['a crash', 'kill -SEGV $$', { reason: 'it was ended by SIGSEGV', isMachines: false, isLate: false }],
    [
      'killed for want of memory',
      'kill -KILL $$',
      { reason: 'it was ended by SIGKILL', isMachines: true, isLate: false },
    ],
    [
      'a part of it killed so',
      "sh -c 'kill -KILL $$'",
      { reason: 'it ended with status 137', isMachines: true, isLate: false },
    ],
    [
      'a full disk',
      'echo "ENOSPC: no space left on device, write"; exit 1',
      { reason: 'it ended with status 1', isMachines: true, isLate: false },
    ],
    [
      'no process to be had',
      "echo 'sh: 1: Cannot fork'; exit 2",
      { reason: 'it ended with status 2', isMachines: true, isLate: false },
    ],
    [
      'a name that cannot be resolved',
      "echo 'fatal: unable to access: Could not resolve host: git.example.com'; exit 128",
      { reason: 'it ended with status 128', isMachines: true, isLate: false },
    ],
  ])('%s', async (_what, line, expected) => {
    const { lastLine: _printed, ...failure } = (await run(line)) ?? { lastLine: '' };
    expect(failure).toEqual(expected);
  });

  test('one that we ended is not the machine’s', async () => {
    expect(await run("trap '' TERM; sleep 30", 50)).toEqual({
      reason: 'it took longer than 0.05 s',
      isMachines: false,
      isLate: true,
      lastLine: '',
    });
  });

  test('a shell that cannot be started: by the system error', async () => {
    expect(await run('true', 1000, '/no/such/directory')).toMatchObject({ isMachines: false });
    const broken = {
      ...runner,
      run: async () => Promise.reject(Object.assign(new Error('spawn'), { code: 'EAGAIN' })),
    };
    const options = { line: 'true', env: {}, cwd: '/', timeoutMs: 1, signal: new AbortController().signal };
    expect(await runLine(broken, { ...options, write: () => undefined })).toEqual({
      reason: 'spawn',
      isMachines: true,
      isLate: false,
      lastLine: '',
    });
  });
});
