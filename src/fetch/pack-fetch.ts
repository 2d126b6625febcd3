import { dirname, join } from 'node:path';
import { storePack } from '../git/store-pack.ts';
import type { Credential } from '../model/credential.ts';
import { SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import { readText } from '../platform/atomic-file.ts';
import { writeBelow } from '../platform/files-below.ts';
import type { UploadPack } from '../remote/upload-pack.ts';
import { FetchAnswer, packOf, writeFetch } from '../remote/wire/fetch.ts';
import { packHolds } from './pack-index.ts';
import { type LookedInto, presentCommits } from './present-commits.ts';
import { readShallow, writeShallow } from './shallow.ts';

export interface PackFetchOptions extends LookedInto {
  /** Local ref that will hold the commit. */
  readonly localRef: string;
}

interface Asking {
  readonly credentials: readonly Credential[];
  readonly signal: AbortSignal;
}

export interface PackQuestion extends Asking {
  readonly wants: readonly Oid[];
  /** Commits that are here with everything they need. */
  readonly haves: readonly Oid[];
}

export interface PackFetchQuestion extends Asking {
  readonly want: Oid;
  /** A commit that is here with everything it needs. */
  readonly have: Oid | undefined;
}

const DEPTH = 1;

/**
 * Fetches commits without their history over a connection that is open already: one request, whose pack flows into git
 * while it comes.
 * @returns how many objects came
 * @throws NotNative, SidecarError ERR_REMOTE_*, ERR_FETCH_OBJECTS, ERR_GIT_*
 */
export async function fetchPack(
  place: LookedInto,
  remote: UploadPack,
  { wants, haves, credentials, signal }: PackQuestion,
): Promise<number> {
  const { git, gitDir } = place;
  const shallow = await readShallow(gitDir);
  const { capabilities } = await remote.discover(credentials, signal);
  const body = writeFetch({
    objectFormat: capabilities.objectFormat,
    agent: remote.agent,
    wants,
    haves,
    shallow: haves.filter((oid) => shallow.has(oid)),
    depth: DEPTH,
  });
  const answer = new FetchAnswer();
  const response = await remote.command(body, credentials, signal);
  const pack = packOf(remote.body(response), answer);
  const { objects, name } = await storePack({
    git,
    gitDir,
    pack,
    signal,
    onCount: (count) => git.expectObjects?.(count),
  });
  const others = name === undefined ? wants : wants.filter((oid) => !packHolds(gitDir, name, oid));
  const present = await presentCommits(place, others, signal);
  const missing = others.find((oid) => !present.has(oid));
  if (missing !== undefined)
    throw new SidecarError('ERR_FETCH_OBJECTS', { op: 'fetch', detail: `the server sent a pack without ${missing}` });
  for (const oid of answer.shallow) shallow.add(oid);
  for (const oid of answer.unshallow) shallow.delete(oid);
  await writeShallow(gitDir, shallow);
  return objects;
}

/**
 * Fetches one commit without its history over the connection that the poll left open. What `git fetch` would start
 * besides (its HTTP process, a new connection, the list of refs) is not needed, because the poll has told all that.
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
    const question = { wants: [want], haves: have ? [have] : [], credentials, signal };
    const count = await fetchPack(this.#options, remote, question);
    await writeBelow({ root: dirname(gitDir), path: join(gitDir, localRef) }, `${want}\n`);
    return count;
  }
}

/** True when the repository keeps refs in files, as all do but those somebody converted (git-init, "--ref-format"). */
export async function keepsRefsInFiles(gitDir: string): Promise<boolean> {
  return !/refstorage/i.test((await readText(join(gitDir, 'config'))) ?? '');
}
