import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { FollowedStderr } from '../../src/run/followed-stderr.ts';
import { Instance } from '../../src/run/instance.ts';
import { tempDir } from '../kit/temp.ts';
import { until } from '../peers/wait.ts';

const ENV = { PATH: process.env.PATH ?? '' };

/** Starts a shell script whose standard error is followed and goes to a file. */
async function start(script: string, lines = 10) {
  const dir = tempDir();
  const file = join(dir, 'passed-on');
  const to = openSync(file, 'w');
  const runner = createProcessRunner();
  const stderr = await FollowedStderr.open({ directory: dir, env: ENV, runner, to, lines });
  const stop = { signal: 'SIGTERM', timeoutMs: 5000 } as const;
  const options = { cwd: dir, env: ENV, port: undefined, stop, clock: systemClock, stderr };
  const instance = await Instance.start({ ...options, command: ['/bin/sh', '-c', script] });
  return { dir, instance, passedOn: () => readFileSync(file), close: () => closeSync(to) };
}

describe('the standard error of a process that is followed', () => {
  test('is passed on byte by byte, also bytes that are no text and a last line without an end', async () => {
    const { instance, passedOn, dir } = await start(String.raw`printf 'one\n\377\000two\r\nlast' >&2; exit 3`);
    expect(await instance.exited).toEqual({ code: 3, signal: null });
    expect(passedOn()).toEqual(Buffer.from('one\n\xff\x00two\r\nlast', 'latin1'));
    expect(instance.lastLines.at(-1)).toBe('last');
    expect(readdirSync(dir)).toEqual(['passed-on']);
  });

  test('is passed on whole when it is much, and the last lines are kept', async () => {
    const { instance, passedOn } = await start(
      'i=0; while [ $i -lt 60000 ]; do echo "line $i of many" >&2; i=$((i+1)); done',
      3,
    );
    await instance.exited;
    await until('all of it is passed on', () => passedOn().toString().endsWith('line 59999 of many\n'));
    const expected = Array.from({ length: 60_000 }, (_, index) => `line ${index} of many\n`).join('');
    expect(passedOn().toString() === expected).toBe(true);
    expect(instance.lastLines).toEqual([59_997, 59_998, 59_999].map((index) => `line ${index} of many`));
  });

  test('shows none of a line whose beginning is not kept: it could begin in the middle of a secret', async () => {
    const { instance } = await start('head -c 100000 /dev/zero | tr "\\0" x >&2; echo >&2; echo end >&2');
    await instance.exited;
    expect(instance.lastLines).toEqual(['end']);
  });

  test('is passed on when something that the process started writes after its end', async () => {
    const waiting = 'touch there; while [ ! -e go ]; do sleep 0.05; done; echo later >&2';
    // It is in another session, and carries no mark by which it could be found.
    const { instance, passedOn, dir } = await start(
      `env -i PATH="$PATH" setsid sh -c '${waiting}' & while [ ! -e there ]; do sleep 0.05; done`,
    );
    await instance.gone;
    expect(passedOn().toString()).toBe('');
    writeFileSync(join(dir, 'go'), '');
    await until('it is passed on', () => passedOn().toString() === 'later\n');
  });

  test('is not waited for when the command cannot be started', async () => {
    const dir = tempDir();
    const runner = createProcessRunner();
    const to = openSync('/dev/null', 'w');
    const stderr = await FollowedStderr.open({ directory: dir, env: ENV, runner, to, lines: 10 });
    const stop = { signal: 'SIGTERM', timeoutMs: 5000 } as const;
    const options = { cwd: dir, env: ENV, port: undefined, stop, clock: systemClock, stderr };
    await expect(Instance.start({ ...options, command: ['/no/such/program'] })).rejects.toThrow(/no\/such/);
    await stderr.settled();
    expect(existsSync(dir)).toBe(true);
    closeSync(to);
  });

  test('cannot be followed where a named pipe cannot be made, and that is said', async () => {
    const runner = createProcessRunner();
    const options = { directory: '/no/such/directory', env: ENV, runner, to: 2, lines: 10 };
    await expect(FollowedStderr.open(options)).rejects.toThrow(/its output cannot be followed/);
    await expect(FollowedStderr.open({ ...options, directory: tempDir(), env: { PATH: '/none' } })).rejects.toThrow(
      /there is no mkfifo/,
    );
  });
});
