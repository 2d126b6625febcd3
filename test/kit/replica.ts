import { join } from 'node:path';
import { git, Upstream } from './upstream.ts';

/** A git server that answers from a replica: it shows what was pushed only after {@link catchUp}. */
export class Replica {
  readonly primary: Upstream;
  readonly #bare: string;

  /** What is below `dir`/served is to be served. */
  constructor(dir: string, files: Record<string, string>) {
    this.primary = new Upstream(dir, 'primary.git');
    this.primary.commit(files);
    this.#bare = join(dir, 'served', 'repo.git');
    git(dir, 'clone', '-q', '--mirror', this.primary.bare, this.#bare);
  }

  catchUp(): void {
    git(this.#bare, 'fetch', '-q', '--prune', 'origin');
  }
}
