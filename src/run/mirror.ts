import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { messageOf, SidecarError } from '../model/error.ts';
import { isInside } from '../platform/paths.ts';
import { type Change, MirrorJournal } from './mirror-journal.ts';

export interface MirrorOptions {
  /** The directory that is mirrored into. */
  readonly directory: string;
  /** Where the way back is kept. */
  readonly backupDir: string;
}

/** What a release would change in the directory. */
export interface MirrorPlan {
  readonly changes: readonly Change[];
  /** Every path that is ours afterwards, relative to the directory. */
  readonly owned: readonly string[];
}

const PERMISSIONS = 0o777;

function leadsOut(target: string, detail: string): SidecarError {
  return new SidecarError('ERR_RUN_ESCAPE', { op: 'mirror', target, detail });
}

interface Source {
  readonly kind: 'file' | 'link';
  readonly from: string;
  readonly mode: number;
  /** Of a link. */
  readonly target: string;
}

/** Brings the files of a release into a directory that also holds other things. */
export class Mirror {
  readonly #options: MirrorOptions;
  readonly #journal: MirrorJournal;

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#journal = new MirrorJournal(options.directory, options.backupDir);
  }

  /**
   * Compares a release with the directory; changes nothing.
   *
   * @param owned paths that an earlier release brought
   * @throws SidecarError ERR_RUN_ESCAPE
   */
  async plan(tree: string, owned: ReadonlySet<string>): Promise<MirrorPlan> {
    const sources = new Map<string, Source>();
    await this.#collect(tree, '', sources);
    const changes: Change[] = [];
    for (const path of owned) {
      if (sources.has(path)) continue;
      await this.#requireOwnParents(path);
      if (await lstat(join(this.#options.directory, path)).catch(() => undefined))
        changes.push({ kind: 'remove', path });
    }
    for (const [path, source] of sources) {
      await this.#requireOwnParents(path);
      if (!(await this.#isSame(path, source)))
        changes.push({ kind: source.kind, path, from: source.from, mode: source.mode, target: source.target });
    }
    return { changes, owned: [...sources.keys()] };
  }

  /**
   * Makes the changes, each file in one step. Until {@link settle}, {@link restore} undoes them, also in another process.
   * @throws SidecarError ERR_RUN_COPY; the directory is as it was then
   */
  async apply({ changes }: MirrorPlan): Promise<void> {
    try {
      await this.#journal.begin();
      // Removals first: a file may be in the way of a directory, or the other way round.
      for (const change of changes) await this.#journal.make(change);
    } catch (error) {
      await this.restore();
      if (error instanceof SidecarError) throw error;
      const { directory } = this.#options;
      throw new SidecarError('ERR_RUN_COPY', {
        op: 'mirror into',
        target: directory,
        detail: messageOf(error),
        cause: error,
      });
    }
  }

  /** Undoes what was applied and not settled. */
  async restore(): Promise<void> {
    await this.#journal.undo();
  }

  /** What was applied stays. */
  async settle(): Promise<void> {
    await this.#journal.forget();
  }

  async #collect(from: string, to: string, sources: Map<string, Source>): Promise<void> {
    const stat = await lstat(from);
    if (stat.isDirectory()) {
      for (const name of await readdir(from)) await this.#collect(join(from, name), join(to, name), sources);
      return;
    }
    const shared = { from, mode: stat.mode & PERMISSIONS };
    if (stat.isFile()) sources.set(to, { kind: 'file', target: '', ...shared });
    if (!stat.isSymbolicLink()) return;
    const target = await readlink(from);
    const { directory } = this.#options;
    if (!isInside(resolve(dirname(join(directory, to)), target), directory))
      throw leadsOut(to, `it is a symbolic link to ${target}, outside ${directory}`);
    sources.set(to, { kind: 'link', target, ...shared });
  }

  /** No directory on the way may be a symlink: it could lead anywhere. */
  async #requireOwnParents(path: string): Promise<void> {
    const { directory } = this.#options;
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
      const stat = await lstat(join(directory, parent)).catch(() => undefined);
      if (stat?.isSymbolicLink()) throw leadsOut(path, `${join(directory, parent)} is a symbolic link`);
    }
  }

  async #isSame(path: string, source: Source): Promise<boolean> {
    const full = join(this.#options.directory, path);
    const stat = await lstat(full).catch(() => undefined);
    if (source.kind === 'link') return stat?.isSymbolicLink() === true && (await readlink(full)) === source.target;
    if (!stat?.isFile() || (stat.mode & PERMISSIONS) !== source.mode) return false;
    const [here, there] = [await readFile(full), await readFile(source.from)];
    return here.equals(there);
  }
}
