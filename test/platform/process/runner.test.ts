import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { buildSync } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { createProcessRunner, type ProcessRunner } from '../../../src/platform/process/runner.ts';
import { createSeparateRunner } from '../../../src/platform/process/separate-runner.ts';
import { tempDir } from '../../kit/temp.ts';
import { until } from '../../peers/wait.ts';

const env = { PATH: process.env.PATH ?? '' };
const sh = (script: string) => ({ file: '/bin/sh', args: ['-c', script], env });

const RUNNERS: readonly [string, () => ProcessRunner][] = [
  ['by this process', createProcessRunner],
  ['by a process of their own', () => createSeparateRunner(resolve('dist/runner.cjs'))],
];

describe.each(RUNNERS)('processes that are started %s', (_where, makeRunner) => {
  test('gives status, output and error output; feeds standard input', async () => {
    const result = await makeRunner().run({ ...sh('cat; echo err >&2; exit 3'), stdin: 'in' });
    expect([result.code, result.stdout.toString(), result.stderr]).toEqual([3, 'in', 'err\n']);
  });

  test('hands down the given environment and nothing else', async () => {
    const result = await makeRunner().run({ file: '/usr/bin/env', args: [], env: { ONLY: 'this' } });
    expect(result.stdout.toString()).toBe('ONLY=this\n');
  });

  test('a timeout ends the whole group, one that ignores SIGTERM included', async () => {
    const file = join(tempDir(), 'pid');
    // Longer than this test may take: a command that is waited for would end it.
    const command = `trap '' TERM; (trap '' TERM; sleep 600) & echo $! > ${file}; sleep 600`;
    const running = makeRunner().run({ ...sh(command), timeoutMs: 5000 });
    const grandchild = await until('the grandchild runs', () => Number(existsSync(file) && readFileSync(file, 'utf8')));
    expect((await running).endedBy).toBe('timeout');
    await until('the grandchild is gone', () => !existsSync(`/proc/${grandchild}/fd/0`));
  });

  test('a grandchild that holds the pipe does not hold us', async () => {
    const result = await makeRunner().run({ ...sh('sleep 600 & echo done $!'), endGroup: false });
    const [, pid] = /^done (\d+)\n$/.exec(result.stdout.toString()) ?? [];
    process.kill(Number(pid), 'SIGKILL');
  });

  test('a grandchild in a session of its own that holds the pipe does not hold a reader of ours', async () => {
    const taken: string[] = [];
    const result = await makeRunner().run({
      ...sh('setsid sleep 8 & echo done'),
      stdoutSink: async (chunk) => void taken.push(chunk.toString()),
    });
    expect([result.code, taken]).toEqual([0, ['done\n']]);
  });

  test('a reader of ours that never comes back is let go when the signal fires', async () => {
    const stop = new AbortController();
    const running = makeRunner().run({
      ...sh('echo done'),
      stdoutSink: () => new Promise(() => undefined),
      signal: stop.signal,
    });
    await delay(300);
    stop.abort();
    expect((await running).endedBy).toBe('abort');
  });

  test('ends with the command while the source of its input still has to give something, and releases that', async () => {
    let released = 0;
    const source: AsyncIterableIterator<Buffer> = {
      next: () => new Promise(() => undefined),
      return: async () => {
        released += 1;
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => source,
    };
    const result = await makeRunner().run({ ...sh('exit 7'), stdin: source });
    expect([result.code, released]).toEqual([7, 1]);
  });

  test('a source that fails ends the command, and its failure is what is told', async () => {
    async function* source() {
      yield Buffer.from('some');
      throw new Error('the source broke');
    }
    await expect(makeRunner().run({ ...sh('cat; sleep 60'), stdin: source() })).rejects.toThrow('the source broke');
  });

  test('starts nothing once its signal has fired', async () => {
    const file = join(tempDir(), 'started');
    const result = await makeRunner().run({ ...sh(`touch ${file}`), signal: AbortSignal.abort() });
    expect([result.endedBy, existsSync(file)]).toEqual(['abort', false]);
  });

  test('output beyond the limit is dropped, the command runs on', async () => {
    const result = await makeRunner().run({ ...sh('head -c 100000 /dev/zero'), maxOutputBytes: 10 });
    expect([result.code, result.stdout.length]).toEqual([0, 10]);
  });

  test('a command that does not exist rejects with ENOENT', async () => {
    await expect(makeRunner().run({ file: '/no/such', args: [], env })).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  test('endAll ends everything that runs', async () => {
    const runner = makeRunner();
    const running = [runner.run(sh('sleep 600')), runner.run(sh('sleep 600'))];
    await runner.endAll();
    for (const result of await Promise.all(running)) expect(result.signal).toBe('SIGTERM');
  });

  test('endAll ends the wait for a reader of ours that never comes back', async () => {
    const runner = makeRunner();
    let isRead = false;
    const stdoutSink = async (): Promise<void> => {
      isRead = true;
      await new Promise(() => undefined);
    };
    const running = runner.run({ ...sh('echo done'), stdoutSink });
    await until('it is read', () => isRead);
    await runner.endAll();
    expect((await running).endedBy).toBe('abort');
  });
});

test('what a process of another process writes comes whole and in order, at the pace of who takes it', async () => {
  const taken: Buffer[] = [];
  const script = 'i=0; while [ $i -lt 20000 ]; do echo "line $i of many"; i=$((i+1)); done';
  const result = await createSeparateRunner(resolve('dist/runner.cjs')).run({
    ...sh(script),
    stdoutSink: async (chunk) => {
      taken.push(chunk);
      await delay(1);
    },
  });
  const lines = Buffer.concat(taken).toString().trimEnd().split('\n');
  expect([result.code, lines.length, lines.at(-1)]).toEqual([0, 20_000, 'line 19999 of many']);
});

test('input that comes in pieces from another process is written whole', async () => {
  async function* source() {
    for (let index = 0; index < 50; index += 1) yield Buffer.alloc(10_000, 'a');
  }
  const runner = createSeparateRunner(resolve('dist/runner.cjs'));
  const result = await runner.run({ ...sh('wc -c'), stdin: source() });
  expect(result.stdout.toString().trim()).toBe('500000');
});

describe('the process that starts processes', () => {
  /** Those that run `word` as an argument. */
  const running = (word: string): number[] =>
    readdirSync('/proc')
      .filter((name) => /^[0-9]+$/.test(name))
      .map(Number)
      .filter((pid) => argumentsOf(pid).includes(word));

  function argumentsOf(pid: number): string[] {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    } catch {
      return [];
    }
  }

  const parentOf = (pid: number): number =>
    Number(/^PPid:\t([0-9]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

  test('when it is killed, what it started ends too, and the next command runs', async () => {
    const runner = createSeparateRunner(resolve('dist/runner.cjs'));
    let said = '';
    const onStdout = (text: string): void => {
      said += text;
    };
    const failed = runner.run({ ...sh('echo up; exec sleep 61.25'), onStdout }).catch((error: unknown) => error);
    await until('it runs', () => said !== '' && running('61.25')[0]);
    process.kill(parentOf(running('61.25')[0] as number), 'SIGKILL');
    expect(await failed).toBeInstanceOf(Error);
    await until('it is gone', () => running('61.25').length === 0 || undefined);
    expect((await runner.run(sh('echo again'))).stdout.toString()).toBe('again\n');
  });

  test.each([
    ['started', ''],
    ['started, also where its output waits for a reader', 'stdoutSink: () => new Promise(() => undefined),'],
  ])('ends, with all that it %s, when the process that it works for is killed', async (_what, more) => {
    const outfile = join(tempDir(), 'owner.mjs');
    const contents = `
      import { createSeparateRunner } from './src/platform/process/separate-runner.ts';
      const runner = createSeparateRunner(${JSON.stringify(resolve('dist/runner.cjs'))});
      setInterval(() => undefined, 1000);
      await runner.run({ file: '/bin/sh', args: ['-c', 'echo up; exec sleep 62.25'], ${more} env: ${JSON.stringify(env)} });`;
    const stdin = { contents, resolveDir: resolve('.'), loader: 'ts' } as const;
    buildSync({ stdin, outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20' });
    const owner = spawn(process.execPath, [outfile], { stdio: 'ignore' });
    await until('it runs', () => running('62.25')[0]);
    const starter = parentOf(running('62.25')[0] as number);
    owner.kill('SIGKILL');
    await until('all is gone', () => (running('62.25').length === 0 && argumentsOf(starter).length === 0) || undefined);
  });
});
