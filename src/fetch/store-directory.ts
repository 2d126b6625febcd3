import { createHmac, randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import { readText } from '../platform/atomic-file.ts';
import type { Clock } from '../platform/clock.ts';
import { writeBelow } from '../platform/files-below.ts';
import type { Logger } from '../platform/log.ts';
import { endPredecessors } from '../platform/orphans.ts';
import { claimDirectory } from '../platform/owned-directory.ts';
import { describeKept, removeTree } from '../platform/remove-tree.ts';
import { type SoleUse, takeSoleUse } from '../platform/sole-use.ts';
import { StoreRepository } from './store-repository.ts';

const SALT = '.salt';
const NAME = /^[0-9a-f]{32}\.git$/;
/** A store that nobody has used for so long is not needed any more. */
const UNUSED_MS = 600_000;

/** What tells a directory from another one that was made in its place. */
function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

/** The directory that a document names as its `store`: one bare repository for each that its syncs share. */
export class StoreDirectory {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #inUse = new Set<string>();
  readonly #unusedSince = new Map<string, number>();
  #sole: SoleUse | undefined;
  #inode: bigint | undefined;
  #salt: Buffer = randomBytes(32);
  #wasInterrupted = false;
  #claiming: Promise<void> | undefined;

  private constructor(path: string, clock: Clock, log: Logger) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
  }

  /** @throws SidecarError ERR_DIRECTORY_FOREIGN, ERR_STORE_IN_USE, ERR_STORE_UNUSABLE */
  static async open(path: string, clock: Clock, log: Logger): Promise<StoreDirectory> {
    try {
      // What is above it may be a link; what is in it never is.
      await claimStore(path);
      const directory = new StoreDirectory(await realpath(path), clock, log);
      await directory.#claim();
      return directory;
    } catch (error) {
      throw explained(error, path);
    }
  }

  /** The repository of what `key` describes. It may hold secrets: they can be found in no name on disk. */
  take(key: string): { readonly repository: StoreRepository; readonly release: () => void } {
    const name = `${createHmac('sha256', this.#salt).update(key).digest('hex').slice(0, 32)}.git`;
    this.#inUse.add(name);
    this.#unusedSince.delete(name);
    const repository = new StoreRepository({
      root: this.#path,
      gitDir: join(this.#path, name),
      log: this.#log,
      isSuspect: this.#wasInterrupted,
      reclaim: async () => await this.#reclaim(),
    });
    return { repository, release: () => void this.#inUse.delete(name) };
  }

  /** Removes repositories that nobody uses any more. */
  async removeUnused(signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    for (const name of readdirSync(this.#path)) {
      if (!NAME.test(name) || this.#inUse.has(name)) continue;
      const since = this.#unusedSince.get(name) ?? now;
      this.#unusedSince.set(name, since);
      if (now - since < UNUSED_MS) continue;
      const path = join(this.#path, name);
      const kept = await removeTree({ root: this.#path, path }, { signal });
      if (kept.length === 0) this.#log.info(0, 'removed a shared store that nobody uses', { path });
      else this.#log.warn(`a shared store that nobody uses could not be removed: ${describeKept(kept)}`);
      this.#unusedSince.delete(name);
    }
  }

  close(): void {
    this.#sole?.release();
    this.#sole = undefined;
  }

  async #claim(): Promise<void> {
    const sole = await takeSoleUse(this.#path);
    if (!sole) {
      const detail = 'another process uses it';
      throw new SidecarError('ERR_STORE_IN_USE', { op: 'use the shared store', target: this.#path, detail });
    }
    this.#sole = sole;
    this.#inode = inodeOf(this.#path);
    if (sole.wasInterrupted) {
      this.#wasInterrupted = true;
      await endPredecessors(this.#path, this.#log);
    }
    const salt = await readText(join(this.#path, SALT));
    if (salt !== undefined && salt.length >= 64) this.#salt = Buffer.from(salt.trim(), 'hex');
    else
      await writeBelow({ root: this.#path, path: join(this.#path, SALT) }, this.#salt.toString('hex'), { mode: 0o600 });
  }

  /** Somebody may have removed it, with all that is in it. */
  async #reclaim(): Promise<void> {
    if (inodeOf(this.#path) === this.#inode) return;
    this.#claiming ??= (async () => {
      this.#log.warn('the directory of shared stores was removed; it is made anew', { path: this.#path });
      this.close();
      await claimStore(this.#path);
      await this.#claim();
    })();
    try {
      await this.#claiming;
    } catch (error) {
      throw explained(error, this.#path);
    } finally {
      this.#claiming = undefined;
    }
  }
}

async function claimStore(path: string): Promise<void> {
  await claimDirectory({
    path,
    purpose: 'the shared stores of git-sidecar up',
    foreignTo: async (names) => names,
  });
}

function explained(error: unknown, path: string): unknown {
  if (error instanceof SidecarError || systemCode(error) === undefined) return error;
  const detail = messageOf(error);
  return new SidecarError('ERR_STORE_UNUSABLE', { op: 'use the shared store', target: path, detail, cause: error });
}
