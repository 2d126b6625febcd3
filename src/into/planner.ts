import { SidecarError } from '../model/error.ts';
import {
  type BytePath,
  continuePath,
  joinPath,
  nameOf,
  parentOf,
  pathOfBytes,
  pathOfText,
  systemPath,
} from '../platform/byte-path.ts';
import { showPath } from '../platform/show-path.ts';
import { type Entry, isSameEntry, linkTextOf, statOf, temporaryEntryName } from './entry-copy.ts';
import { leadsInside } from './inner-link.ts';
import type { Clearing, Placement, Removal } from './journal.ts';
import type { Ledger } from './ledger.ts';
import type { OpenPath } from './open-path.ts';
import { filesOfOurs } from './our-directory.ts';
import { inDoubt, isAllowedMode, isInDoubt, isSameStamp, type Stamp, stampOf } from './stamp.ts';

export interface PlannerOptions {
  /** The directory that is to be like the source, as the user named it. */
  readonly directory: string;
  readonly target: OpenPath;
  readonly source: OpenPath;
  /** What is ours; undefined: nothing, as far as is known. */
  readonly ledger: Pick<Ledger, 'files' | 'directories'>;
  /** What is not ours and in the way gets this at the end of its name; undefined: it stays, and the revision is refused. */
  readonly asideSuffix: string | undefined;
  /** A path that the revision cannot have; undefined: there is none. */
  readonly reserved: BytePath | undefined;
}

const PERMISSIONS = 0o777;
const SLASH = pathOfText('/');
const MOST_NAMED = 5;

interface Wanted {
  readonly entry: Entry;
  readonly kind: 'file' | 'link';
  readonly mode: number;
}

/** Finds out what has to be done at one path after the other. It changes nothing. */
export class Planner {
  readonly #options: PlannerOptions;
  readonly prepare: BytePath[] = [];
  readonly placements: Placement[] = [];
  readonly removals: Removal[] = [];
  readonly adopted = new Map<BytePath, Stamp>();
  readonly forgotten: BytePath[] = [];
  /** Ours, and out of reach behind a symlink or a mount point. */
  readonly hidden: BytePath[] = [];
  /** What is in the way and is not ours. */
  readonly #occupied = new Set<BytePath>();
  /** Places of directories where something else is, and what is done about that. */
  readonly #blocked = new Map<BytePath, Clearing | undefined>();
  readonly #made = new Set<BytePath>();

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  /** Compares the contents at `path`, and decides. @throws SidecarError ERR_INTO_ESCAPE */
  async examine(path: BytePath): Promise<void> {
    const { target, ledger } = this.#options;
    const wanted = this.#wantedAt(path);
    if (!wanted) {
      if (ledger.files.has(path)) this.#dismiss(path);
      return;
    }
    this.#requireFit(path, wanted);
    const way = target.to(path);
    if (way.kind === 'open')
      await this.#examineEntry(path, wanted, { parent: way.directory, name: systemPath(nameOf(path)) });
    else if (way.kind === 'missing') this.#placeNew(path, wanted, this.#newDirectories(way.at, path));
    else if (way.by === 'mount') throw this.#escape(way.at, 'it is a mount point');
    else this.#placeBehind(way.at, path, wanted);
  }

