import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SidecarError } from '../../../model/error.ts';
import type { Clock } from '../../../platform/clock.ts';
import { makeDirectoryBelow } from '../../../platform/files-below.ts';
import type { Logger } from '../../../platform/log.ts';
import { describeKept, removeTree } from '../../../platform/remove-tree.ts';
import { Shares } from '../../../platform/shares.ts';
import type { Refs } from '../../protocol/refs.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { AllowPattern, Upstream } from '../access/allow.ts';
import { Absences } from './absences.ts';
import type { Follower } from './follower.ts';
import type { Mirror } from './mirror.ts';
import { directoryName, readNote, writeNote } from './mirror-note.ts';

export interface RepositoriesOptions {
  /** Where the mirrors are kept. */
  readonly directory: string;
  readonly allow: readonly AllowPattern[];
  /** Followed also without requests. */
  readonly always: readonly RepositoryName[];
  readonly most: number;
  /** A repository without a request for this long is no longer followed; its mirror stays while there is room. */
  readonly idleMs: number;
  readonly mostBytes: number;
  /** The first pause before a git server is asked again for a repository that it did not have. */
  readonly firstPauseMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly createFollower: (upstream: Upstream, gitDir: string, payer: string) => Promise<Follower>;
  /** A subscriber holds a stream of it. */
  readonly isWatched: (follower: Follower) => boolean;
  /** Ends the streams of one that is no longer followed. */
  readonly endStreams: (follower: Follower, error: SidecarError) => void;
}

interface Entry {
  readonly follower: Follower;
  /** When a client last asked, on the monotonic clock. */
  usedAt: number;
}

/** Who asked so recently will ask again, although it holds no stream: its repository is not taken for one more of another. */
const FRESH_MS = 60_000;

/** All repositories that this relay follows: those configured, and those that clients asked for. */
export class Repositories {
  readonly #options: RepositoriesOptions;
  readonly #entries = new Map<RepositoryName, Entry>();
  /** Being opened: a client that asks meanwhile waits for the same. */
  readonly #opening = new Map<RepositoryName, Promise<Follower>>();
  /** Being stopped: their mirrors are in use for a moment longer. */
  readonly #closing = new Map<RepositoryName, Promise<void>>();
  /** Which owner pays for how many. */
  readonly #shares: Shares;
  readonly #absences: Absences;
  #bytes = new Map<string, number>();
  /** The refs that a mirror had when it was measured. */
  readonly #measured = new WeakMap<Mirror, Refs>();

  constructor(options: RepositoriesOptions) {
    this.#options = options;
    this.#shares = new Shares(options.most);
    this.#absences = new Absences(options.clock, options.firstPauseMs);
  }

