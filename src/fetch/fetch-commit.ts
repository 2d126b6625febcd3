import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../git/git.ts';
import { isOfKind, SidecarError } from '../model/error.ts';
import { type Oid, parseOid } from '../model/oid.ts';
import { promisorUrl } from './promisor-url.ts';

export interface FetchOptions {
  readonly git: Git;
  readonly gitDir: string;
  /** Local ref that will hold the commit. */
  readonly localRef: string;
  /** 0: all of history. */
  readonly depth: number;
  /** Asked before each fetch: a server may turn out not to heed it. */
  readonly filter: () => string;
  /** v3 brings all tags along, so that `git describe` works in its worktrees. */
  readonly allTags: boolean;
  /** Where the commits are: the git server, or the relay that stands in for it at the moment. */
  readonly url: () => string;
  readonly shownUrl: string;
  readonly onProgress?: (text: string) => void;
  /** Called after each fetch that succeeded. */
  readonly onFetch: () => void;
}

/** What decides how `git fetch` is called. */
export type FetchArguments = Pick<FetchOptions, 'gitDir' | 'depth' | 'allTags' | 'url' | 'onProgress'> & {
  readonly filter: string;
};

/** Holds a tag while its commit is looked up. */
const TAG_REF = 'refs/git-sidecar/tag';

/** Commits lack their parents. */
export async function isShallow(gitDir: string): Promise<boolean> {
  const stat = await lstat(join(gitDir, 'shallow')).catch(() => undefined);
  return stat !== undefined && stat.size > 0;
}

/**
 * The repository's URL stands on the command line, as with git-sync: programs given as `--git` look for it there. Both
 * arguments that are not options are safe: no URL that begins with a dash gets here, and a refspec begins with a plus.
 */
export async function fetchArguments(options: FetchArguments, refspecs: readonly string[]): Promise<string[]> {
  const args = [
    '--git-dir',
    options.gitDir,
    'fetch',
    options.filter === '' ? options.url() : promisorUrl(options.url()),
    ...refspecs.map((refspec) => `+${refspec}`),
    '--no-auto-gc',
    '--no-recurse-submodules',
    '--no-write-fetch-head',
    '--update-head-ok',
    '--force',
  ];
  args.push(options.allTags ? '--tags' : '--no-tags');
  if (options.depth > 0) args.push(`--depth=${options.depth}`);
  else if (await isShallow(options.gitDir)) args.push('--unshallow');
  if (options.filter !== '') args.push(`--filter=${options.filter}`);
  args.push(options.onProgress ? '--progress' : '--quiet');
  return args;
}

/**
 * Fetches commits into the repository and says which commit the local ref then holds.
 * Asks for the very commit that the poll saw; a server that gives out only what its refs name is asked by ref,
 * and that is remembered.
 */
export class CommitFetcher {
  readonly #options: FetchOptions;
  #byRefOnly = false;
  /** Times in a row that the server gave out a commit, but none of its files. */
  refusals = 0;

  constructor(options: FetchOptions) {
    this.#options = options;
  }

  /**
   * @param ref full name on the remote; undefined when only the commit is known
   * @returns the commit that was fetched: `oid`, or what `ref` has become meanwhile
   * @throws SidecarError as git fails
   */
  async fetch(oid: Oid, ref: string | undefined, signal: AbortSignal): Promise<Oid> {
    if (!this.#byRefOnly || ref === undefined) {
      try {
        await this.#run(oid, signal);
        return oid;
      } catch (error) {
        if (!isOfKind(error, 'no-ref') || ref === undefined) throw error;
      }
    }
    const fetched = await this.#fetchRef(ref, signal);
    if (fetched === oid) this.#byRefOnly = true;
    return fetched;
  }

  /** `--filter` of the next fetch. */
  get filter(): string {
    return this.#options.filter();
  }

  /** Counts a fetch that was done without git. */
  noteFetch(): void {
    this.#options.onFetch();
  }

  /** Everything that branches and tags reach: the last way to a commit that the server will not name. */
  async fetchEverything(signal: AbortSignal): Promise<void> {
    const refspec = 'refs/heads/*:refs/git-sidecar/all/*';
    await this.#start(await fetchArguments({ ...this.#how, depth: 0, allTags: true }, [refspec]), signal);
  }

  /**
   * The commit that `revision` names here.
   * @throws SidecarError ERR_REMOTE_REF when there is no such commit
   */
  async resolve(revision: string, signal: AbortSignal): Promise<Oid> {
    const { git, gitDir } = this.#options;
    const { stdout } = await git.run(
      ['--git-dir', gitDir, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`],
      {
        op: 'look up',
        target: revision,
        signal,
        accept: [1, 128],
      },
    );
    const oid = parseOid(stdout.trim().split('\n').at(-1) ?? '');
    if (!oid)
      throw new SidecarError('ERR_REMOTE_REF', { op: 'look up', target: revision, detail: 'there is no such commit' });
    return oid;
  }

  get #how(): FetchArguments {
    return { ...this.#options, filter: this.filter };
  }

  /** A branch of ours holds commits only, and a tag may be an object of its own. */
  async #fetchRef(ref: string, signal: AbortSignal): Promise<Oid> {
    const { git, gitDir, localRef } = this.#options;
    if (!ref.startsWith('refs/tags/')) {
      await this.#run(ref, signal);
      return await this.resolve(localRef, signal);
    }
    await this.#start(await fetchArguments(this.#how, [`${ref}:${TAG_REF}`]), signal);
    const oid = await this.resolve(TAG_REF, signal);
    const stdin = `update ${localRef} ${oid}\ndelete ${TAG_REF}\n`;
    await git.run(['--git-dir', gitDir, 'update-ref', '--stdin'], { op: 'write', target: localRef, stdin, signal });
    return oid;
  }

  async #run(source: string, signal: AbortSignal): Promise<void> {
    await this.#start(await fetchArguments(this.#how, [`${source}:${this.#options.localRef}`]), signal);
  }

  async #start(args: readonly string[], signal: AbortSignal): Promise<void> {
    const { git, shownUrl, onProgress } = this.#options;
    const how = { signal, overNetwork: 'objects', ...(onProgress && { onStderr: onProgress }) } as const;
    await git.run(args, { op: 'fetch from', target: shownUrl, ...how });
    this.#options.onFetch();
  }
}
