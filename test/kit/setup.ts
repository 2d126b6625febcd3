import { join } from 'node:path';
import { type Sidecar, sidecar } from './sidecar.ts';
import { tempDir } from './temp.ts';
import { Upstream } from './upstream.ts';

export interface Fixture {
  readonly dir: string;
  readonly upstream: Upstream;
  /** The first commit: `a` holds "one". */
  readonly first: string;
  readonly root: string;
  /** `<root>/link`. */
  readonly link: string;
  /** `--repo --root --link` for a v4 run. */
  readonly args: string[];
  /** A running v4 sidecar with a short period. */
  start(...more: string[]): Sidecar;
}

/** An upstream with one commit, reached by path, and a root that does not exist yet. */
export function fixture(options: { format?: 'sha1' | 'sha256' } = {}): Fixture {
  const dir = tempDir();
  const upstream = new Upstream(dir, 'repo.git', options);
  const first = upstream.commit({ a: 'one' });
  const root = join(dir, 'root');
  const args = [`--repo=${upstream.bare}`, `--root=${root}`, '--link=link'];
  return {
    dir,
    upstream,
    first,
    root,
    args,
    link: join(root, 'link'),
    start: (...more) => sidecar([...args, '--period=40ms', '--max-failures=-1', ...more]),
  };
}
