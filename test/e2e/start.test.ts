import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { read, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git, Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

function npmStart(...args: string[]) {
  const child = spawn('npm', ['start', '--', ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const state = { child, output: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (state.output += chunk.toString()));
  /** Until all that was started has closed its output. */
  const signal = async (to: number, name: NodeJS.Signals): Promise<void> => {
    const gone = new Promise((done) => child.once('close', done));
    process.kill(to, name);
    await gone;
  };
  /** As a terminal does it: to everyone in the foreground. */
  const interrupt = (): Promise<void> => signal(-(child.pid ?? 0), 'SIGINT');
  const signalNpm = (name: NodeJS.Signals): Promise<void> => signal(child.pid ?? 0, name);
  return { state, interrupt, signalNpm };
}

describe('npm start', () => {
  test('tells the whole story, takes a push of one’s own, and leaves nothing behind after Ctrl-C', async () => {
    const { state, interrupt } = npmStart();
    const url = await until('the URL is shown', () => /repository +(http:\S+)/.exec(state.output)?.[1]);
    const site = /application +(http:\S+)/.exec(state.output)?.[1] ?? '';
    const directory = /published +(\S+)\/sync\/current/.exec(state.output)?.[1] ?? '';
    await until('it is one’s turn', () => state.output.includes('Your turn'), 40_000);
    const told = state.output.replace(/[0-9a-f]{10}|\d+/g, '#');
    for (const line of [
      'published commit # in # ms\n',
      'commit # is running, # ms after the push',
      'the visitor reads: Hello from the second commit',
      'commit # is not deployed, the process before it keeps running: it exited with status #',
      'the visitor reads: Hello again',
    ])
      expect(told).toContain(line);
    expect(state.output).not.toMatch(/answers and [1-9]\d* failures/);
    const copy = tempDir();
    git(copy, 'clone', '-q', url, 'x');
    execFileSync(
      'sh',
      ['-c', `echo '{"greeting":"mine"}' > config/app.json && git commit -qam change && git push -q`],
      {
        cwd: join(copy, 'x'),
        env: GIT_ENV,
        stdio: 'pipe',
      },
    );
    await until('the push has arrived', async () => (await (await fetch(site)).text()) === 'mine\n');
    expect(read(directory, 'sync/current/config/app.json')).toContain('mine');
    await interrupt();
    expect(state.output).toContain('everything is stopped and removed');
    expect(existsSync(directory)).toBe(false);
  });

  test('passes its arguments to sync', async () => {
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const oid = upstream.commit({ a: '1' });
    const url = await httpGit(dir);
    const { state, interrupt } = npmStart(
      `--repo=${url}/repo.git`,
      `--root=${dir}/root`,
      '--link=link',
      '--period=50ms',
    );
    await untilPublished(join(dir, 'root/link'), oid);
    await interrupt();
    expect(state.output).toContain('"published"');
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('a %s that only npm gets ends everything too', async (name) => {
    const dir = tempDir();
    const oid = new Upstream(dir).commit({ a: '1' });
    const { state, signalNpm } = npmStart(`--repo=${dir}/repo.git`, `--root=${dir}/root`, '--link=link');
    await untilPublished(join(dir, 'root/link'), oid);
    await signalNpm(name);
    expect(state.output).toContain('"stopped"');
  });
});
