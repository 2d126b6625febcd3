import { type FSWatcher, watch } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname, relative } from 'node:path';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import { parseOid } from '../model/oid.ts';
import type { Clock } from '../platform/clock.ts';
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
  readonly clock: Clock;
  readonly log: Logger;
  readonly onChange: () => void;
}

/** Directories in which sync keeps worktrees that are named after their commit. */
const BESIDE = ['.worktrees', 'rebuilt'];

/**
 * The commit of a published directory: the name of the worktree that it is, or is in (`sync --path`). v4 keeps worktrees
 * below `.worktrees`, v3 beside the link. In any other place the directory's own name stands for it.
 */
function commitOf(directory: string, path: string): string {
  const plain = (name = ''): string => name.replace(/^rev-/, '');
  const names = path.split('/');
  const at = names.findIndex((name, index) => BESIDE.includes(names[index - 1] ?? '') && parseOid(plain(name)));
  const [beside] = relative(directory, path).split('/');
  const name = at < 0 ? beside : names[at];
  return parseOid(plain(name)) ? plain(name) : plain(basename(path));
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
    return { id: commitOf(await realpath(dirname(link)), path), path, since: own.mtimeMs };
  } catch (error) {
    if (error instanceof SidecarError) throw error;
    // Not there yet, or being changed at this moment.
    if (['ENOENT', 'ENOTDIR', 'ESTALE'].includes(systemCode(error) ?? '')) return undefined;
    throw new SidecarError('ERR_RUN_LINK', { op: 'follow', target: link, detail: messageOf(error), cause: error });
  }
}

/** Why there is no watch, and what to do about it (inotify(7)); undefined for other failures. */
function exhausted(error: unknown): string | undefined {
  const code = systemCode(error);
  if (code === 'EMFILE' || code === 'ENFILE')
    return 'no inotify instance is free; raise fs.inotify.max_user_instances on this machine';
  return code === 'ENOSPC' ? 'no inotify watch is free; raise fs.inotify.max_user_watches on this machine' : undefined;
}

/** Watches a directory; what it throws is a Node system error. */
export type WatchDirectory = (directory: string, onChange: (name: string | null) => void) => FSWatcher;

const watchDirectory: WatchDirectory = (directory, onChange) =>
  watch(directory, (_event, name) => {
    onChange(name);
  });

/**
 * Watches the directory that holds the link; reads the link again now and then too, because not every volume reports
 * changes.
 */
export class LinkWatch {
  readonly #options: FollowOptions;
  readonly #watchDirectory: WatchDirectory;
  readonly #closing = new AbortController();
  #watcher: FSWatcher | undefined;
  #hasWarned = false;

  /** @throws SidecarError ERR_RUN_LINK when the directory that should hold the link is missing */
  constructor(options: FollowOptions, watchWith: WatchDirectory = watchDirectory) {
    this.#options = options;
    this.#watchDirectory = watchWith;
    const { link } = options;
    const failure = this.#watch();
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(failure) ?? '')) {
      const detail = 'the directory that should hold it is missing';
      throw new SidecarError('ERR_RUN_LINK', { op: 'follow', target: link, detail, cause: failure });
    }
    void this.#recheck();
  }

  close(): void {
    this.#closing.abort();
    this.#watcher?.close();
  }

  async #recheck(): Promise<void> {
    const { recheckMs, onChange, clock } = this.#options;
    const { signal } = this.#closing;
    for (;;) {
      await clock.sleep(recheckMs, signal);
      if (signal.aborted) return;
      this.#watch();
      onChange();
    }
  }

  /** @returns why the directory is not watched */
  #watch(): unknown {
    const { link, onChange } = this.#options;
    if (this.#watcher) return undefined;
    try {
      const watcher = this.#watchDirectory(dirname(link), (name) => {
        if (name === null || name === basename(link)) onChange();
      });
      this.#watcher = watcher;
      watcher.on('error', (error) => {
        this.#explain(error);
        watcher.close();
        this.#watcher = undefined;
      });
      return undefined;
    } catch (error) {
      this.#explain(error);
      return error;
    }
  }

  /** The watch is a convenience: without it the link is read every `recheckMs`. */
  #explain(error: unknown): void {
    const { link, recheckMs, log } = this.#options;
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const reason = exhausted(error) ?? messageOf(error);
    log.warn('the link cannot be watched; it is read again every --recheck', { link, ms: recheckMs, reason });
  }
}
