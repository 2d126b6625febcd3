import { stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Git } from '../../git/git.ts';
import { storePack } from '../../git/store-pack.ts';
import { findDiversion } from '../../git/structure.ts';
import type { Credential } from '../../model/credential.ts';
import { SidecarError } from '../../model/error.ts';
import { type ObjectFormat, type Oid, objectFormatOf } from '../../model/oid.ts';
import type { AdvertisedRef } from '../../model/ref.ts';
import type { Below } from '../../platform/below.ts';
import { makeDirectoryBelow } from '../../platform/files-below.ts';
import { bodyOf } from '../../platform/http-connection.ts';
import { makeWay, removeLink } from '../../platform/make-way.ts';
import { readLsRemote } from '../../poll/ls-remote.ts';
import { NotNative, type UploadPack } from '../../remote/upload-pack.ts';
import { FetchAnswer, packOf, writeFetch } from '../../remote/wire/fetch.ts';
import { changesBetween, type RefChange, type Refs } from '../protocol/refs.ts';

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

const FETCH_SETTINGS = ['http.followRedirects=false', 'http.lowSpeedLimit=1', 'http.lowSpeedTime=60'];

/** The body of an answer; gives up when nothing comes for a while. */
async function* withoutStalls(response: IncomingMessage): AsyncGenerator<Buffer> {
  const giveUp = (): void => void response.destroy(new Error(`nothing came for ${STALL_MS} ms`));
  let timer = setTimeout(giveUp, STALL_MS);
  try {
    for await (const chunk of bodyOf(response)) {
      clearTimeout(timer);
      yield chunk;
      timer = setTimeout(giveUp, STALL_MS);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** A bare repository that holds what a git server's branches and tags reach. */
export class Mirror {
  readonly gitDir: string;
  readonly #git: Git;
  readonly #place: Below;
  #refs: Refs = new Map();
  #objectFormat: ObjectFormat | undefined;
  #onlyGit = false;

  /** @param root the trusted directory that the mirror lies in, however deep */
  constructor(git: Git, root: string, gitDir: string) {
    this.#git = git;
    this.gitDir = gitDir;
    this.#place = { root, path: gitDir };
  }

  get refs(): Refs {
    return this.#refs;
  }

  /** undefined while nothing was ever fetched. */
  get objectFormat(): ObjectFormat | undefined {
    return this.#objectFormat;
  }

  /** Takes up what an earlier process left. @returns false when there is nothing that can be used */
  async open(signal: AbortSignal): Promise<boolean> {
    const known = await stat(join(this.gitDir, 'HEAD')).catch(() => undefined);
    if (!known) return false;
    await this.#requireOwn();
    this.#refs = await this.#readRefs(signal);
    const [first] = this.#refs.values();
    if (first) this.#objectFormat = objectFormatOf(first.oid);
    return first !== undefined;
  }

  /**
   * Brings the repository to `wanted`. Refs move only when everything they reach is there.
   * @returns the refs as they are then: those wanted, or newer ones
   * @throws SidecarError ERR_REMOTE_*, ERR_FETCH_OBJECTS, ERR_GIT_*; the refs are as they were, or nearer to `wanted`
   */
  async update(wanted: Refs, source: ObjectSource, signal: AbortSignal): Promise<Refs> {
    const [first] = wanted.values();
    await this.#requireOwn();
    if (first) await this.#ensure(objectFormatOf(first.oid), signal);
    const changes = changesBetween(this.#refs, wanted);
    const gone = changes.filter(({ ref, to }) => !to && ref !== 'HEAD').map(({ ref }) => `delete ${ref}\n`);
    // Before the others: a branch `a` is in the way of a branch `a/b`.
    if (gone.length > 0) await this.#updateRefs(gone, signal);
    const moved = changes.filter(({ to }) => to !== undefined);
    if (await this.#fetch(moved, source, signal)) this.#refs = await this.#apply(moved, wanted, signal);
    else this.#refs = await this.#readRefs(signal);
    return this.#refs;
  }

  /** Lets git tidy up when there is enough to do; objects that somebody may still be fetching stay for two hours. */
  async collectGarbage(signal: AbortSignal): Promise<void> {
    await this.#requireOwn();
    const settings = [
      '-c',
      'gc.pruneExpire=2.hours.ago',
      '-c',
      'gc.autoPackLimit=20',
      '-c',
      'gc.writeCommitGraph=true',
    ];
    const args = [...settings, '--git-dir', this.gitDir, 'gc', '--auto', '--quiet'];
    await this.#git.run(args, { op: 'tidy up', target: this.gitDir, signal });
  }

  /** Bytes that the objects take. */
  async size(signal: AbortSignal): Promise<number> {
    const args = ['--git-dir', this.gitDir, 'count-objects', '-v'];
    const { stdout } = await this.#git.run(args, { op: 'measure', target: this.gitDir, signal });
    const kibibytes = [...stdout.matchAll(/^(?:size|size-pack): (\d+)$/gm)].map((match) => Number(match[1]));
    return kibibytes.reduce((sum, each) => sum + each, 0) * 1024;
  }

  /** Every object that the refs reach is there and readable (git-fsck). */
  async isSound(signal: AbortSignal): Promise<boolean> {
    const args = ['--git-dir', this.gitDir, 'fsck', '--connectivity-only', '--no-dangling', '--no-progress'];
    const accept = [1, 2, 3, 4, 5, 6, 7, 8, 128];
    return (await this.#git.run(args, { op: 'check', target: this.gitDir, signal, accept })).code === 0;
  }

  /** Throws everything away; the next update fetches it again. */
  async discard(): Promise<void> {
    await makeWay(this.#place);
    this.#refs = new Map();
    this.#objectFormat = undefined;
  }

  /** @returns whether the object is here */
  async has(oid: string, signal: AbortSignal): Promise<boolean> {
    const args = ['--git-dir', this.gitDir, 'cat-file', '-e', oid];
    return (await this.#git.run(args, { op: 'look up', target: oid, signal, accept: [1, 128] })).code === 0;
  }

  /**
   * Before git works on the mirror: somebody who shares the volume may have put a symlink into it, or mounted something.
   * @throws SidecarError ERR_PATH_REDIRECTED; the mirror is thrown away then, and the next update makes another
   */
  async #requireOwn(): Promise<void> {
    const isLink = await removeLink(this.#place);
    const found = findDiversion(this.#place);
    if (!isLink && !found) return;
    await this.discard();
    const detail = `${found?.path ?? this.gitDir} was ${found?.what ?? 'a symbolic link'}; the mirror is made anew`;
    throw new SidecarError('ERR_PATH_REDIRECTED', { op: 'use', target: this.gitDir, detail });
  }

  async #ensure(objectFormat: ObjectFormat, signal: AbortSignal): Promise<void> {
    if (this.#objectFormat === objectFormat) return;
    // Nothing, or the mirror of a repository that has changed its kind.
    await this.discard();
    await makeDirectoryBelow(this.#place);
    const args = ['init', '--quiet', '--bare', '--template=', `--object-format=${objectFormat}`, '--', this.gitDir];
    await this.#git.run(args, { op: 'make a repository in', target: this.gitDir, signal });
    this.#objectFormat = objectFormat;
  }

  async #readRefs(signal: AbortSignal): Promise<Refs> {
    const options = { op: 'read the refs of', target: this.gitDir, signal, accept: [1] };
    const show = await this.#git.run(['--git-dir', this.gitDir, 'show-ref', '--head', '--dereference'], options);
    const head = await this.#git.run(['--git-dir', this.gitDir, 'symbolic-ref', '--quiet', 'HEAD'], options);
    const refs = readLsRemote(show.stdout.replace(/^(\S+) /gm, '$1\t'));
    const symref = head.stdout.trim();
    const withHead = refs.map((ref) => (ref.name === 'HEAD' && symref !== '' ? { ...ref, symref } : ref));
    return new Map(withHead.map((ref) => [ref.name, ref]));
  }

  /** @returns false when git fetched, and moved the refs itself */
  async #fetch(moved: readonly RefChange[], source: ObjectSource, signal: AbortSignal): Promise<boolean> {
    const present = new Set([...this.#refs.values()].map(({ oid }) => oid));
    const wants = [...new Set(moved.flatMap(({ to }) => (to ? [to.oid] : [])))].filter((oid) => !present.has(oid));
    if (wants.length === 0) return true;
    if (!source.native || this.#onlyGit) {
      await this.#fetchWithGit(moved, source, signal);
      return false;
    }
    try {
      await this.#fetchPack(source.native, wants, moved, source.credentials, signal);
      return true;
    } catch (error) {
      const isUpstreams = error instanceof SidecarError && error.code.startsWith('ERR_REMOTE');
      if (signal.aborted || (isUpstreams && !(error.code === 'ERR_REMOTE_PROTOCOL'))) throw error;
      // git understands more servers than we do, and gives its own account of a broken one.
      await this.#fetchWithGit(moved, source, signal);
      this.#onlyGit = error instanceof NotNative;
      return false;
    }
  }

  async #fetchPack(
    remote: UploadPack,
    wants: readonly Oid[],
    moved: readonly RefChange[],
    credentials: readonly Credential[],
    signal: AbortSignal,
  ): Promise<void> {
    const near = moved.flatMap(({ from }) => (from ? [from] : []));
    const haves = [...new Set([...near, ...[...this.#refs.values()].map(({ oid }) => oid)])].slice(0, MOST_HAVES);
    const { capabilities } = await remote.discover(credentials, signal);
    const { objectFormat } = capabilities;
    const question = { objectFormat, agent: remote.agent, wants, haves, shallow: [], depth: undefined };
    const response = await remote.command(writeFetch(question), credentials, signal);
    const answer = new FetchAnswer();
    const pack = packOf(withoutStalls(response), answer);
    await storePack({ git: this.#git, gitDir: this.gitDir, pack, signal });
    await this.#requireConnected(wants, signal);
  }

  /** Everything that the new refs reach is here: what git-fetch checks as well before it moves a ref. */
  async #requireConnected(wants: readonly Oid[], signal: AbortSignal): Promise<void> {
    const args = ['--git-dir', this.gitDir, 'rev-list', '--objects', '--stdin', '--not', '--all', '--quiet'];
    const stdin = `${wants.join('\n')}\n`;
    const { code, stderr } = await this.#git.run(args, {
      op: 'check what came into',
      target: this.gitDir,
      stdin,
      signal,
      accept: [1, 128],
    });
    if (code === 0) return;
    const detail = `the git server sent a pack with gaps: ${stderr.trim().slice(0, 300)}`;
    throw new SidecarError('ERR_FETCH_OBJECTS', { op: 'fetch', detail });
  }

  async #fetchWithGit(moved: readonly RefChange[], source: ObjectSource, signal: AbortSignal): Promise<void> {
    const refspecs = moved.filter(({ ref }) => ref !== 'HEAD').map(({ ref }) => `+${ref}:${ref}\n`);
    const settings = FETCH_SETTINGS.flatMap((setting) => ['-c', setting]);
    const flags = ['--no-tags', '--no-auto-gc', '--no-write-fetch-head', '--no-recurse-submodules', '--quiet'];
    const args = [...settings, '--git-dir', this.gitDir, 'fetch', ...flags, '--stdin', '--', source.url];
    const stdin = refspecs.join('');
    await this.#git.run(args, { op: 'fetch from', target: source.shownUrl, stdin, signal });
    const head = moved.find(({ ref }) => ref === 'HEAD')?.to;
    if (head) await this.#setHead(head, signal);
  }

  async #apply(moved: readonly RefChange[], wanted: Refs, signal: AbortSignal): Promise<Refs> {
    const lines = moved.filter(({ ref }) => ref !== 'HEAD').map(({ ref, to }) => `update ${ref} ${to?.oid}\n`);
    if (lines.length > 0) await this.#updateRefs(lines, signal);
    const head = moved.find(({ ref }) => ref === 'HEAD')?.to;
    if (head && (head.symref === undefined || head.symref !== this.#refs.get('HEAD')?.symref))
      await this.#setHead(head, signal);
    return wanted;
  }

  async #setHead({ oid, symref }: AdvertisedRef, signal: AbortSignal): Promise<void> {
    const how = symref === undefined ? ['update-ref', '--no-deref', 'HEAD', oid] : ['symbolic-ref', 'HEAD', symref];
    await this.#git.run(['--git-dir', this.gitDir, ...how], { op: 'set HEAD of', target: this.gitDir, signal });
  }

  async #updateRefs(lines: readonly string[], signal: AbortSignal): Promise<void> {
    const args = ['--git-dir', this.gitDir, 'update-ref', '--stdin'];
    const stdin = lines.join('');
    await this.#git.run(args, { op: 'move the refs of', target: this.gitDir, stdin, signal });
  }
}
