import { type Entry, isSameEntry, linkTextOf, statOf } from '../into/entry-copy.ts';
import { leadsInside } from '../into/inner-link.ts';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';
import { inDirectory, inParent } from '../platform/below.ts';
import { type BytePath, bytesOfPath, HERE, joinPath, parentOf, pathOfBytes } from '../platform/byte-path.ts';
import { bytesOfName, type HeldDirectory } from '../platform/held-directory.ts';
import { listDirectory } from '../platform/list-directory.ts';
import type { Logger } from '../platform/log.ts';
import { showPath, showPaths } from '../platform/show-path.ts';
import { type Change, leadsElsewhere, MirrorJournal, placeOf } from './mirror-journal.ts';

export interface MirrorOptions {
  /** The directory that is mirrored into. */
  readonly directory: string;
  /** Where the way back is kept. */
  readonly backupDir: string;
  /** Each new file is on the disk before it has its name. */
  readonly durable: boolean;
  readonly log: Logger;
}

/** What a release would change in the directory. */
export interface MirrorPlan {
  /** The release. */
  readonly tree: string;
  readonly changes: readonly Change[];
  /**
   * Every path that is ours afterwards, relative to the directory: those of the release, and those of an earlier one
   * that a symlink or a mount point hides by now.
   */
  readonly owned: readonly BytePath[];
}

const PERMISSIONS = 0o777;

function leadsOut(target: BytePath, detail: string): SidecarError {
  return new SidecarError('ERR_RUN_ESCAPE', { op: 'mirror', target: showPath(target), detail });
}

interface Source {
  readonly kind: 'file' | 'link';
  readonly mode: number;
}

