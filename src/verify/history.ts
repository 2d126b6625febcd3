import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fetchArguments } from '../fetch/fetch-commit.ts';
import { readShallow } from '../fetch/shallow.ts';
import type { Git } from '../git/git.ts';
import { isOfKind, messageOf, SidecarError } from '../model/error.ts';
import { type Oid, objectFormatOf, parseOid } from '../model/oid.ts';
import { readText } from '../platform/atomic-file.ts';
import { removeTree } from '../platform/remove-tree.ts';
import { PLAIN, PLAIN_SETTINGS, readObject } from './raw-objects.ts';
import { headersOf } from './signed-object.ts';

export interface HistoryOptions {
  readonly git: Git;
  /** The repository that the commit was fetched into. */
  readonly gitDir: string;
  /** A repository of commits alone; it is made when it is needed. */
  readonly commitsDir: string;
  readonly url: () => string;
  readonly onFetch: () => void;
}

/** What the history of a new commit says about an earlier one. */
export interface Lineage {
  /** The new commit comes from the earlier one. */
  readonly isForward: boolean;
  /** The commits that are new, the newest first. */
  readonly fresh: readonly Oid[];
  /** The repository that has them. */
  readonly gitDir: string;
}

export interface LineageQuestion {
  readonly to: Oid;
  /** The name of `to` on the remote, for a server that gives out no single commits. */
  readonly ref: string;
  readonly from: Oid;
  /** What is reachable from it is not new either. */
  readonly since: Oid | undefined;
  readonly signal: AbortSignal;
}

/** So much of history is fetched, one step after the other, until it answers the question; 0 is all of it. */
const STEPS: readonly number[] = [32, 512, 8192, 0];
/** As many object ids as 4 million commits have. */
const MOST_BYTES = 256 * 1024 * 1024;
const MOST_PACKS = 50;
/** Of a history that was rewritten, so many commits are looked for that the two have in common. */
const MOST_STEPS_BACK = 100;
const FETCHED = 'refs/heads/fetched';

