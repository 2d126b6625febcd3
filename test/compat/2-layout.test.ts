import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fixture } from '../kit/setup.ts';
import { published, read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { git } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

const worktreePointer = (link: string): string => readFileSync(join(link, '.git'), 'utf8').trim();

describe('compat 2 on-disk layout', () => {
  test('v4: .git, .worktrees/<oid>, a relative link, a relative .git file, HEAD on refs/heads/git-sync', async () => {
    const { args, root, link, first } = fixture();
    expect((await run([...args, '--one-time'])).code).toBe(0);
    expect(readdirSync(root).sort()).toEqual(['.git', '.worktrees', 'link']);
    expect(readlinkSync(link)).toBe(`.worktrees/${first}`);
    expect(worktreePointer(link)).toBe(`gitdir: ../../.git/worktrees/${first}`);
    expect(read(root, '.git/HEAD')).toBe('ref: refs/heads/git-sync\n');
    expect(read(root, `.git/worktrees/${first}/gitdir`)).toBe(`${root}/.worktrees/${first}/.git\n`);
    expect(git(link, 'rev-parse', 'HEAD')).toBe(first);
    expect(git(link, 'status', '--porcelain')).toBe('');
  });

  test('v3: .git, <oid>, link to it', async () => {
    const { upstream, root, first } = fixture();
    expect(
      (await run([`--repo=${upstream.bare}`, `--root=${root}`, '--branch=main', '--dest=link', '--one-time'])).code,
    ).toBe(0);
    expect(readdirSync(root).sort()).toEqual(['.git', first, 'link'].sort());
    expect(readlinkSync(join(root, 'link'))).toBe(first);
    expect(worktreePointer(join(root, 'link'))).toBe(`gitdir: ../.git/worktrees/${first}`);
    expect(read(root, '.git/HEAD')).toBe('ref: refs/heads/main\n');
  });

  test('v3.1: .git, rev-<oid>, link to it: the second article’s picture', async () => {
    const { upstream, root, first } = fixture();
    const env = {
      GIT_SYNC_REPO: upstream.bare,
      GIT_SYNC_BRANCH: 'main',
      GIT_SYNC_ROOT: root,
      GIT_SYNC_ONE_TIME: 'true',
      GITSYNC_COMPAT: 'v3.1',
    };
    expect((await run([], env)).code).toBe(0);
    const picture = execFileSync('ls', ['-l', root]).toString();
    expect(picture).toMatch(new RegExp(`^lrwx.* repo\\.git -> rev-${first}$`, 'm'));
    expect(picture).toMatch(new RegExp(`^drwx.* rev-${first}$`, 'm'));
  });

  test('umask: v4 forces 022, --group-write 002, v3 inherits', async () => {
    const modes = (root: string, link: string): string[] =>
      [root, join(root, 'link', 'a'), link].slice(0, 2).map((path) => (statSync(path).mode & 0o777).toString(8));
    const plain = fixture();
    await run([...plain.args, '--one-time']);
    expect(modes(plain.root, plain.link)).toEqual(['755', '644']);
    const group = fixture();
    await run([...group.args, '--one-time', '--group-write']);
    expect(modes(group.root, group.link)).toEqual(['775', '664']);
  });

  test('an existing root keeps its mode; core.sharedRepository is not set', async () => {
    const { args, root } = fixture();
    mkdirSync(root);
    chmodSync(root, 0o711);
    await run([...args, '--one-time']);
    expect(statSync(root).mode & 0o777).toBe(0o711);
    expect(read(root, '.git/config')).not.toMatch(/shared/i);
  });

  test('the default link is the last part of the URL, .git included', async () => {
    const { upstream, root, first } = fixture();
    await run([`--repo=${upstream.bare}/`, `--root=${root}`, '--one-time']);
    expect(published(join(root, 'repo.git'))).toBe(first);
  });

  test.each([
    ['a sub-directory that does not exist', 'x/y/link', '../../.worktrees/'],
    ['a trailing slash', 'link/', '.worktrees/'],
    ['a path outside the root', '../elsewhere/link', join('..', 'root', '.worktrees/')],
  ])('v4 link: %s', async (_name, text, start) => {
    const { upstream, root, first } = fixture();
    expect((await run([`--repo=${upstream.bare}`, `--root=${root}`, `--link=${text}`, '--one-time'])).code).toBe(0);
    expect(readlinkSync(join(root, text.replace(/\/$/, '')))).toBe(start + first);
    expect(read(root, text.replace(/\/$/, ''), 'a')).toBe('one');
  });

  test('v4 link: absolute, below a directory that is a symlink', async () => {
    const { dir, upstream, root, first } = fixture();
    mkdirSync(join(dir, 'deep/real'), { recursive: true });
    symlinkSync('deep/real', join(dir, 'alias'));
    const link = join(dir, 'alias', 'link');
    await run([`--repo=${upstream.bare}`, `--root=${root}`, `--link=${link}`, '--one-time']);
    expect(published(link)).toBe(first);
    expect(read(link, 'a')).toBe('one');
  });

  test('v4 link: something that is no link is in its place: an error that names --move-aside, which then works', async () => {
    const { args, root, link, first } = fixture();
    mkdirSync(link, { recursive: true });
    writeFileSync(join(link, 'precious'), 'data');
    const refused = await run([...args, '--one-time']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('ERR_PUBLISH_LINK_OCCUPIED');
    expect(refused.stderr).toContain('--move-aside');
    expect(read(link, 'precious')).toBe('data');
    expect((await run([...args, '--one-time', '--move-aside'])).code).toBe(0);
    expect(published(link)).toBe(first);
    const aside = readdirSync(root).find((name) => name.startsWith('link.before-git-sidecar-')) ?? '';
    expect(read(root, aside, 'precious')).toBe('data');
  });

  test.each(['.', '.git', '.worktrees', '.git/x'])('v4 link %s is refused', async (text) => {
    const { upstream, root } = fixture();
    expect((await run([`--repo=${upstream.bare}`, `--root=${root}`, `--link=${text}`, '--one-time'])).code).toBe(1);
  });

  test('compat 9.15: a changed --link leaves no dangling link behind', async () => {
    const { upstream, args, root, link } = fixture();
    await run([...args, '--one-time']);
    const second = upstream.commit({ a: 'two' });
    await run([`--repo=${upstream.bare}`, `--root=${root}`, '--link=other', '--one-time']);
    expect(published(join(root, 'other'))).toBe(second);
    expect(() => lstatSync(link)).toThrow();
  });
});

describe('compat 2 startup with an existing root', () => {
  test('v3 to v4 in place, same commit and new commit: the objects are kept, the old worktree goes', async () => {
    for (const moves of [false, true]) {
      const { upstream, root, first } = fixture();
      const v3 = [`--repo=${upstream.bare}`, `--root=${root}`, '--branch=main', '--dest=link', '--one-time'];
      expect((await run(v3)).code).toBe(0);
      const oid = moves ? upstream.commit({ a: 'two' }) : first;
      const v4 = await run([
        `--repo=${upstream.bare}`,
        `--root=${root}`,
        '--ref=main',
        '--link=link',
        '--one-time',
        '-v=1',
      ]);
      expect(v4.code, v4.stderr).toBe(0);
      expect(v4.stderr).toContain('"repository":"ours"');
      expect(readlinkSync(join(root, 'link'))).toBe(`.worktrees/${oid}`);
      expect(existsSync(join(root, first))).toBe(false);
      expect(git(join(root, 'link'), 'status', '--porcelain')).toBe('');
      expect(git(join(root, 'link'), 'rev-parse', 'HEAD')).toBe(oid);
    }
  });

  test('v3.1 to v4 and v4 back to v3 in place', async () => {
    const { upstream, root, first } = fixture();
    const base = [`--repo=${upstream.bare}`, `--root=${root}`, '--one-time'];
    await run([...base, '--compat=v3.1', '--branch=main', '--dest=link']);
    expect(readlinkSync(join(root, 'link'))).toBe(`rev-${first}`);
    await run([...base, '--ref=main', '--link=link']);
    expect(readlinkSync(join(root, 'link'))).toBe(`.worktrees/${first}`);
    await run([...base, '--compat=v3', '--branch=main', '--dest=link']);
    expect(readlinkSync(join(root, 'link'))).toBe(first);
    expect(readdirSync(root).sort()).toEqual(['.git', '.worktrees', first, 'link'].sort());
    expect(readdirSync(join(root, '.worktrees'))).toEqual([]);
  });

  test('a root that git-sync v4 itself left (made with its commands) is adopted without a new checkout', async () => {
    const { upstream, args, root, link, first } = fixture();
    mkdirSync(root);
    git(root, 'init', '-q', '-b', 'git-sync');
    git(root, 'remote', 'add', 'origin', upstream.bare);
    git(root, 'fetch', '-q', '--depth=1', `file://${upstream.bare}`, 'HEAD');
    git(root, 'reset', '-q', '--soft', 'FETCH_HEAD');
    git(root, 'worktree', 'add', '-q', '--force', '--detach', join(root, '.worktrees', first), first);
    writeFileSync(join(root, '.worktrees', first, '.git'), `gitdir: ../../.git/worktrees/${first}\n`);
    symlinkSync(`.worktrees/${first}`, link);
    const inode = statSync(join(link, 'a')).ino;
    const process = sidecar([...args, '--period=40ms', '--max-failures=-1']);
    await process.logged('took over the worktree');
    expect(statSync(join(link, 'a')).ino).toBe(inode);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    await until('the adopted worktree is removed as stale', () => !existsSync(join(root, '.worktrees', first)));
  });

  test('another --repo: the remote is corrected and its commit published', async () => {
    const one = fixture();
    const two = fixture();
    const second = two.upstream.commit({ a: 'from two' });
    await run([...one.args, '--one-time']);
    expect((await run([`--repo=${two.upstream.bare}`, `--root=${one.root}`, '--link=link', '--one-time'])).code).toBe(
      0,
    );
    expect(published(one.link)).toBe(second);
    expect(git(one.root, 'config', 'remote.origin.url')).toBe(two.upstream.bare);
  });
});
