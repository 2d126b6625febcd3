import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SidecarError } from '../../model/error.ts';
import { readText } from '../../platform/atomic-file.ts';
import type { Clock } from '../../platform/clock.ts';
import { makeDirectoryBelow, writeBelow } from '../../platform/files-below.ts';
import type { Logger } from '../../platform/log.ts';
import { describeKept, removeTree } from '../../platform/remove-tree.ts';
import type { Refs } from '../protocol/refs.ts';
import { parseRepositoryName, type RepositoryName } from '../protocol/repository-name.ts';
import type { AllowPattern, Upstream } from './allow.ts';
import type { Follower } from './follower.ts';
import type { Mirror } from './mirror.ts';

export interface RepositoriesOptions {
  /** Where the mirrors are kept. */
  readonly directory: string;
  readonly allow: readonly AllowPattern[];
  /** Followed whether somebody asks or not. */
  readonly always: readonly RepositoryName[];
  readonly most: number;
  /** A repository that nobody asked for this long is no longer followed; its mirror stays while there is room. */
  readonly idleMs: number;
  readonly mostBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly createFollower: (upstream: Upstream, gitDir: string) => Promise<Follower>;
  /** Somebody holds a stream of it. */
  readonly isWatched: (follower: Follower) => boolean;
}

interface Entry {
  readonly follower: Follower;
  /** When somebody last asked, on the monotonic clock. */
  usedAt: number;
}

/** What is known of a mirror on disk. */
interface Note {
  readonly name: RepositoryName;
  readonly asOf: number;
}

const NOTE = 'git-sidecar.json';

/** A directory that tells people which repository it is; the digest alone decides. */
function directoryName(name: RepositoryName): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
  const readable = name.replace(/[^a-z0-9.-]+/gi, '_').slice(-60);
  return `${readable}.${digest}`;
}

async function readNote(directory: string): Promise<Note | undefined> {
  try {
    const { name, asOf } = JSON.parse((await readText(join(directory, NOTE))) ?? '') as Record<string, unknown>;
    const parsed = typeof name === 'string' ? parseRepositoryName(name) : undefined;
    return parsed && { name: parsed, asOf: typeof asOf === 'number' ? asOf : 0 };
  } catch {
    return undefined;
  }
}

/** All repositories that this relay follows: those configured, and those that somebody asked for. */
export class Repositories {
  readonly #options: RepositoriesOptions;
  readonly #entries = new Map<RepositoryName, Entry>();
  /** Being opened: who asks meanwhile waits for the same. */
  readonly #opening = new Map<RepositoryName, Promise<Follower>>();
  #bytes = new Map<string, number>();
  /** The refs that a mirror had when it was measured. */
  readonly #measured = new WeakMap<Mirror, Refs>();

  constructor(options: RepositoriesOptions) {
    this.#options = options;
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
      if (await this.follow(name)) continue;
      const detail = 'none of --allow covers it';
      throw new SidecarError('ERR_RELAY_PATTERN', { op: 'follow', target: name, detail });
    }
  }

  /** It is followed whether somebody asks or not. */
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
   * The follower of `name`, which is followed from now on.
   * @returns undefined when it is not allowed
   * @throws SidecarError ERR_RELAY_FULL
   */
  async follow(name: RepositoryName): Promise<Follower | undefined> {
    const { clock, most } = this.#options;
    const known = this.#entries.get(name);
    if (known) {
      known.usedAt = clock.monotonic();
      return known.follower;
    }
    const opening = this.#opening.get(name);
    if (opening) return await opening;
    const upstream = this.resolve(name);
    if (!upstream) return undefined;
    if (this.#entries.size + this.#opening.size >= most && !(await this.#dropIdlest())) {
      const detail = `${most} repositories are followed, and all of them are in use`;
      throw new SidecarError('ERR_RELAY_FULL', { op: 'follow', target: name, detail });
    }
    const opened = this.#open(upstream).finally(() => this.#opening.delete(name));
    this.#opening.set(name, opened);
    return await opened;
  }

  async #open(upstream: Upstream): Promise<Follower> {
    const { directory, createFollower, clock, log } = this.#options;
    const { name } = upstream;
    const gitDir = join(directory, directoryName(name));
    const follower = await createFollower(upstream, gitDir);
    await follower.start((await readNote(gitDir))?.asOf ?? 0);
    this.#entries.set(name, { follower, usedAt: clock.monotonic() });
    log.info(0, 'following', { repository: name });
    return follower;
  }

  /** Notes when the git server last confirmed each mirror; lets go of what nobody uses; keeps to the disk's bound. */
  async keepOrder(signal: AbortSignal): Promise<void> {
    const { clock, idleMs } = this.#options;
    const now = clock.monotonic();
    for (const [name, entry] of this.#entries) {
      if (entry.follower.isKnown) await this.#note(entry.follower);
      const patience = entry.follower.isKnown ? idleMs : Math.min(idleMs, 60_000);
      if (this.#isIdle(name, entry) && now - entry.usedAt > patience) await this.#drop(name, entry);
    }
    await this.#keepToDisk(signal);
  }

  async close(): Promise<void> {
    await Promise.all(this.followers.map((follower) => follower.stop()));
    for (const follower of this.followers) if (follower.isKnown) await this.#note(follower).catch(() => undefined);
  }

  async #note(follower: Follower): Promise<void> {
    const note: Note = { name: follower.upstream.name, asOf: follower.asOf };
    const root = dirname(this.#options.directory);
    await writeBelow({ root, path: join(follower.mirror.gitDir, NOTE) }, `${JSON.stringify(note)}\n`);
  }

  #isIdle(name: RepositoryName, { follower }: Entry): boolean {
    return !this.#options.always.includes(name) && !this.#options.isWatched(follower);
  }

  async #drop(name: RepositoryName, { follower }: Entry): Promise<void> {
    this.#entries.delete(name);
    await follower.stop();
    this.#options.log.info(0, 'nobody asks for it: no longer following', { repository: name });
  }

  async #dropIdlest(): Promise<boolean> {
    const idle = [...this.#entries].filter(([name, entry]) => this.#isIdle(name, entry));
    const [oldest] = idle.sort(([, a], [, b]) => a.usedAt - b.usedAt);
    if (oldest) await this.#drop(...oldest);
    return oldest !== undefined;
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
        log.warn(`a mirror that nobody uses cannot be removed: ${describeKept(kept)}`, { path });
        continue;
      }
      bytes.delete(path);
      log.info(0, 'removed a mirror that nobody uses', { path });
    }
    if (this.bytes > mostBytes) log.warn('the mirrors in use take more than --max-disk', { bytes: this.bytes });
  }
}

async function sizeOfFiles(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true }).catch(() => [] as string[]);
  let sum = 0;
  for (const name of names) sum += (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0;
  return sum;
}
