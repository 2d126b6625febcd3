import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { read, run, untilPublished } from '../kit/sidecar.ts';
import { until } from '../peers/wait.ts';

/** A program of this name, with a worker of the same name, that writes down each SIGHUP. */
function server(dir: string, name: string) {
  const path = script(
    join(dir, name),
    `if [ "$1" = worker ]; then trap 'echo worker >> ${dir}/heard' HUP; while :; do sleep 0.05; done; fi`,
    `trap 'echo server >> ${dir}/heard' HUP`,
    `$0 worker & echo $$ > ${dir}/pid; while :; do sleep 0.05; done`,
  );
  const child = spawn(path, { stdio: 'ignore', detached: true });
  onTestFinished(() => void process.kill(-(child.pid ?? 0), 'SIGKILL'));
  return until('it runs', () => read(dir, 'pid'));
}

describe('sync --signal', () => {
  test.each([
    ['a name', (_dir: string, name: string) => name],
    ['a file with its id', (dir: string) => `pidfile:${dir}/pid`],
  ])('the process is found by %s, hears of each publish, and its workers do not', async (_what, target) => {
    const { dir, upstream, first, link, start } = fixture();
    const name = `srv${process.pid}`;
    await server(dir, name);
    const sidecar = start('--signal=HUP', `--signal-process=${target(dir, name)}`);
    await untilPublished(link, first, sidecar);
    await until('it heard', () => read(dir, 'heard') === 'server\n');
    await untilPublished(link, upstream.commit({ a: 'two' }), sidecar);
    await until('it heard again', () => read(dir, 'heard') === 'server\nserver\n');
  });

  test.each([
    ['a name', (_dir: string, name: string) => name],
    ['a file with its id', (dir: string) => `pidfile:${dir}/pid`],
  ])('a process (%s) that is not there yet is no error, and is signalled when it comes', async (_what, target) => {
    const { dir, first, link, start } = fixture();
    const name = `late${process.pid}`;
    const sidecar = start(
      '--signal=HUP',
      `--signal-process=${target(dir, name)}`,
      '--exechook-backoff=1s',
      '--exechook-command=/bin/true',
    );
    await untilPublished(link, first, sidecar);
    await sidecar.logged('there is no listener yet');
    await server(dir, name);
    await until('it heard', () => read(dir, 'heard') === 'server\n');
    expect(sidecar.stderr).not.toContain('ERR_');
    expect(sidecar.count('there is no listener yet')).toBe(1);
  });

  test('--one-time without the process is a failure: nobody would signal it later', async () => {
    const { args } = fixture();
    const { code, stderr } = await run([...args, '--one-time', '--signal=HUP', '--signal-process=nobody-of-this-name']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('ERR_NOTIFY_SIGNAL')]);
  });

  test.each([
    [['--signal=HUP'], 'belong together'],
    [['--signal=KILL', '--signal-process=x'], 'not a signal that can be caught'],
  ])('%j is refused', async (options, message) => {
    const { args } = fixture();
    const { code, stderr } = await run([...args, ...options]);
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  });
});
