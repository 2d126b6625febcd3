import { join } from 'node:path';
import type { Git } from '../git/git.ts';
import { SidecarError } from '../model/error.ts';
import { type Oid, parseOid } from '../model/oid.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import { deadline } from '../platform/deadline.ts';
import { removeTree } from '../platform/remove-tree.ts';

export interface CommitDatesOptions {
  readonly git: Git;
  /** A private directory of this process; a repository is made in it for a moment. */
  readonly directory: string;
  /** Where the commits are. */
  readonly url: () => string;
  readonly shownUrl: string;
}

/** git fetch says so before it asks for anything, and would then bring all files. */
const NO_FILTER = /filtering not recognized by server/;

/**
 * When commits were committed. A commit's date never changes, so each is fetched once: the commit alone, without its
 * files and its history (a filter of `tree:0`, a depth of 1).
 */
export class CommitDates {
  readonly #options: CommitDatesOptions;
  #known = new Map<Oid, number>();

  constructor(options: CommitDatesOptions) {
    this.#options = options;
  }

  /** Different for two syncs. */
  get id(): string {
    return this.#options.directory;
  }

  /**
   * @returns seconds since the epoch by the commit, of all `refs` that are still where they were
   * @throws SidecarError ERR_REMOTE_NO_DATES; as git fails
   */
  async of(refs: readonly AdvertisedRef[], signal: AbortSignal): Promise<ReadonlyMap<Oid, number>> {
    const commits = new Set(refs.map(commitOf));
    this.#known = new Map([...this.#known].filter(([oid]) => commits.has(oid)));
    const missing = refs.filter((ref) => !this.#known.has(commitOf(ref)));
    if (missing.length > 0) await this.#fetch(missing, signal);
    return this.#known;
  }

  async #fetch(refs: readonly AdvertisedRef[], signal: AbortSignal): Promise<void> {
    const { directory } = this.#options;
    const gitDir = join(directory, 'commit-dates.git');
    const place = { root: directory, path: gitDir };
    await removeTree(place);
    try {
      await this.#bring(gitDir, refs, signal);
      await this.#read(gitDir, signal);
    } finally {
      // Optional: the next time it is removed first.
      await removeTree(place).catch(() => undefined);
    }
  }

  async #bring(gitDir: string, refs: readonly AdvertisedRef[], signal: AbortSignal): Promise<void> {
    const { git, url, shownUrl } = this.#options;
    const format = (refs[0]?.oid.length ?? 40) > 40 ? 'sha256' : 'sha1';
    const init = ['init', '--quiet', '--bare', `--object-format=${format}`, gitDir];
    await git.run(init, { op: 'make a repository for commits', target: gitDir, signal });
    const own = deadline(signal, undefined);
    let isRefused = false;
    const options = ['--stdin', '--depth=1', '--filter=tree:0', '--no-tags', '--no-write-fetch-head', '--no-auto-gc'];
    const fetch = ['--git-dir', gitDir, 'fetch', ...options, '--no-recurse-submodules', '--quiet', url()];
    const lines = refs.map(({ name }, index) => `+${name}:refs/dates/${index}\n`);
    try {
      await git.run(fetch, {
        op: 'fetch the dates of commits from',
        target: shownUrl,
        signal: own.signal,
        stdin: lines.join(''),
        overNetwork: 'objects',
        onStderr: (text) => {
          if (!NO_FILTER.test(text)) return;
          isRefused = true;
          own.end();
        },
      });
    } catch (error) {
      if (!isRefused) throw error;
    } finally {
      own.dispose();
    }
    if (!isRefused) return;
    const detail = 'the server gives out no commits without their files (uploadpack.allowFilter)';
    throw new SidecarError('ERR_REMOTE_NO_DATES', { op: 'ask for the dates of commits', target: shownUrl, detail });
  }

  async #read(gitDir: string, signal: AbortSignal): Promise<void> {
    const fields = ['objectname', '*objectname', 'committerdate:unix', '*committerdate:unix'];
    const format = fields.map((field) => `%(${field})`).join(' ');
    const { stdout } = await this.#options.git.run(
      ['--git-dir', gitDir, 'for-each-ref', `--format=${format}`, 'refs/dates/'],
      { op: 'read the dates of commits in', target: gitDir, signal },
    );
    for (const line of stdout.split('\n')) {
      const [own = '', peeled = '', date = '', peeledDate = ''] = line.split(' ');
      const oid = parseOid(peeled || own);
      const seconds = Number(peeled ? peeledDate : date);
      if (oid && Number.isFinite(seconds)) this.#known.set(oid, seconds);
    }
  }
}

function commitOf({ oid, peeledOid }: AdvertisedRef): Oid {
  return peeledOid ?? oid;
}
