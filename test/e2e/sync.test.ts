import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { published, read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

describe('sync over smart HTTP', () => {
  test('publishes the first commit and every later one under a relative link named after it', async () => {
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const first = upstream.commit({ 'a.txt': 'one', 'd/b.txt': 'x' });
    const url = await httpGit(dir);
    const root = join(dir, 'root');
    const process = sidecar([`--repo=${url}/repo.git`, `--root=${root}`, '--link=current', '--period=50ms']);
    const link = join(root, 'current');
    await untilPublished(link, first, process);
    expect(readlinkSync(link)).toBe(`.worktrees/${first}`);
    expect(read(link, 'a.txt')).toBe('one');

    const second = upstream.commit({ 'a.txt': 'two', 'd/b.txt': null });
    await untilPublished(link, second, process);
    expect(read(link, 'a.txt')).toBe('two');
    expect(existsSync(join(link, 'd'))).toBe(false);
    await until('the old tree is gone', () => readdirSync(join(root, '.worktrees')).join() === second);
    const end = await process.stop();
    expect(end.code).toBe(143);
  });

  test('an idle poll is one request and starts no process', async () => {
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const oid = upstream.commit({ a: '1' });
    const url = await httpGit(dir);
    const root = join(dir, 'root');
    const process = sidecar([
      `--repo=${url}/repo.git`,
      `--root=${root}`,
      '--period=30ms',
      '-v',
      '5',
      '--http-bind=127.0.0.1:0',
      '--http-metrics',
    ]);
    await untilPublished(join(root, 'repo.git'), oid, process);
    const { port } = await process.logged('serving HTTP');
    const scrape = async (): Promise<Record<string, number>> => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
      return {
        requests: value('git_sidecar_requests_sent'),
        processes: value('git_sidecar_git_processes_started'),
        polls: value('git_sync_count_total{status="noop"}'),
      };
    };
    const before = await scrape();
    let after = before;
    await until('there were some idle polls', async () => {
      after = await scrape();
      return (after.polls ?? 0) >= (before.polls ?? 0) + 6;
    });
    const polls = (after.polls ?? 0) - (before.polls ?? 0);
    expect(Math.abs((after.requests ?? 0) - (before.requests ?? 0) - polls)).toBeLessThanOrEqual(1);
    expect(after.processes).toBe(before.processes);
  });

  test('publishes nothing when the ref does not exist', async () => {
    const dir = tempDir();
    new Upstream(dir).commit({ a: '1' });
    const url = await httpGit(dir);
    const root = join(dir, 'root');
    const { code, stderr } = await run([`--repo=${url}/repo.git`, `--root=${root}`, '--ref=nope', '--one-time']);
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_REMOTE_REF');
    expect(published(join(root, 'repo.git'))).toBeUndefined();
    expect(() => lstatSync(join(root, 'repo.git'))).toThrow();
  });
});
