import { fetchArguments } from '../fetch/fetch-commit.ts';
import type { Git } from '../git/git.ts';
import { type Oid, parseOid } from '../model/oid.ts';
import { PLAIN, type RawObject } from './raw-objects.ts';
import { noTag, readTag, TAGS } from './tag-object.ts';

export interface TagOptions {
  readonly git: Git;
  readonly gitDir: string;
  readonly url: () => string;
  readonly onFetch: () => void;
}

/** The tag of what was let through last, and the one that was fetched last. */
const [GOOD, FETCHED] = ['refs/git-sidecar/verify/good', 'refs/git-sidecar/verify/fetched'];

/** Finds the tag object behind a ref, and makes sure that it is about this ref and this commit. */
export class TagObjects {
  readonly #options: TagOptions;

  constructor(options: TagOptions) {
    this.#options = options;
  }

  /** @throws SidecarError ERR_VERIFY_NO_TAG; what a fetch throws */
  async find(ref: string, commit: Oid, signal: AbortSignal): Promise<RawObject> {
    if (!ref.startsWith(TAGS)) throw noTag(ref, 'it is no tag');
    const known = await this.#read(GOOD, ref, commit, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (known) return known;
    await this.#fetch(ref, signal);
    return await this.#read(FETCHED, ref, commit, signal);
  }

  /** The fetched tag is the one that what is published belongs to: from now on it needs no fetch. */
  async keep(ref: string, commit: Oid, signal: AbortSignal): Promise<void> {
    const { git, gitDir } = this.#options;
    const oid = await this.#resolve(FETCHED, signal);
    if (!oid || !(await this.#read(FETCHED, ref, commit, signal).catch(() => undefined))) return;
    await git.run(['--git-dir', gitDir, 'update-ref', GOOD, oid], { op: 'write', target: GOOD, signal });
  }

  async #resolve(name: string, signal: AbortSignal): Promise<Oid | undefined> {
    const { git, gitDir } = this.#options;
    const args = ['--git-dir', gitDir, 'rev-parse', '--verify', '--quiet', '--end-of-options', name];
    const { stdout } = await git.run(args, { op: 'look up', target: name, signal, env: PLAIN, accept: [1, 128] });
    return parseOid(stdout.trim());
  }

  async #read(name: string, ref: string, commit: Oid, signal: AbortSignal): Promise<RawObject> {
    const { git, gitDir } = this.#options;
    const oid = await this.#resolve(name, signal);
    if (!oid) throw noTag(ref, 'it is not there');
    return await readTag(git, gitDir, { oid, ref, commit }, signal);
  }

  async #fetch(ref: string, signal: AbortSignal): Promise<void> {
    const { git, gitDir, url, onFetch } = this.#options;
    // The commit and its history are here already; of a tag that has moved, no more than its commit comes.
    const how = { gitDir, depth: 0, allTags: false, url, filter: '' };
    const args = (await fetchArguments(how, [`${ref}:${FETCHED}`])).filter((each) => each !== '--unshallow');
    await git.run(args, { op: 'fetch a tag from', target: 'the remote', signal, overNetwork: 'objects' });
    onFetch();
  }
}
