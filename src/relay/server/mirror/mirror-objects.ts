import type { Git } from '../../../git/git.ts';
import { storePack } from '../../../git/store-pack.ts';
import type { Credential } from '../../../model/credential.ts';
import { isOfKind, SidecarError } from '../../../model/error.ts';
import type { Oid } from '../../../model/oid.ts';
import { deadline } from '../../../platform/deadline.ts';
import { bodyOf } from '../../../platform/http-body.ts';
import { eachInTurns } from '../../../platform/in-turns.ts';
import { NotNative } from '../../../remote/not-native.ts';
import type { UploadPack } from '../../../remote/upload-pack.ts';
import { FetchAnswer, packOf, writeFetch } from '../../../remote/wire/fetch.ts';
import type { RefChange, Refs } from '../../protocol/refs.ts';
import { PRIVATE_REFS } from './former-tips.ts';

/** Where the objects of new refs come from. */
export interface ObjectSource {
  readonly url: string;
  readonly shownUrl: string;
  readonly native: UploadPack | undefined;
  readonly credentials: readonly Credential[];
}

/** Commits that we have are named to the server, so that it sends only what is new; more would not help. */
const MOST_HAVES = 256;
/** A source that sends nothing for this long has stalled. */
const STALL_MS = 60_000;

/** A pack may take days over a slow line. */
const LONGEST_PACK_MS = 7 * 86_400_000;

const FETCH_SETTINGS = ['http.followRedirects=false', 'http.lowSpeedLimit=1', 'http.lowSpeedTime=60'];

export interface MirrorFetch {
  /** The refs as the mirror has them. */
  readonly refs: Refs;
  readonly moved: readonly RefChange[];
  readonly source: ObjectSource;
  /** git may not move the refs; it fetches into private ones. */
  readonly aside: boolean;
  readonly signal: AbortSignal;
}

/** The private ref for a tip that is not let through yet. */
export function candidateRef(oid: Oid): string {
  return `${PRIVATE_REFS}candidate/${oid}`;
}

/** Brings the objects of new refs into a mirror. */
export class MirrorObjects {
  readonly #git: Git;
  readonly #gitDir: string;
  #onlyGit = false;

  constructor(git: Git, gitDir: string) {
    this.#git = git;
    this.#gitDir = gitDir;
  }

  /**
   * @returns `pack`: all objects are here; `git`: it fetched, and moved the refs other than HEAD or the private ones
   * @throws SidecarError ERR_REMOTE_*, ERR_FETCH_OBJECTS, ERR_GIT_*
   */
  async fetch(fetch: MirrorFetch): Promise<'pack' | 'git'> {
    const { refs, moved, source, signal } = fetch;
    const missing = new Set(moved.flatMap(({ to }) => (to ? [to.oid] : [])));
    await eachInTurns(refs.values(), ({ oid }) => missing.delete(oid));
    if (missing.size === 0) return 'pack';
    const wants = [...missing];
    if (!source.native || this.#onlyGit) {
      await this.#fetchWithGit(fetch);
      return 'git';
    }
    try {
      await this.#fetchPack(source.native, wants, fetch);
      return 'pack';
    } catch (error) {
      const isUpstreams = error instanceof SidecarError && error.stage === 'remote' && !error.is('no-git');
      // What is wrong with our own repository is as wrong for git.
      if (signal.aborted || isOfKind(error, 'locked') || isUpstreams) throw error;
      // git understands more servers than we do, and gives its own account of a broken one.
      await this.#fetchWithGit(fetch);
      this.#onlyGit = error instanceof NotNative;
      return 'git';
    }
  }

  async #fetchPack(remote: UploadPack, wants: readonly Oid[], fetch: MirrorFetch): Promise<void> {
    const { refs, moved, source, signal } = fetch;
    const near = moved.flatMap(({ from }) => (from ? [from] : []));
    const haves = new Set(near.slice(0, MOST_HAVES));
    for (const { oid } of refs.values()) {
      if (haves.size >= MOST_HAVES) break;
      haves.add(oid);
    }
    // The server has to begin soon; the pack then takes the time that it takes, as long as it comes.
    const limit = deadline(signal, STALL_MS);
    try {
      const { capabilities } = await remote.discover(source.credentials, limit.signal);
      const { objectFormat } = capabilities;
      const question = { objectFormat, agent: remote.agent, wants, haves: [...haves], shallow: [], depth: undefined };
      const response = await remote.command(writeFetch(question), source.credentials, limit.signal);
      limit.grant(LONGEST_PACK_MS);
      const pack = packOf(bodyOf(response, STALL_MS), new FetchAnswer());
      await storePack({ git: this.#git, gitDir: this.#gitDir, pack, signal: limit.signal });
    } finally {
      // Whatever happened, nothing stays behind on the connection.
      limit.end();
    }
    await this.#requireConnected(wants, signal);
  }

  /** Everything that the new refs reach is here: what git-fetch checks as well before it moves a ref. */
  async #requireConnected(wants: readonly Oid[], signal: AbortSignal): Promise<void> {
    const args = ['--git-dir', this.#gitDir, 'rev-list', '--objects', '--stdin', '--not', '--all', '--quiet'];
    const stdin = `${wants.join('\n')}\n`;
    const { code, stderr } = await this.#git.run(args, {
      op: 'check what came into',
      target: this.#gitDir,
      stdin,
      signal,
      accept: [1, 128],
    });
    if (code === 0) return;
    const detail = `the git server sent a pack with gaps: ${stderr.trim().slice(0, 300)}`;
    throw new SidecarError('ERR_FETCH_OBJECTS', { op: 'fetch', detail });
  }

  async #fetchWithGit({ moved, source, aside, signal }: MirrorFetch): Promise<void> {
    const refspecs = moved.flatMap(({ ref, to }) =>
      ref === 'HEAD' || !to ? [] : `+${ref}:${aside ? candidateRef(to.oid) : ref}\n`,
    );
    const settings = FETCH_SETTINGS.flatMap((setting) => ['-c', setting]);
    const flags = ['--no-tags', '--no-auto-gc', '--no-write-fetch-head', '--no-recurse-submodules', '--quiet'];
    const args = [...settings, '--git-dir', this.#gitDir, 'fetch', ...flags, '--stdin', '--', source.url];
    await this.#git.run(args, { op: 'fetch from', target: source.shownUrl, stdin: refspecs.join(''), signal });
  }
}