/** Brings the files of a release into a directory that also holds other things. */
export class Mirror {
  readonly #options: MirrorOptions;
  readonly #journal: MirrorJournal;
  #reported = '';

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#journal = new MirrorJournal(options.directory, options.backupDir, options.durable);
  }

  /**
   * Refuses a revision with a symlink that leads out of the directory. What a build makes is not asked: it is not the
   * repository that says where its links lead, and nothing is ever written through one.
   *
   * @throws SidecarError ERR_RUN_ESCAPE
   */
  async requireInnerLinks(tree: string): Promise<void> {
    await this.#collect(tree, (path, entry) => {
      if (!statOf(entry)?.isSymbolicLink()) return;
      const text = pathOfBytes(linkTextOf(entry));
      if (!leadsInside(this.#options.directory, path, text))
        throw leadsOut(path, `it is a symbolic link to ${showPath(text)}, outside ${this.#options.directory}`);
    });
  }

  /**
   * Compares a release with the directory; changes nothing.
   *
   * @param owned paths that an earlier release brought
   * @throws SidecarError ERR_RUN_ESCAPE when a symlink or a mount point is in the way
   */
  async plan(tree: string, owned: ReadonlySet<BytePath>): Promise<MirrorPlan> {
    const sources = new Map<BytePath, Source>();
    await this.#collect(tree, (path, entry) => {
      const stat = statOf(entry);
      if (stat?.isFile() || stat?.isSymbolicLink())
        sources.set(path, { kind: stat.isFile() ? 'file' : 'link', mode: stat.mode & PERMISSIONS });
    });
    const changes: Change[] = [];
    const kept: BytePath[] = [];
    for (const path of owned) {
      if (sources.has(path)) continue;
      const fate = await this.#fateOf(path);
      if (fate === 'remove') changes.push({ kind: 'remove', path });
      else if (fate === 'keep') kept.push(path);
    }
    const removed = new Set(changes.map(({ path }) => path));
    for (const [path, source] of sources) {
      if (await this.#isSame(tree, path, removed)) continue;
      changes.push({ ...source, path, replaces: owned.has(path) ? 'ours' : await this.#othersAt(path) });
    }
    this.#reportHidden(
      'files of an earlier revision are hidden by a symbolic link or a mount point, so they stay',
      kept,
    );
    return { tree, changes, owned: [...sources.keys(), ...kept] };
  }

  /**
   * Makes the changes, each file in one step. Until {@link settle}, {@link restore} undoes them, also in another process.
   * @throws SidecarError ERR_RUN_COPY, ERR_RUN_ESCAPE; the directory is as it was then
   */
  async apply({ tree, changes }: MirrorPlan): Promise<void> {
    try {
      await this.#journal.begin();
      // Removals first: a file may be in the way of a directory, or the other way round.
      for (const change of changes) await this.#journal.make(change, tree);
    } catch (error) {
      await this.restore();
      const { directory } = this.#options;
      const about = { op: 'mirror into', target: directory, detail: messageOf(error), cause: error };
      if (leadsElsewhere(error)) throw new SidecarError('ERR_RUN_ESCAPE', about);
      if (error instanceof SidecarError) throw error;
      throw new SidecarError('ERR_RUN_COPY', about);
    }
  }

  /** Undoes what was applied and not settled. Where a symlink or a mount point is in the way by now, nothing is put back. */
  async restore(): Promise<void> {
    const left = await this.#journal.undo();
    this.#reportHidden('files could not be put back behind a symbolic link or a mount point', left);
  }

  /** What was applied stays. */
  async settle(): Promise<void> {
    await this.#journal.forget();
  }

  #reportHidden(message: string, paths: readonly BytePath[]): void {
    const { log, directory } = this.#options;
    const files = showPaths(paths);
    if (files !== '' && files !== this.#reported) log.warn(message, { directory, files });
    this.#reported = files;
  }

  /** Calls `visit` for everything in the release that is no directory. */
  async #collect(tree: string, visit: (path: BytePath, entry: Entry) => void): Promise<void> {
    const walk = (directory: HeldDirectory, prefix: BytePath): void => {
      for (const { name, kind } of listDirectory(pathOfBytes(bytesOfName(directory.itself)))) {
        const [path, entry] = [joinPath(prefix, name), { parent: directory, name: bytesOfPath(name) }];
        if (kind !== 'directory') {
          visit(path, entry);
          continue;
        }
        const child = directory.child(entry.name);
        try {
          // What is mounted in a release is not of the revision.
          if (child.mount === directory.mount) walk(child, path);
        } finally {
          child.close();
        }
      }
    };
    await inDirectory({ root: tree, path: tree }, (directory) => walk(directory, HERE));
  }

  async #othersAt(path: BytePath): Promise<'nothing' | 'theirs'> {
    try {
      return await this.#journal.at(path, (entry) => (statOf(entry) ? 'theirs' : 'nothing'));
    } catch {
      // There is no such directory, or a file that goes is in its place.
      return 'nothing';
    }
  }

  /** What happens to a path of ours that the release does not have. */
  async #fateOf(path: BytePath): Promise<'remove' | 'keep' | 'forget'> {
    try {
      return await this.#journal.at(path, ({ parent, name }) => {
        const stat = statOf({ parent, name });
        // A directory that another process has put there since.
        if (!stat || stat.isDirectory()) return 'forget';
        return parent.mountAt(name) === parent.mount ? 'remove' : 'keep';
      });
    } catch (error) {
      if (leadsElsewhere(error)) return 'keep';
      if (systemCode(error) === 'ENOENT') return 'forget';
      throw error;
    }
  }

  /** @param removed paths that go first: a link or a file among them may be where a directory is to be */
  async #isSame(tree: string, path: BytePath, removed: ReadonlySet<BytePath>): Promise<boolean> {
    try {
      return await inParent(placeOf(tree, path), async (parentOfSource, nameOfSource) => {
        const source = { parent: parentOfSource, name: nameOfSource };
        return await this.#journal.at(path, async (entry) => {
          if (await isSameEntry(source, entry, PERMISSIONS)) return true;
          const { parent, name } = entry;
          if (statOf(entry) && parent.mountAt(name) !== parent.mount) throw leadsOut(path, 'it is a mount point');
          return false;
        });
      });
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false;
      if (!leadsElsewhere(error)) throw error;
      for (let above = parentOf(path); above.length > 0; above = parentOf(above)) if (removed.has(above)) return false;
      throw leadsOut(path, messageOf(error));
    }
  }
}
