import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { read, run, type Sidecar, sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { type Files, git, Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

interface Fixture {
  readonly dir: string;
  readonly upstream: Upstream;
  readonly url: string;
  readonly root: string;
  readonly link: string;
  start(args: readonly string[]): Sidecar;
  once(args: readonly string[]): Promise<{ code: number | null; stderr: string }>;
  /** The commit that the link shows, and what it shows of it. */
  shown(): { readonly oid: string | undefined; readonly path: string | undefined };
  untilShown(oid: string, process?: Sidecar): Promise<void>;
  /** Objects of the repository that are files. */
  blobs(): string[];
}

/** A repository on a smart HTTP server that allows partial clones, unless `isPlain`. */
async function fixture(files: Files, { isPlain = false } = {}): Promise<Fixture & { readonly first: string }> {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  if (!isPlain) git(upstream.bare, 'config', 'uploadpack.allowFilter', 'true');
  const first = upstream.commit(files);
  const url = `${await httpGit(dir)}/repo.git`;
  const [root, link] = [join(dir, 'root'), join(dir, 'root', 'link')];
  const base = [`--repo=${url}`, `--root=${root}`, '--link=link', '--period=50ms', '--max-failures=-1', '-v=1'];
  const shown: Fixture['shown'] = () => {
    try {
      const [, oid, path] = /^\.worktrees\/(?:rebuilt\/)?([0-9a-f]+)(?:\/(.*))?$/.exec(readlinkSync(link)) ?? [];
      return { oid, path };
    } catch {
      return { oid: undefined, path: undefined };
    }
  };
  return {
    first,
    dir,
    upstream,
    url,
    root,
    link,
    start: (args) => sidecar([...base, ...args]),
    once: async (args) => await run([...base, '--one-time', ...args]),
    shown,
    untilShown: async (oid, process) => {
      await until(
        () => `${oid} is shown\n${process?.stderr.slice(-3000) ?? ''}`,
        () => shown().oid === oid,
      );
    },
    blobs: () => {
      const all = git(
        join(root, '.git'),
        'cat-file',
        '--batch-all-objects',
        '--batch-check=%(objecttype) %(objectname)',
      );
      return all.split('\n').flatMap((line) => (line.startsWith('blob ') ? [line.slice(5)] : []));
    },
  };
}

const TREE: Files = { 'a/b/one': '1', 'a/b/deep/two': '2', 'a/other': 'x', top: 't', 'c/d': 'd' };

describe('--path', () => {
  test('only the sub-directory is fetched and written, and the link shows it', async () => {
    const it = await fixture(TREE);
    const { code, stderr } = await it.once(['--path=a/b']);
    expect(code, stderr).toBe(0);
    expect(it.shown()).toEqual({ oid: it.first, path: 'a/b' });
    expect(read(it.link, 'one')).toBe('1');
    expect(read(it.link, 'deep/two')).toBe('2');
    expect(readdirSync(join(it.root, '.worktrees', it.first)).sort()).toEqual(['.git', 'a']);
    expect(readdirSync(join(it.root, '.worktrees', it.first, 'a'))).toEqual(['b']);
    expect(it.blobs()).toHaveLength(2);
  });

  test('a server without partial clone gives out everything, and the sub-directory alone is written', async () => {
    const it = await fixture(TREE, { isPlain: true });
    const { code, stderr } = await it.once(['--path=a/b']);
    expect(code, stderr).toBe(0);
    expect(readdirSync(join(it.root, '.worktrees', it.first, 'a'))).toEqual(['b']);
    expect(it.blobs()).toHaveLength(5);
  });

  test('a commit that leaves it as it was publishes nothing, runs no hook, and is not fetched again', async () => {
    const it = await fixture(TREE);
    const told = join(it.dir, 'told');
    const hook = join(it.dir, 'hook.sh');
    writeFileSync(hook, `#!/bin/sh\necho "$GITSYNC_HASH $(pwd) $(ls)" >> ${told}\n`, { mode: 0o755 });
    const touched = join(it.dir, 'touched');
    const args = ['--path=a/b', `--exechook-command=${hook}`, `--touch-file=${touched}`, '-v=5'];
    const process = it.start([...args, '--http-bind=127.0.0.1:0', '--http-metrics']);
    await it.untilShown(it.first, process);
    const { port } = await process.logged('serving HTTP');
    const status = async () => {
      const { units } = (await (await fetch(`http://127.0.0.1:${port}/status`)).json()) as {
        units: Record<string, { published: { oid: string }; considered: { oid: string } }>;
      };
      return Object.values(units)[0];
    };
    await until(
      'the hook ran',
      () => read(told)?.trim() === `${it.first} ${join(it.root, '.worktrees', it.first, 'a/b')} deep\none`,
    );
    const before = lstatSync(touched).mtimeMs;
    const beside = it.upstream.commit({ top: 'changed', 'a/new': 'n' });
    await process.logged('a commit changes nothing of what is published');
    expect(it.shown().oid).toBe(it.first);
    await until('the status shows both', async () => (await status())?.considered?.oid === beside);
    expect((await status())?.published.oid).toBe(it.first);
    const fetches = () =>
      process.logs.filter(({ msg, args: words }) => msg === 'git' && /^fetch /.test(String(words))).length;
    const [fetched, polled] = [fetches(), process.count('"next sync"')];
    await until('some more polls', () => process.count('next sync') >= polled + 6);
    expect(fetches()).toBe(fetched);
    expect(lstatSync(touched).mtimeMs).toBe(before);
    expect(read(told)?.trim().split('\n')).toHaveLength(2);

    await process.stop();
    const again = it.start(args);
    await until('it polls', () => again.count('next sync') >= 3);
    expect(again.logs.filter(({ msg, args: words }) => msg === 'git' && /^fetch /.test(String(words)))).toEqual([]);
    expect(again.count('a commit changes nothing')).toBe(0);

    const inside = it.upstream.commit({ 'a/b/one': 'changed' });
    await it.untilShown(inside, again);
    expect(read(it.link, 'one')).toBe('changed');
  });
});