  get followers(): Follower[] {
    return [...this.#entries.values()].map(({ follower }) => follower);
  }

  /** Bytes of all mirrors, when they were last measured. */
  get bytes(): number {
    return [...this.#bytes.values()].reduce((sum, each) => sum + each, 0);
  }

  /** @throws SidecarError ERR_RELAY_PATTERN when one that is always followed is not allowed */
  async open(): Promise<void> {
    const { directory } = this.#options;
    await makeDirectoryBelow({ root: dirname(directory), path: directory });
    for (const name of this.#options.always) {
      if (await this.follow(name, ownPayer(name))) continue;
      const detail = 'none of --allow covers it';
      throw new SidecarError('ERR_RELAY_PATTERN', { op: 'follow', target: name, detail });
    }
  }

  /** It is followed also without requests. */
  isAlways({ upstream }: Follower): boolean {
    return this.#options.always.includes(upstream.name);
  }

  /** Where `name` comes from; undefined when it is not allowed. */
  resolve(name: RepositoryName): Upstream | undefined {
    for (const pattern of this.#options.allow) {
      const upstream = pattern.resolve(name);
      if (upstream) return upstream;
    }
    return undefined;
  }

  /** The follower of a repository that is followed already. */
  peek(name: RepositoryName): Follower | undefined {
    return this.#entries.get(name)?.follower;
  }

  /**
   * The follower of `name`, which is followed from now on. Of the owners that ask for it, the one that pays for the
   * fewest others pays for it.
   * @param asker who wants it
   * @returns undefined when it is not allowed
   * @throws SidecarError ERR_RELAY_FULL; with `retryAfterMs` why the git server did not have it a moment ago
   */
  async follow(name: RepositoryName, asker: string): Promise<Follower | undefined> {
    const known = this.#entries.get(name);
    if (known) {
      known.usedAt = this.#options.clock.monotonic();
      this.#charge(known.follower, asker);
      return known.follower;
    }
    const opening = this.#opening.get(name);
    if (opening) return await opening;
    const upstream = this.resolve(name);
    if (!upstream) return undefined;
    const absence = this.#absences.of(name);
    if (absence) {
      const { error, waitMs } = absence;
      throw new SidecarError(error.code, { op: 'follow', target: name, detail: error.detail, retryAfterMs: waitMs });
    }
    if (this.#shares.isFull && !this.#makeRoom(asker)) {
      const detail = `${this.#options.most} repositories are followed, and all of them are in use`;
      throw new SidecarError('ERR_RELAY_FULL', { op: 'follow', target: name, detail });
    }
    this.#shares.add(asker);
    const opened = this.#open(upstream, asker).finally(() => this.#opening.delete(name));
    this.#opening.set(name, opened);
    return await opened;
  }

  async #open(upstream: Upstream, payer: string): Promise<Follower> {
    const { directory, createFollower, clock, log } = this.#options;
    const { name } = upstream;
    const gitDir = join(directory, directoryName(name));
    try {
      await this.#closing.get(name);
      const follower = await createFollower(upstream, gitDir, payer);
      await follower.start((await readNote(gitDir))?.asOf ?? 0);
      this.#entries.set(name, { follower, usedAt: clock.monotonic() });
      log.info(0, 'following', { repository: name });
      return follower;
    } catch (error) {
      this.#shares.remove(payer);
      throw error;
    }
  }

  #charge(follower: Follower, asker: string): void {
    const { payer } = follower;
    if (this.isAlways(follower) || this.#shares.of(asker) + 1 >= this.#shares.of(payer)) return;
    this.#shares.remove(payer);
    this.#shares.add(asker);
    follower.payer = asker;
  }

  /** The git server has no such repository: it takes no place here, and is asked for again after a pause that grows. */
  giveUp(follower: Follower, error: SidecarError): void {
    const { name } = follower.upstream;
    if (this.isAlways(follower) || this.#entries.get(name)?.follower !== follower) return;
    this.#absences.note(name, error);
    this.#options.endStreams(follower, error);
    this.#drop(name, follower, 'the git server does not have it: not following');
  }

  /**
   * Notes when the git server last confirmed each mirror; closes what is not used; keeps within the limit of the disk.
   */
  async keepOrder(signal: AbortSignal): Promise<void> {
    const { clock, idleMs } = this.#options;
    const now = clock.monotonic();
    for (const [name, entry] of this.#entries) {
      const { follower } = entry;
      if (follower.isKnown) {
        this.#absences.forget(name);
        await this.#note(follower);
      }
      const patience = follower.isKnown ? idleMs : Math.min(idleMs, 60_000);
      const isOver = this.#isIdle(entry) && now - entry.usedAt > patience;
      if (isOver) this.#drop(name, follower, 'no client asks for it: no longer following');
    }
    await this.#keepToDisk(signal);
  }

  async close(): Promise<void> {
    await Promise.all([...this.followers.map((follower) => follower.stop()), ...this.#closing.values()]);
    for (const follower of this.followers) if (follower.isKnown) await this.#note(follower).catch(() => undefined);
  }

  async #note(follower: Follower): Promise<void> {
    const note = { name: follower.upstream.name, asOf: follower.asOf };
    await writeNote(dirname(this.#options.directory), follower.mirror.gitDir, note);
  }

  #isIdle({ follower }: Entry): boolean {
    return !this.isAlways(follower) && !this.#options.isWatched(follower);
  }

  #drop(name: RepositoryName, follower: Follower, why: string): void {
    this.#entries.delete(name);
    this.#shares.remove(follower.payer);
    const closing = follower.stop().finally(() => {
      if (this.#closing.get(name) === closing) this.#closing.delete(name);
    });
    this.#closing.set(name, closing);
    this.#options.log.info(0, why, { repository: name });
  }

  /**
   * Closes a repository without recent requests; else one that `asker` pays for itself, or one of an owner that pays
   * for more: first one without streams, then one with streams.
   */
  #makeRoom(asker: string): boolean {
    const now = this.#options.clock.monotonic();
    const own = this.#shares.of(asker);
    const entries = [...this.#entries].filter(([, { follower }]) => !this.isAlways(follower));
    const idle = entries.filter(([, entry]) => this.#isIdle(entry)).sort(([, a], [, b]) => a.usedAt - b.usedAt);
    const paid = ([, { follower }]: (typeof entries)[number]): number => this.#shares.of(follower.payer);
    const rivals = entries.filter((each) => paid(each) > own + 1).sort((a, b) => paid(b) - paid(a));
    const [most] = rivals;
    const largest = most ? rivals.filter((each) => paid(each) === paid(most)) : [];
    const found =
      idle.find(([, { usedAt }]) => now - usedAt > FRESH_MS) ??
      idle.find((each) => each[1].follower.payer === asker || paid(each) > own + 1) ??
      largest.find(([, { follower }]) => !follower.isKnown) ??
      largest.at(-1);
    if (!found) return false;
    const [name, { follower }] = found;
    const detail = 'another principal needs the place, and the owner of this one has the most';
    this.#options.endStreams(follower, new SidecarError('ERR_RELAY_FULL', { op: 'follow', target: name, detail }));
    this.#drop(name, follower, 'no longer following: its place is needed');
    return true;
  }

  /** Mirrors that are not in use go, the one longest unconfirmed first, until there is room. */
  async #keepToDisk(signal: AbortSignal): Promise<void> {
    const { directory, mostBytes, log } = this.#options;
    const bytes = new Map<string, number>();
    for (const { isKnown, mirror } of this.followers) {
      if (!isKnown) continue;
      const before = this.#bytes.get(mirror.gitDir);
      const isSame = before !== undefined && this.#measured.get(mirror) === mirror.refs;
      bytes.set(mirror.gitDir, isSame ? before : await mirror.size(signal));
      this.#measured.set(mirror, mirror.refs);
    }
    const asleep: { readonly path: string; readonly asOf: number }[] = [];
    for (const entry of await readdir(directory)) {
      const path = join(directory, entry);
      if (this.followers.some(({ mirror }) => mirror.gitDir === path)) continue;
      const note = await readNote(path);
      asleep.push({ path, asOf: note && this.resolve(note.name) ? note.asOf : 0 });
      bytes.set(path, this.#bytes.get(path) ?? (await sizeOfFiles(path)));
    }
    this.#bytes = bytes;
    for (const { path, asOf } of asleep.sort((a, b) => a.asOf - b.asOf)) {
      if (this.bytes <= mostBytes && asOf > 0) break;
      const kept = await removeTree({ root: dirname(directory), path });
      if (kept.length > 0) {
        log.warn(`an unused mirror cannot be removed: ${describeKept(kept)}`, { path });
        continue;
      }
      bytes.delete(path);
      log.info(0, 'removed an unused mirror', { path });
    }
    if (this.bytes > mostBytes) log.warn('the mirrors in use take more than --max-disk', { bytes: this.bytes });
  }
}

/** One that is always followed has a share of its own. */
function ownPayer(name: RepositoryName): string {
  return `followed ${name}`;
}

async function sizeOfFiles(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true }).catch(() => [] as string[]);
  let sum = 0;
  for (const name of names) sum += (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0;
  return sum;
}
