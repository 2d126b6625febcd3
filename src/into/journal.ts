import type { BytePath } from '../platform/byte-path.ts';
import { type LedgerHead, parseHead } from './ledger.ts';
import type { Stamp } from './stamp.ts';

/** What has to go before a file or link can be where it belongs. */
export type Clearing =
  /** A file or link of ours, in the place of a directory. */
  | { readonly how: 'unlink'; readonly path: BytePath; readonly seen: Stamp }
  /** A directory of ours in which these are all that is left, in the place of a file. */
  | { readonly how: 'empty'; readonly path: BytePath; readonly files: readonly BytePath[] }
  /** What is not ours is renamed, because the user allowed it; `ours` are files in it that are removed before. */
  | { readonly how: 'aside'; readonly path: BytePath; readonly to: BytePath; readonly ours: readonly Removal[] };

export interface NewDirectory {
  readonly path: BytePath;
  readonly temporary: BytePath;
}

/** A file or link that is written under another name first, and then renamed. */
export interface Placement {
  readonly path: BytePath;
  readonly kind: 'file' | 'link';
  readonly mode: number;
  readonly temporary: BytePath;
  /** There is nothing at the path, unless somebody puts something there. */
  readonly isNew: boolean;
  readonly clear: readonly Clearing[];
  /** Directories that can be there only after that; they are made under other names, too. */
  readonly make: readonly NewDirectory[];
}

export interface Removal {
  readonly path: BytePath;
  /** Only this very file is removed. */
  readonly seen: Stamp;
}

/** Everything that an update does in the directory, in its order, so that another process can go on with it. */
export interface Journal {
  /** The head of the ledger afterwards. */
  readonly head: LedgerHead;
  /** Directories to be made first, so that files can be written beside their places; the upper ones first. */
  readonly prepare: readonly BytePath[];
  readonly placements: readonly Placement[];
  /** They come last. */
  readonly removals: readonly Removal[];
  /** Directories of ours that will be empty then; the lower ones first. */
  readonly emptied: readonly BytePath[];
  /** Files that are as they should be, and were not known to be, with their stamps. */
  readonly adopted: ReadonlyMap<BytePath, Stamp>;
  /** Paths that are not ours any more. */
  readonly forgotten: readonly BytePath[];
}

/** Nothing in the directory changes. */
export function changesNothing({ placements, removals, emptied }: Journal): boolean {
  return placements.length + removals.length + emptied.length === 0;
}

/** A path is a string with a byte in each character at run time, which JSON keeps as it is. */
export function renderJournal({ head, adopted, ...rest }: Journal): string {
  return `${JSON.stringify(head)}\n${JSON.stringify({ ...rest, adopted: [...adopted] })}\n`;
}

/** @returns undefined when it is not a whole journal of ours */
export function parseJournal(text: string): Journal | undefined {
  const [first = '', second = '', end] = text.split('\n');
  const head = parseHead(first);
  if (!head || end !== '') return undefined;
  const saved = JSON.parse(second) as Omit<Journal, 'head' | 'adopted'> & { adopted: [BytePath, Stamp][] };
  return { ...saved, head, adopted: new Map(saved.adopted) };
}
