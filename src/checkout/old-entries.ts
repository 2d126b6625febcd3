import { closeSync, openSync, readSync } from 'node:fs';
import { SidecarError } from '../model/error.ts';
import { isBefore, nameOf, pathOfText } from '../platform/byte-path.ts';
import { showPath } from '../platform/show-path.ts';
import { type IndexEntry, readIndex } from './index-file.ts';

const ATTRIBUTES = pathOfText('.gitattributes');

function requireNoAttributes({ path }: IndexEntry): void {
  if (nameOf(path) !== ATTRIBUTES) return;
  const detail = `${showPath(path)} changed`;
  throw new SidecarError('ERR_CHECKOUT_FAILED', { op: 'recycle a worktree', detail });
}

/**
 * The index of an old tree, read beside another one: both are in git's order, so that neither is held in memory. When a
 * `.gitattributes` differs, files with the same content may have to be written differently, so nothing is the same then.
 */
export class OldEntries {
  readonly #file: number;
  readonly #entries: Generator<IndexEntry>;
  #next: IndexEntry | undefined;

  constructor(path: string, oidBytes: 20 | 32) {
    const file = openSync(path, 'r');
    this.#file = file;
    this.#entries = readIndex((target, at) => readSync(file, target, at, target.length - at, null), oidBytes);
  }

  /**
   * The old entry with this path, if it stands for the same file.
   * @throws SidecarError ERR_CHECKOUT_FAILED when a `.gitattributes` is not the same
   */
  sameAs(entry: IndexEntry): IndexEntry | undefined {
    this.#next ??= this.#read();
    while (this.#next && isBefore(this.#next.path, entry.path)) this.#pass();
    const old = this.#next?.path === entry.path ? this.#next : undefined;
    if (old) this.#next = undefined;
    const isSame = old?.blob === entry.blob && old.mode === entry.mode && old.stage === 0;
    if (!isSame) requireNoAttributes(entry);
    // A size that differs was written under other settings.
    return isSame && !old.skipWorktree && old.size === entry.size ? old : undefined;
  }

  /** Reads what is left. @throws as {@link sameAs} */
  finish(): void {
    this.#next ??= this.#read();
    while (this.#next) this.#pass();
  }

  close(): void {
    closeSync(this.#file);
  }

  /** An entry that the other index does not have. */
  #pass(): void {
    if (this.#next) requireNoAttributes(this.#next);
    this.#next = this.#read();
  }

  #read(): IndexEntry | undefined {
    const { value, done } = this.#entries.next();
    return done ? undefined : value;
  }
}