/** Reads how commits come from each other: from what was fetched where that is enough, else from a copy of the commits alone. */
export class History {
  readonly #options: HistoryOptions;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  /** @throws SidecarError ERR_VERIFY_HISTORY when the server does not give out the commits */
  async lineage(question: LineageQuestion): Promise<Lineage> {
    const { git, gitDir, commitsDir } = this.#options;
    const { to, from, signal } = question;
    if (to === from) return { isForward: true, fresh: [], gitDir };
    const parents = headersOf((await readObject(git, gitDir, to, signal)).content, 'parent');
    if (parents.length === 1 && parents[0] === from) return { isForward: true, fresh: [to], gitDir };
    const known = await this.#ask(gitDir, question);
    if (known && (known.isForward || (await this.#isHere(gitDir, from, signal)))) return known;
    for (const depth of STEPS) {
      try {
        await this.#fetch(question, depth);
      } catch (error) {
        signal.throwIfAborted();
        throw new SidecarError('ERR_VERIFY_HISTORY', {
          op: 'read the history of',
          target: to,
          detail: messageOf(error),
          cause: error,
        });
      }
      const answer = await this.#ask(commitsDir, question);
      if (answer) return await this.#withCommonPast(answer, question);
    }
    throw new SidecarError('ERR_VERIFY_HISTORY', { op: 'read the history of', target: to, detail: 'it has gaps' });
  }

  /**
   * Of a commit that does not come from the earlier one, what both come from is not new. The server may not give out the
   * earlier one any more; then its past is read as far as it was fetched before.
   */
  async #withCommonPast(answer: Lineage, question: LineageQuestion): Promise<Lineage> {
    const { gitDir, commitsDir } = this.#options;
    const { to, from, since, signal } = question;
    if (answer.isForward || (await this.#isHere(commitsDir, from, signal))) return answer;
    try {
      await this.#fetchInto(commitsDir, { ...question, to: from, ref: from }, 0);
      return (await this.#ask(commitsDir, question)) ?? answer;
    } catch {
      signal.throwIfAborted();
    }
    const common: Oid[] = [];
    const left = [from];
    for (let steps = 0; steps < MOST_STEPS_BACK; steps += 1) {
      const oid = left.pop();
      if (oid === undefined) break;
      if (await this.#isHere(commitsDir, oid, signal)) common.push(oid);
      else if (await this.#isHere(gitDir, oid, signal)) left.push(...(await this.#parents(oid, signal)));
    }
    const ends = since && (await this.#isHere(commitsDir, since, signal)) ? [...common, since] : common;
    const fresh = await this.#list(commitsDir, to, ends, signal);
    return fresh ? { ...answer, fresh } : answer;
  }

  async #parents(oid: Oid, signal: AbortSignal): Promise<readonly Oid[]> {
    const { git, gitDir } = this.#options;
    const { content } = await readObject(git, gitDir, oid, signal);
    return headersOf(content, 'parent').flatMap((each) => parseOid(each) ?? []);
  }

  async #isHere(gitDir: string, oid: Oid, signal: AbortSignal): Promise<boolean> {
    const how = { op: 'look for', target: oid, signal, env: PLAIN, accept: [1, 128] };
    return (await this.#options.git.run(['--git-dir', gitDir, 'cat-file', '-e', oid], how)).code === 0;
  }

  /** Commits that lead to `to` and to none of `ends`; undefined when they are too many. */
  async #list(
    gitDir: string,
    to: Oid,
    ends: readonly Oid[],
    signal: AbortSignal,
    options: readonly string[] = [],
  ): Promise<readonly Oid[] | undefined> {
    const { stdout, truncated } = await this.#options.git.run(
      ['--git-dir', gitDir, ...PLAIN_SETTINGS, 'rev-list', ...options, to, ...ends.map((oid) => `^${oid}`), '--'],
      { op: 'list the commits of', target: to, signal, env: PLAIN, maxOutputBytes: MOST_BYTES },
    );
    return truncated ? undefined : stdout.split('\n').flatMap((line) => parseOid(line) ?? []);
  }

  /** Undefined when the repository does not hold enough of the history. */
  async #ask(gitDir: string, { to, from, since, signal }: LineageQuestion): Promise<Lineage | undefined> {
    const { git } = this.#options;
    const shallow = await readShallow(gitDir);
    if (!(await this.#isHere(gitDir, to, signal))) return undefined;
    const hasFrom = await this.#isHere(gitDir, from, signal);
    const ends: Oid[] = hasFrom ? [from] : [];
    if (since && (await this.#isHere(gitDir, since, signal))) ends.push(since);
    const fresh = await this.#list(gitDir, to, ends, signal);
    // Behind a commit whose parents are not here there may be anything.
    if (!fresh || fresh.some((oid) => shallow.has(oid))) return undefined;
    // A merge may lead around it, to what it comes from itself.
    if (shallow.has(from) && (await this.#list(gitDir, to, ends, signal, ['--merges']))?.length !== 0) return undefined;
    if (!hasFrom) return shallow.size === 0 || ends.length === 0 ? { isForward: false, fresh, gitDir } : undefined;
    const { code } = await git.run(['--git-dir', gitDir, ...PLAIN_SETTINGS, 'merge-base', '--is-ancestor', from, to], {
      op: 'compare the histories of',
      target: to,
      signal,
      env: PLAIN,
      accept: [1],
    });
    if (code === 0) return { isForward: true, fresh, gitDir };
    // `since` may have cut off the way to it.
    return shallow.size === 0 ? { isForward: false, fresh, gitDir } : undefined;
  }

  async #fetch(question: LineageQuestion, depth: number): Promise<void> {
    const { git, commitsDir } = this.#options;
    const { to, signal } = question;
    if (!(await this.#isUsable())) {
      await removeTree({ root: dirname(commitsDir), path: commitsDir });
      const args = ['init', '--quiet', '--bare', '--template=', `--object-format=${objectFormatOf(to)}`, commitsDir];
      await git.run(args, { op: 'make', target: commitsDir, signal });
    }
    await this.#fetchInto(commitsDir, question, depth);
  }

  async #fetchInto(commitsDir: string, { to, ref, signal }: LineageQuestion, depth: number): Promise<void> {
    const { git, url, onFetch } = this.#options;
    const how = { gitDir: commitsDir, depth, allTags: false, url, filter: 'tree:0' };
    const run = async (source: string): Promise<void> => {
      const args = await fetchArguments(how, [`${source}:${FETCHED}`]);
      await git.run(['-c', 'fetch.unpackLimit=1', ...args], {
        op: 'fetch the history from',
        target: 'the remote',
        signal,
        overNetwork: 'objects',
      });
    };
    try {
      await run(to);
    } catch (error) {
      if (!isOfKind(error, 'no-ref')) throw error;
      await run(ref);
    }
    onFetch();
  }

  /** Each fetch leaves a pack; nothing in there is worth a repack. */
  async #isUsable(): Promise<boolean> {
    const { commitsDir } = this.#options;
    if ((await readText(join(commitsDir, 'HEAD'))) === undefined) return false;
    const names = await readdir(join(commitsDir, 'objects', 'pack'), 'latin1').catch(() => [] as string[]);
    return names.filter((name) => name.endsWith('.pack')).length <= MOST_PACKS;
  }
}
