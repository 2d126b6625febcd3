import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { startRelay } from '../kit/relay.ts';
import { Releases } from '../kit/releases.ts';
import { read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

async function setUp() {
  const dir = tempDir();
  const upstream = new Releases(dir);
  const repo = `${await httpGit(dir)}/repo.git`;
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

  test('with --path, a release that changes nothing of it is no tag that moved, and what is published keeps its tag', async () => {
    const { dir, upstream, link, args } = await setUp();
    const first = upstream.release('v1.0.0', { files: { 'part/a': '1' } });
    const state = (): { ref?: string; oid?: string } =>
      JSON.parse(read(dir, 'root/.git/git-sidecar/state.json') ?? '{}');
    const process = sidecar([...args, '--ref-semver=*', '--path=part', '-v=3']);
    await until('the first is published', () => state().oid === first);
    const second = upstream.release('v1.1.0', { files: { beside: 'x' } });
    await process.logged('a commit changes nothing of what is published');
    const polls = process.count('polled');
    await until('it was asked about again', () => process.count('polled') > polls + 3);
    expect(state()).toMatchObject({ ref: 'refs/tags/v1.0.0', oid: first });
    expect(process.count('another ref is the newest')).toBe(1);
    expect(process.count('the tag has moved')).toBe(0);
    expect(process.logs.find(({ msg }) => msg === 'another ref is the newest')).toMatchObject({ hash: second });
    expect(readdirSync(link)).toEqual(['a']);
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

  test('says what is there when no name is like the pattern', async () => {
    const { upstream, args } = await setUp();
    upstream.release('v1.0.0');
    const process = sidecar([...args, '--ref-pattern=rel/*', '--max-failures=-1', '-v=3']);
    const line = await process.logged('ERR_REMOTE_NO_MATCH');
    expect(line.error).toContain('other refs are');
    expect(line.error).toContain('v1.0.0');
    await until('it was tried again', () => process.count('sync failed') >= 2);
    expect(process.logs.filter(({ error }) => error?.includes('other refs are')).length).toBeGreaterThan(1);
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

describe('a sync of the branch that was committed last', () => {
  async function setUpBranches(filter: boolean) {
    const scene = await setUp();
    const { upstream } = scene;
    git(upstream.bare, 'config', 'uploadpack.allowFilter', String(filter));
    return scene;
  }

  /** Commits with a committer date of its own, and pushes it. */
  function commitAt(upstream: Releases, ref: string, seconds: number): string {
    const tree = upstream.git('write-tree');
    const oid = execFileSync('git', ['commit-tree', '-m', ref, tree], {
      cwd: upstream.work,
      env: { ...GIT_ENV, GIT_COMMITTER_DATE: `@${seconds} +0000` },
    })
      .toString()
      .trim();
    upstream.push(`${oid}:${ref}`);
    return oid;
  }

  test('asks for the dates of new commits only, and follows the latest', async () => {
    const { upstream, link, args } = await setUpBranches(true);
    upstream.commit({ a: '1' });
    const late = commitAt(upstream, 'refs/heads/preview/a', 2000);
    commitAt(upstream, 'refs/heads/preview/b', 1000);
    const process = sidecar([...args, '--ref-pattern=preview/*', '--ref-order=committed', '-v=5']);
    await untilPublished(link, late, process);
    const asked = () => process.logs.filter(({ args: words }) => String(words).includes('--filter=tree:0')).length;
    expect(asked()).toBe(1);
    const later = commitAt(upstream, 'refs/heads/preview/c', 3000);
    await untilPublished(link, later, process);
    commitAt(upstream, 'refs/heads/preview/d', 500);
    await until('the dates of d were asked for', () => asked() === 3);
    upstream.git('push', '-q', 'origin', ':refs/heads/preview/c');
    await untilPublished(link, late, process);
    expect(asked()).toBe(3);
  });

  test('says why where the server gives out no commits without files', async () => {
    const { upstream, args } = await setUpBranches(false);
    upstream.commit({ a: '1' });
    commitAt(upstream, 'refs/heads/preview/a', 2000);
    const process = sidecar([...args, '--ref-pattern=preview/*', '--ref-order=committed', '--max-failures=-1']);
    expect((await process.logged('ERR_REMOTE_NO_DATES')).hint).toContain('uploadpack.allowFilter');
  });

  test('comes through a relay', async () => {
    const { dir, upstream, repo, link, args } = await setUpBranches(false);
    upstream.commit({ a: '1' });
    const late = commitAt(upstream, 'refs/heads/preview/a', 2000);
    commitAt(upstream, 'refs/heads/preview/b', 1000);
    const relay = await startRelay({ dir, args: [`--allow=${new URL(repo).origin}/*`] });
    const process = sidecar([...args, '--ref-pattern=preview/*', '--ref-order=committed', `--relay=${relay.url}`]);
    await untilPublished(link, late, process);
    await untilPublished(link, commitAt(upstream, 'refs/heads/preview/c', 3000), process);
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