  /** @throws SidecarError ERR_INTO_OCCUPIED with the names of what is in the way */
  requireFree(): void {
    if (this.#occupied.size === 0) return;
    const names = [...this.#occupied].map(showPath).sort().slice(0, MOST_NAMED).join(', ');
    const more = this.#occupied.size - MOST_NAMED;
    throw new SidecarError('ERR_INTO_OCCUPIED', {
      op: 'bring the revision into',
      target: this.#options.directory,
      detail: `the revision has other files at these paths, and what is there is not ours: ${names}${more > 0 ? ` and ${more} more` : ''}`,
    });
  }

  #wantedAt(path: BytePath): Wanted | undefined {
    const entry = this.#options.source.entry(path);
    const stat = entry && statOf(entry);
    if (!entry || !stat || (!stat.isFile() && !stat.isSymbolicLink())) return undefined;
    return { entry, kind: stat.isFile() ? 'file' : 'link', mode: stat.mode & PERMISSIONS };
  }

  #requireFit(path: BytePath, { entry, kind }: Wanted): void {
    const { reserved, directory } = this.#options;
    if (reserved !== undefined && overlap(path, reserved))
      throw this.#escape(path, `--revision-file is ${showPath(reserved)}, so the revision cannot have this file`);
    if (kind !== 'link') return;
    const text = pathOfBytes(linkTextOf(entry));
    if (!leadsInside(directory, path, text))
      throw this.#escape(path, `it is a symbolic link to ${showPath(text)}, outside ${directory}`);
  }

  async #examineEntry(path: BytePath, wanted: Wanted, entry: Entry): Promise<void> {
    const stat = statOf(entry);
    if (!stat) return this.#placeNew(path, wanted, { make: [], stageIn: parentOf(path) });
    if (stat.isDirectory()) return this.#placeOnDirectory(path, wanted, entry);
    const stamp = stampOf(stat);
    const own = this.#options.ledger.files.get(path);
    if (stamp && (await this.#isAsWanted(wanted, entry, stamp))) {
      if (!own || !isSameStamp(own, stamp)) this.adopted.set(path, stamp);
      return;
    }
    if (entry.parent.mountAt(entry.name) !== entry.parent.mount) throw this.#escape(path, 'it is a mount point');
    if (own) this.#place(path, wanted, { isNew: false, clear: [], make: [], stageIn: parentOf(path) });
    else this.#makeWay(path, wanted);
  }

