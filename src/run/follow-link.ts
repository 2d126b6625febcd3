import { type FSWatcher, watch } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import type { Logger } from '../platform/log.ts';

/** What a link shows. */
export interface Published {
  /** The commit, where the directory is named after one as sync does it; else the directory's name. */
  readonly id: string;
  /** The directory itself: no link leads through it any more. */
  readonly path: string;
  /** When the link was made, in milliseconds since the epoch. */
  readonly since: number;
}

export interface FollowOptions {
  readonly link: string;
  readonly recheckMs: number;
  readonly log: Logger;
  readonly onChange: () => void;
}

/**
 * What the link shows now; undefined while there is none.
 * @throws SidecarError ERR_RUN_LINK when something that is no link is in its place
 */
export async function readPublished(link: string): Promise<Published | undefined> {
  try {
    const own = await lstat(link);
    if (!own.isSymbolicLink()) {
      throw new SidecarError('ERR_RUN_LINK', { op: 'follow', target: link, detail: 'it is there, but is no link' });
    }
    const path = await realpath(link);
    if (!(await stat(path)).isDirectory()) return undefined;
    return { id: basename(path).replace(/^rev-/, ''), path, since: own.mtimeMs };
  } catch (error) {
    if (error instanceof SidecarError) throw error;
    // Not there yet, or being changed at this moment.
    if (['ENOENT', 'ENOTDIR', 'ESTALE'].includes(systemCode(error) ?? '')) return undefined;
    throw new SidecarError('ERR_RUN_LINK', { op: 'follow', target: link, detail: messageOf(error), cause: error });
  }
}

/** Watches the directory that holds the link; reads the link again now and then too, because not every volume tells. */
export class LinkWatch {
  readonly #options: FollowOptions;
  readonly #timer: NodeJS.Timeout;
  #watcher: FSWatcher | undefined;

  /** @throws SidecarError ERR_RUN_LINK when the directory that should hold the link is missing */
  constructor(options: FollowOptions) {
    this.#options = options;
    const { link, recheckMs, onChange } = options;
    this.#timer = setInterval(() => {
      this.#watch();
      onChange();
    }, recheckMs);
    this.#watch();
    if (this.#watcher) return;
    clearInterval(this.#timer);
    const detail = 'the directory that should hold it cannot be watched';
    throw new SidecarError('ERR_RUN_LINK', { op: 'follow', target: link, detail });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }

  #watch(): void {
    const { link, onChange, log } = this.#options;
    if (this.#watcher) return;
    try {
      this.#watcher = watch(dirname(link), (_event, name) => {
        if (name === null || name === basename(link)) onChange();
      });
      this.#watcher.on('error', (error) => {
        log.info(1, 'watching the link failed; it is read again now and then', { reason: error.message });
        this.#watcher?.close();
        this.#watcher = undefined;
      });
    } catch (error) {
      log.info(1, 'the directory of the link cannot be watched', { link, reason: messageOf(error) });
    }
  }
}
