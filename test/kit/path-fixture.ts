import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../peers/wait.ts';
import { httpGit } from './http-git.ts';
import { run, type Sidecar, sidecar } from './sidecar.ts';
import { tempDir } from './temp.ts';
import { type Files, git, Upstream } from './upstream.ts';

/** A repository to follow a part of, and a root. */
export interface PathFixture {
  /** Its first commit. */
  readonly first: string;
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
export async function pathFixture(files: Files, { isPlain = false } = {}): Promise<PathFixture> {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  if (!isPlain) git(upstream.bare, 'config', 'uploadpack.allowFilter', 'true');
  const first = upstream.commit(files);
  const url = `${await httpGit(dir)}/repo.git`;
  const [root, link] = [join(dir, 'root'), join(dir, 'root', 'link')];
  const base = [`--repo=${url}`, `--root=${root}`, '--link=link', '--period=50ms', '--max-failures=-1', '-v=4'];
  const shown: PathFixture['shown'] = () => {
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

/** Files inside and outside of `a/b`. */
export const PATH_TREE: Files = { 'a/b/one': '1', 'a/b/deep/two': '2', 'a/other': 'x', top: 't', 'c/d': 'd' };