  async #isAsWanted({ entry: source, kind, mode }: Wanted, entry: Entry, stamp: Stamp): Promise<boolean> {
    if (kind !== stamp.kind || (kind === 'file' && !isAllowedMode(stamp.mode, mode))) return false;
    return await isSameEntry(source, entry, 0);
  }

  /** A directory is where a file is to be. */
  #placeOnDirectory(path: BytePath, wanted: Wanted, { parent, name }: Entry): void {
    const directory = parent.child(name);
    try {
      if (directory.mount !== parent.mount) throw this.#escape(path, 'it is a mount point');
      const files = filesOfOurs(directory, path, this.#options.ledger);
      const clearing: Clearing | undefined = files ? { how: 'empty', path, files } : this.#aside(path);
      if (clearing) this.#placeAfter(clearing, path, wanted);
    } finally {
      directory.close();
    }
  }

  /** What is not ours is renamed if the user allowed it, and else named in an error. */
  #makeWay(path: BytePath, wanted: Wanted): void {
    const clearing = this.#aside(path);
    if (clearing) this.#placeAfter(clearing, path, wanted);
  }

  #placeAfter(clearing: Clearing, path: BytePath, wanted: Wanted): void {
    this.#place(path, wanted, { isNew: true, clear: [clearing], make: [], stageIn: parentOf(path) });
  }

  #aside(path: BytePath): Clearing | undefined {
    const { asideSuffix } = this.#options;
    if (asideSuffix !== undefined) {
      return { how: 'aside', path, to: continuePath(path, pathOfText(asideSuffix)), ours: this.#oursBelow(path) };
    }
    this.#occupied.add(path);
    return undefined;
  }

  #oursBelow(path: BytePath): Removal[] {
    const { target, ledger } = this.#options;
    const below = continuePath(path, SLASH);
    return [...ledger.files.keys()].flatMap((each) => {
      const entry = each.startsWith(below) ? target.entry(each) : undefined;
      const stat = entry && statOf(entry);
      const seen = stat && stampOf(stat);
      return seen ? [{ path: each, seen }] : [];
    });
  }

  /** Something that is no directory is at `at`, where one is to be. */
  #placeBehind(at: BytePath, path: BytePath, wanted: Wanted): void {
    const isFirst = !this.#blocked.has(at);
    if (isFirst) this.#blocked.set(at, this.#clearingOf(at));
    const clearing = this.#blocked.get(at);
    if (!clearing) return;
    const stageIn = parentOf(at);
    const make = this.#notMadeYet(at, path).map((each) => ({ path: each, temporary: temporaryIn(stageIn) }));
    this.#place(path, wanted, { isNew: true, clear: isFirst ? [clearing] : [], make, stageIn });
  }

  #clearingOf(at: BytePath): Clearing | undefined {
    const { target, ledger } = this.#options;
    const entry = target.entry(at);
    const stat = entry && statOf(entry);
    const seen = stat && stampOf(stat);
    if (entry && entry.parent.mountAt(entry.name) !== entry.parent.mount) throw this.#escape(at, 'it is a mount point');
    return seen && ledger.files.has(at) ? { how: 'unlink', path: at, seen } : this.#aside(at);
  }

  #newDirectories(from: BytePath, path: BytePath): { make: []; stageIn: BytePath } {
    this.prepare.push(...this.#notMadeYet(from, path));
    return { make: [], stageIn: parentOf(path) };
  }

  /** The directories from `from` down to the one of `path` that no earlier step makes. */
  #notMadeYet(from: BytePath, path: BytePath): BytePath[] {
    const missing: BytePath[] = [];
    for (let each = parentOf(path); each.length >= from.length && !this.#made.has(each); each = parentOf(each)) {
      this.#made.add(each);
      missing.unshift(each);
    }
    return missing;
  }

  #placeNew(path: BytePath, wanted: Wanted, where: { make: []; stageIn: BytePath }): void {
    this.#place(path, wanted, { isNew: true, clear: [], ...where });
  }

  #place(
    path: BytePath,
    { kind, mode }: Wanted,
    how: Pick<Placement, 'isNew' | 'clear' | 'make'> & { readonly stageIn: BytePath },
  ): void {
    const { stageIn, ...rest } = how;
    this.placements.push({ path, kind, mode, temporary: temporaryIn(stageIn), ...rest });
  }

  /** The revision does not have a path that is ours. */
  #dismiss(path: BytePath): void {
    const way = this.#options.target.to(path);
    if (way.kind === 'missing') return void this.forgotten.push(path);
    if (way.kind === 'blocked') {
      // A file of the revision took the place of its directory; or else it is still there, out of reach.
      const isReplaced = way.by === 'entry' && this.#wantedAt(way.at) !== undefined;
      if (isReplaced) this.forgotten.push(path);
      else this.#hide(path);
      return;
    }
    const entry = { parent: way.directory, name: systemPath(nameOf(path)) };
    const stat = statOf(entry);
    const seen = stat && stampOf(stat);
    // Another process has put something else there.
    if (!seen) this.forgotten.push(path);
    else if (entry.parent.mountAt(entry.name) !== entry.parent.mount) this.#hide(path);
    else this.removals.push({ path, seen });
  }

  /** It is looked at again each time, until it is in reach. */
  #hide(path: BytePath): void {
    const stamp = this.#options.ledger.files.get(path);
    if (stamp && !isInDoubt(stamp)) this.adopted.set(path, inDoubt(stamp));
    this.hidden.push(path);
  }

  #escape(path: BytePath, detail: string): SidecarError {
    return new SidecarError('ERR_INTO_ESCAPE', { op: 'bring into the directory', target: showPath(path), detail });
  }
}

function temporaryIn(directory: BytePath): BytePath {
  return joinPath(directory, pathOfText(temporaryEntryName()));
}

/** One of them is the other, or a directory that holds it. */
function overlap(one: BytePath, other: BytePath): boolean {
  return one === other || other.startsWith(continuePath(one, SLASH)) || one.startsWith(continuePath(other, SLASH));
}
