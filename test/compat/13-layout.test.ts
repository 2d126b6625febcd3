import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { detectCompat } from '../../src/config/detect-compat.ts';
import { fixture } from '../kit/setup.ts';
import { run } from '../kit/sidecar.ts';

/** What the articles' Pods are given, and one thing more that only v4 calls so. */
const V3_POD = (repo: string, root: string): Record<string, string> => ({
  GIT_SYNC_REPO: repo,
  GIT_SYNC_BRANCH: 'main',
  GIT_SYNC_ROOT: root,
  GIT_SYNC_DEST: 'link',
  GIT_SYNC_ONE_TIME: 'true',
});

const AIRFLOW = (repo: string, root: string): Record<string, string> => ({
  GIT_SYNC_REV: 'HEAD',
  GITSYNC_REF: 'main',
  GIT_SYNC_BRANCH: 'main',
  GIT_SYNC_REPO: repo,
  GITSYNC_REPO: repo,
  GIT_SYNC_DEPTH: '1',
  GITSYNC_DEPTH: '1',
  GIT_SYNC_ROOT: root,
  GITSYNC_ROOT: root,
  GIT_SYNC_DEST: 'link',
  GITSYNC_LINK: 'link',
  GIT_SYNC_ADD_USER: 'true',
  GITSYNC_ADD_USER: 'true',
  GIT_SYNC_WAIT: '5',
  GITSYNC_PERIOD: '5s',
  GIT_SYNC_MAX_SYNC_FAILURES: '0',
  GITSYNC_MAX_FAILURES: '0',
  GIT_SYNC_ONE_TIME: 'true',
  GITSYNC_ONE_TIME: 'true',
  GIT_SYNC_SSH: 'false',
  GITSYNC_SSH: 'false',
  GIT_SYNC_USERNAME: '',
  GIT_SYNC_HTTP_BIND: ':0',
  GITSYNC_HTTP_BIND: ':0',
});

const WARNED = /"severity":"warning","msg":"[^"]*is a spelling of git-sync v4 beside/;

describe('compat 13: a v4 spelling in a Pod of v3', () => {
  test.each([
    ['v3', [], { GITSYNC_MAX_FAILURES: '-1' }],
    ['v3', ['--max-failures=-1'], {}],
    ['v3', [], { GITSYNC_PASSWORD: 'p', GITSYNC_USERNAME: 'u' }],
    ['v3.1', [], { GITSYNC_MAX_FAILURES: '-1' }],
  ] as const)('the tree of a %s root stays where the inotify script looks for it: %j %j', async (mode, flags, more) => {
    const { upstream, root, first } = fixture();
    const env = V3_POD(upstream.bare, root);
    expect((await run([], { ...env, GITSYNC_COMPAT: mode })).code).toBe(0);
    const second = upstream.commit({ a: 'two' });
    const prefix = mode === 'v3.1' ? 'rev-' : '';
    expect(readlinkSync(join(root, 'link'))).toBe(`${prefix}${first}`);
    const { code, stderr } = await run([...flags], { ...env, ...more });
    expect(code, stderr).toBe(0);
    expect(readlinkSync(join(root, 'link'))).toBe(`${prefix}${second}`);
    expect(readdirSync(root)).not.toContain('.worktrees');
    expect(stderr).toContain(`"compat":"${mode}"`);
    expect(stderr).toMatch(WARNED);
    expect(stderr).not.toContain('has no effect');
  });

  test('a fresh root is v4’s, as git-sync v4.7.1 makes it of the same words, and the warning says how to choose', async () => {
    const { upstream, root, first } = fixture();
    const { code, stderr } = await run([], { ...V3_POD(upstream.bare, root), GITSYNC_MAX_FAILURES: '-1' });
    expect(code, stderr).toBe(0);
    expect(readlinkSync(join(root, 'link'))).toBe(`.worktrees/${first}`);
    expect(stderr).toMatch(WARNED);
    expect(stderr).toContain('GITSYNC_COMPAT');
  });

  test('GITSYNC_COMPAT decides, whatever the root shows, and nothing is warned of', async () => {
    const { upstream, root, first } = fixture();
    const env = V3_POD(upstream.bare, root);
    await run([], env);
    const { stderr } = await run([], { ...env, GITSYNC_MAX_FAILURES: '-1', GITSYNC_COMPAT: 'v4' });
    expect(readlinkSync(join(root, 'link'))).toBe(`.worktrees/${first}`);
    expect(stderr).not.toMatch(WARNED);
  });

  test('Airflow’s chart with both sets is v4.7.1, on a fresh root and on one of v3, and is not warned', async () => {
    const { upstream, root, first } = fixture();
    for (const place of [root, `${root}-old`]) {
      if (place !== root) expect((await run([], V3_POD(upstream.bare, place))).code).toBe(0);
      const { code, stderr } = await run([], AIRFLOW(upstream.bare, place));
      expect(code, stderr).toBe(0);
      expect(readlinkSync(join(place, 'link'))).toBe(`.worktrees/${first}`);
      expect(stderr).not.toMatch(WARNED);
    }
  });

  test('what only v3 can read is read by v3', () => {
    expect(detectCompat(['-repo=x', '--max-failures=3'], {})).toMatchObject({ mode: 'v3', mixture: { v3: '-repo' } });
    expect(detectCompat(['--repo=x', '--ref=y', '--root=z'], { GIT_SYNC_USERNAME: 'u' }).mixture).toBeUndefined();
    expect(detectCompat(['--repo=x', '--ref=y'], { GIT_SYNC_DEST: 'd' }).mixture).toEqual({
      v3: 'GIT_SYNC_DEST',
      v4: '--ref',
    });
  });
});
