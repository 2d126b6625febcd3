import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Git } from '../git/git.ts';
import { storePack } from '../git/store-pack.ts';
import type { Credential } from '../model/credential.ts';
import { SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import { readText } from '../platform/atomic-file.ts';
import { writeBelow } from '../platform/files-below.ts';
import type { UploadPack } from '../remote/upload-pack.ts';
import { FetchAnswer, packOf, writeFetch } from '../remote/wire/fetch.ts';
import { readShallow, writeShallow } from './shallow.ts';

export interface PackFetchOptions {
  readonly git: Git;
  readonly gitDir: string;
  /** Local ref that will hold the commit. */
  readonly localRef: string;
}

export interface PackFetchQuestion {
  readonly want: Oid;
  /** A commit that is here with everything it needs. */
  readonly have: Oid | undefined;
  readonly credentials: readonly Credential[];
  readonly signal: AbortSignal;
}

const DEPTH = 1;

/**
 * Fetches one commit without its history over the connection that the poll left open: one request, whose pack flows
 * into git while it comes. What `git fetch` would start besides (its HTTP process, a new connection, the list of refs)
 * is not needed, because the poll has told all that.
 */
export class PackFetch {
  readonly #options: PackFetchOptions;
  /** This server answered in a way that only git understands. */
  isUnusable = false;

  constructor(options: PackFetchOptions) {
    this.#options = options;
  }

  /**
   * Brings `want` here and lets the local ref hold it.
   * @returns how many objects came
   * @throws NotNative, SidecarError ERR_REMOTE_*, ERR_FETCH_OBJECTS, ERR_GIT_*; the local ref is as it was then
   */
  async fetch(remote: UploadPack, { want, have, credentials, signal }: PackFetchQuestion): Promise<number> {
    const { gitDir, localRef } = this.#options;
    const shallow = await readShallow(gitDir);
    const { capabilities } = await remote.discover(credentials, signal);
    const body = writeFetch({
      objectFormat: capabilities.objectFormat,
      agent: remote.agent,
      wants: [want],
      haves: have ? [have] : [],
      shallow: have && shallow.has(have) ? [have] : [],
      depth: DEPTH,
    });
    const answer = new FetchAnswer();
    const response = await remote.command(body, credentials, signal);
    const pack = packOf(remote.body(response), answer);
    const count = await storePack({ git: this.#options.git, gitDir, pack, signal });
    if (!(await this.#has(want, signal))) {
      const detail = `the server sent a pack without ${want}`;
      throw new SidecarError('ERR_FETCH_OBJECTS', { op: 'fetch', detail });
    }
    for (const oid of answer.shallow) shallow.add(oid);
    for (const oid of answer.unshallow) shallow.delete(oid);
    await writeShallow(gitDir, shallow);
    await writeBelow({ root: dirname(gitDir), path: join(gitDir, localRef) }, `${want}\n`);
    return count;
  }

  async #has(oid: Oid, signal: AbortSignal): Promise<boolean> {
    const { git, gitDir } = this.#options;
    const loose = join(gitDir, 'objects', oid.slice(0, 2), oid.slice(2));
    if (await lstat(loose).catch(() => undefined)) return true;
    const args = ['--git-dir', gitDir, 'cat-file', '-e', `${oid}^{commit}`];
    const { code } = await git.run(args, { op: 'look up', target: oid, signal, accept: [1, 128] });
    return code === 0;
  }
}

/** True when the repository keeps refs in files, as all do but those somebody converted (git-init, "--ref-format"). */
export async function keepsRefsInFiles(gitDir: string): Promise<boolean> {
  return !/refstorage/i.test((await readText(join(gitDir, 'config'))) ?? '');
}
