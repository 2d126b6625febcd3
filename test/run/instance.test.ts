import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import type { MarkedProcess } from '../../src/platform/marked-processes.ts';
import { Instance } from '../../src/run/instance.ts';
import { tempDir } from '../kit/temp.ts';
import { until } from '../peers/wait.ts';

const isAlive = (pid: number): boolean => {
  const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : 'State: Z';
  return !/^State:\s+[ZX]/m.test(status);
};

async function start(script: string) {
  const leftovers: MarkedProcess[] = [];
  const instance = await Instance.start({
    command: ['sh', '-c', script],
    cwd: '/',
    env: { PATH: process.env.PATH ?? '' },
    port: undefined,
    clock: systemClock,
    stop: { signal: 'SIGTERM', timeoutMs: 500 },
    onLeftovers: (found) => leftovers.push(...found),
  });
  onTestFinished(() => instance.stop());
  return { instance, leftovers };
}

describe('a daemon that the process started in a session of its own', () => {
  const daemon = (file: string, body: string) => `setsid sh -c 'echo $$ > ${file}; ${body}' & wait; exec sleep 100`;

  test.each([
    ['ends with it', 'exec sleep 100'],
    ['ends with it, however stubborn', 'trap : TERM; while :; do sleep 0.1; done'],
  ])('%s, and is named', async (_what, body) => {
    const file = join(tempDir(), 'pid');
    const { instance, leftovers } = await start(daemon(file, body));
    await until('it runs', () => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
    const pid = Number(readFileSync(file, 'utf8'));
    expect(isAlive(pid)).toBe(true);
    await instance.stop();
    expect(isAlive(pid)).toBe(false);
    expect(leftovers.map((each) => each.pid)).toContain(pid);
  });

  test('ends as well when the process ended; that of another instance goes on', async () => {
    const dir = tempDir();
    const other = await start(daemon(join(dir, 'other'), 'exec sleep 100'));
    const { instance } = await start(
      `setsid sh -c 'echo $$ > ${dir}/own; exec sleep 100' & while [ ! -s ${dir}/own ]; do sleep 0.02; done; exit 3`,
    );
    await instance.gone;
    await until(
      'the other runs',
      () => existsSync(join(dir, 'other')) && readFileSync(join(dir, 'other'), 'utf8') !== '',
    );
    expect(isAlive(Number(readFileSync(join(dir, 'own'), 'utf8')))).toBe(false);
    expect(isAlive(Number(readFileSync(join(dir, 'other'), 'utf8')))).toBe(true);
    await other.instance.stop();
  });
});
