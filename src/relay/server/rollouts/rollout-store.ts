import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SidecarError } from '../../../model/error.ts';
import { type Oid, parseOid } from '../../../model/oid.ts';
import { makeDirectoryBelow, writeBelow } from '../../../platform/files-below.ts';
import { OneAtATime } from '../../../platform/one-at-a-time.ts';
import { parseRepositoryName, type RepositoryName } from '../../protocol/repository-name.ts';
import type { GovernedState } from '../../rollout/governed-state.ts';
import { readGovernedState } from '../../rollout/read-state.ts';

/** What is kept of one governed ref. */
export interface StoredRef {
  readonly state: GovernedState;
  /** The tag object that leads to a commit, for annotated tags. */
  readonly tags: Readonly<Record<Oid, Oid>>;
  /** What instances that never report are shown, where that is not the completed revision. */
  readonly silent?: Oid | undefined;
}

/** By the full name of the ref. */
export type StoredRefs = Readonly<Record<string, StoredRef>>;

/** Where decisions are written down before they are shown. */
export interface DecisionStore {
  /** What was decided before. */
  open(): Promise<ReadonlyMap<RepositoryName, StoredRefs>>;
  /** @throws when it was not written, or when that is not known */
  save(repository: RepositoryName, refs: StoredRefs): Promise<void>;
  /** What is not written is not shown, since another relay may decide otherwise. */
  readonly isBinding: boolean;
}

const FILE = /^[0-9a-f]{32}\.json$/;
const VERSION = 1;

/** Keeps the rollouts of each repository in a file of its own, so that a relay that starts again goes on where it was. */
export class RolloutStore implements DecisionStore {
  readonly isBinding = false;
  readonly #root: string;
  readonly #directory: string;
  readonly #turns = new OneAtATime();
  readonly #stopping = new AbortController();

  /** @param root the directory that is trusted @param name of the directory in it */
  constructor(root: string, name: string) {
    this.#root = root;
    this.#directory = join(root, name);
  }

  /**
   * What an earlier process left.
   * @throws SidecarError ERR_ROLLOUT_STATE: without it, a revision that was halted would be taken for a good one
   */
  async open(): Promise<Map<RepositoryName, StoredRefs>> {
    await makeDirectoryBelow({ root: this.#root, path: this.#directory });
    const names = (await readdir(this.#directory)).filter((name) => FILE.test(name));
    const found = await Promise.all(names.map(async (name) => await readStored(join(this.#directory, name))));
    return new Map(found);
  }

  async save(repository: RepositoryName, refs: StoredRefs): Promise<void> {
    const digest = createHash('sha256').update(repository).digest('hex').slice(0, 32);
    const place = { root: this.#root, path: join(this.#directory, `${digest}.json`) };
    const text = `${JSON.stringify({ version: VERSION, repository, refs })}\n`;
    await this.#turns.run(async () => await writeBelow(place, text, { mode: 0o600 }), this.#stopping.signal);
  }
}

function readStoredRef(ref: string, value: unknown): StoredRef {
  const { state, tags, silent } = (value ?? {}) as Record<string, unknown>;
  const governed = readGovernedState(state);
  const pairs = Object.entries(typeof tags === 'object' && tags !== null ? tags : {});
  const isGood = pairs.every(([commit, tag]) => parseOid(commit) && typeof tag === 'string' && parseOid(tag));
  if (!governed || !isGood) throw new Error(`what it holds of ${ref} is not what a relay writes`);
  const silentOid = typeof silent === 'string' ? parseOid(silent) : undefined;
  return {
    state: governed,
    tags: Object.fromEntries(pairs) as StoredRef['tags'],
    ...(silentOid && { silent: silentOid }),
  };
}

/** Reads the JSON value of {@link StoredRefs}. @throws Error that says what is wrong */
export function readStoredRefs(refs: unknown): StoredRefs {
  if (typeof refs !== 'object' || refs === null) throw new Error('it is not what a relay writes');
  return Object.fromEntries(Object.entries(refs).map(([ref, value]) => [ref, readStoredRef(ref, value)] as const));
}

async function readStored(path: string): Promise<[RepositoryName, StoredRefs]> {
  try {
    const { version, repository, refs } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    const name = typeof repository === 'string' ? parseRepositoryName(repository) : undefined;
    if (version !== VERSION) throw new Error(`it has version ${String(version)}, and this release knows ${VERSION}`);
    if (!name) throw new Error('it is not what a relay writes');
    return [name, readStoredRefs(refs)];
  } catch (cause) {
    const detail = messageOf(cause);
    throw new SidecarError('ERR_ROLLOUT_STATE', { op: 'read the rollouts', target: path, detail, cause });
  }
}
