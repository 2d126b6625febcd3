import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { Releases } from '../kit/releases.ts';
import { run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { until } from '../peers/wait.ts';

async function setUp() {
  const dir = tempDir();
  const upstream = new Releases(dir);
  const git = await httpGit(dir);
  const repo = `${git}/repo.git`;
  const root = join(dir, 'root');
  const link = join(root, 'link');
  const args = [`--repo=${repo}`, `--root=${root}`, '--link=link', '--period=50ms'];
  return { dir, upstream, repo, link, args };
}

describe('a sync of versions', () => {
  test('follows the newest tag in its range, whatever is pushed beside it', async () => {
    const { upstream, link, args } = await setUp();
    upstream.release('v1.1.0');
    const first = upstream.release('v1.2.0', { annotated: true });
    upstream.release('v1.3.0-rc.1');
    upstream.release('v2.0.0');
    upstream.release('nightly');
    const process = sidecar([...args, '--ref-semver=>=1 <2']);
    await untilPublished(link, first, process);
    upstream.release('v1.1.1');
    const second = upstream.release('v1.10.0');
    await untilPublished(link, second, process);
    expect(process.count('sync failed')).toBe(0);
  });

  test('follows a tag that moves, and goes back when the newest one is deleted', async () => {
    const { upstream, link, args } = await setUp();
    const first = upstream.release('v1.0.0');
    upstream.release('v1.1.0');
    const process = sidecar([...args, '--ref-semver=*']);
    const moved = upstream.release('v1.1.0');
    await untilPublished(link, moved, process);
    upstream.withdraw('v1.1.0');
    await untilPublished(link, first, process);
  });

  test('says what is there when nothing matches, and publishes as soon as something does', async () => {
    const { upstream, link, args } = await setUp();
    upstream.release('v1.0.0');
    upstream.release('latest');
    const process = sidecar([...args, '--ref-semver=^3', '--max-failures=-1']);
    const line = await process.logged('ERR_REMOTE_NO_MATCH');
    expect(line.error).toContain('v1.0.0');
    expect(line.error).toContain('latest');
    const first = upstream.release('v3.0.0');
    await untilPublished(link, first, process);
  });

  test('follows the newest branch of a pattern', async () => {
    const { upstream, link, args } = await setUp();
    upstream.commit({ a: '1' });
    upstream.push('HEAD:refs/heads/release/1.9');
    const second = upstream.commit({ a: '2' });
    upstream.push('HEAD:refs/heads/release/1.10', 'HEAD:refs/heads/other/2');
    const process = sidecar([...args, '--ref-pattern=release/*']);
    await untilPublished(link, second, process);
    await until('it was polled', () => process.count('sync failed') === 0);
  });
});

test.each([
  [['--ref-semver=>=1', '--ref=main'], 'only one of --ref-semver and --ref'],
  [['--ref-semver=latest'], 'is no range of versions'],
  [['--ref-pattern=main'], 'has no wildcard'],
  [['--ref-pattern=[a-z]*'], 'is no pattern of ref names'],
])('%j is refused before anything is asked', async (options, text) => {
  const { args } = await setUp();
  const { code, stderr } = await run([...args, ...options]);
  expect(code).toBe(1);
  expect(stderr).toContain(text);
});
