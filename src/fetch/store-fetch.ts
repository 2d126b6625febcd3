import type { Git } from '../git/git.ts';
import { isOfKind } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import { CommitFetcher, fetchArguments } from './fetch-commit.ts';
import { unitRef } from './held-commits.ts';
import { fetchPack } from './pack-fetch.ts';
import type { StoreAccess } from './store-access.ts';
import type { StoreRepository } from './store-repository.ts';

/** A commit that somebody wants in a shared store. */
export interface Wanted {
  readonly unit: string;
  readonly oid: Oid;
  /** Full name of the ref that showed it; undefined where only the commit is wanted. */
  readonly ref: string | undefined;
}

export interface StoreFetchQuestion<Each extends Wanted> {
  readonly wanted: readonly Each[];
  /** Those of `wanted` that may as well come later. */
  readonly optional: ReadonlySet<Each>;
  /** Commits that are here with everything they need. */
  readonly haves: readonly Oid[];
  /** 1, or 0: all of history. */
  readonly depth: number;
  readonly signal: AbortSignal;
}

export type Fetched = { readonly oid: Oid; readonly objects: number | undefined } | { readonly error: unknown };

/** More would make a question long, and bring little. */
const MOST_HAVES = 64;

/** The connection that is open already. @returns undefined when git has to fetch */
async function overConnection<Each extends Wanted>(
  git: Git,
  gitDir: string,
  access: StoreAccess,
  { wanted, haves, signal }: StoreFetchQuestion<Each>,
): Promise<number | undefined> {
  if (!access.native) return undefined;
  const wants = [...new Set(wanted.map(({ oid }) => oid))];
  const question = { wants, haves: haves.slice(0, MOST_HAVES), credentials: access.credentials, signal };
  try {
    return await fetchPack({ git, gitDir }, access.native, question);
  } catch (error) {
    if (signal.aborted) throw error;
    access.onNativeFailure(error);
    return undefined;
  }
}

async function overGit<Each extends Wanted>(
  git: Git,
  gitDir: string,
  access: StoreAccess,
  { wanted, depth, signal }: StoreFetchQuestion<Each>,
): Promise<void> {
  const { url, shownUrl, onProgress } = access;
  const byCommit = new Map(wanted.map(({ oid, unit }) => [oid, `${oid}:${unitRef(unit, oid)}`]));
  const how = { gitDir, depth, filter: '', allTags: false, url: () => url, ...(onProgress && { onProgress }) };
  await git.run(await fetchArguments(how, [...byCommit.values()]), {
    op: 'fetch from',
    target: shownUrl,
    signal,
    overNetwork: 'objects',
    ...(onProgress && { onStderr: onProgress }),
  });
}

/** A server that does not have one of the commits any more, or gives out only what its refs show, fails for that one alone. */
async function oneByOne<Each extends Wanted>(
  repository: StoreRepository,
  access: StoreAccess,
  { wanted, optional, depth, signal }: StoreFetchQuestion<Each>,
): Promise<Map<Each, Fetched>> {
  const fetched = new Map<Each, Fetched>();
  const [git, { gitDir }] = [repository.lend(access.git), repository];
  const { url, shownUrl, onFetch } = access;
  for (const each of wanted) {
    if (optional.has(each)) {
      fetched.set(each, { error: new Error('it can come later') });
      continue;
    }
    const localRef = `refs/git-sidecar/incoming/${each.unit}`;
    const filter = () => '';
    const how = { git, gitDir, localRef, depth, filter, allTags: false, url: () => url, shownUrl, onFetch };
    try {
      const oid = await new CommitFetcher(how).fetch(each.oid, each.ref, signal);
      fetched.set(each, { oid, objects: undefined });
      // Whoever asked lets the refs of units keep it.
      await repository.run(access.git, ['update-ref', '-d', localRef], { op: 'move the refs of', signal });
    } catch (error) {
      if (signal.aborted) throw error;
      fetched.set(each, { error });
    }
  }
  return fetched;
}

/**
 * Brings all of `wanted` into the store with as few requests as the server allows.
 * @returns what became of each
 * @throws what makes it fail for all: SidecarError ERR_REMOTE_*, ERR_FETCH_OBJECTS, ERR_GIT_*
 */
export async function fetchForAll<Each extends Wanted>(
  repository: StoreRepository,
  access: StoreAccess,
  question: StoreFetchQuestion<Each>,
): Promise<ReadonlyMap<Each, Fetched>> {
  const { wanted } = question;
  if (wanted.length === 0) return new Map();
  const [git, { gitDir }] = [repository.lend(access.git), repository];
  const objects = await overConnection(git, gitDir, access, question);
  if (objects === undefined) {
    try {
      await overGit(git, gitDir, access, question);
    } catch (error) {
      if (!isOfKind(error, 'no-ref')) throw error;
      return await oneByOne(repository, access, question);
    }
  }
  access.onFetch();
  const forOne = wanted.length === 1 ? objects : undefined;
  return new Map(wanted.map((each) => [each, { oid: each.oid, objects: forOne }]));
}
