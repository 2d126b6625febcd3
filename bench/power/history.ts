import { execFileSync } from 'node:child_process';
import { GIT_ENV, git, Upstream } from '../../test/kit/upstream.ts';
import { digestOf, type Tree } from './trees.ts';

/** A revision of the repository. */
export interface Revision {
  readonly oid: string;
  readonly tree: Tree;
}

/** How many of the files a push changes: one of so many. */
const ONE_OF = 3;

/** A repository whose pushes change a third of its files, and what each of them contains. */
export class History {
  readonly upstream: Upstream;
  readonly revisions: Revision[] = [];
  readonly #files: number;

  constructor(directory: string, files: number) {
    this.upstream = new Upstream(directory);
    this.#files = files;
    this.push();
  }

  get last(): Revision {
    const last = this.revisions.at(-1);
    if (!last) throw new Error('there is no revision');
    return last;
  }

  push(): Revision {
    const round = this.revisions.length;
    const { bare } = this.upstream;
    const tree = new Map(this.revisions.at(-1)?.tree);
    const lines = ['commit refs/heads/main', `committer C <c@example.com> ${1_700_000_000 + round} +0000`];
    lines.push(`data ${String(round).length}`, String(round));
    if (round > 0) lines.push('from refs/heads/main^0');
    for (let index = 0; index < this.#files; index += 1) {
      if (round > 0 && (index + round) % ONE_OF !== 0) continue;
      const [path, text] = [`d${index % 7}/f${index}`, `${round} ${index}\n`.repeat(100 + (index % 9) * 100)];
      lines.push(`M 100644 inline ${path}`, `data ${text.length}`, text);
      tree.set(path, digestOf(text));
    }
    execFileSync('git', ['fast-import', '--quiet'], { cwd: bare, env: GIT_ENV, input: `${lines.join('\n')}\n` });
    const revision = { oid: git(bare, 'rev-parse', 'main'), tree };
    this.revisions.push(revision);
    return revision;
  }

  /** The server shows this revision from now on. */
  show({ oid }: Revision): void {
    git(this.upstream.bare, 'update-ref', 'refs/heads/main', oid);
  }
}
