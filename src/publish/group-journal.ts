import { readFile } from 'node:fs/promises';
import type { Below } from '../platform/below.ts';
import { removeFileBelow, writeBelow } from '../platform/files-below.ts';

/** A link that is to show a tree. */
export interface Flip {
  /** The sync that it belongs to. */
  readonly unit: string;
  readonly link: string;
  /** What the link showed before, absolute; undefined: there was none. */
  readonly from: string | undefined;
  /** Absolute. */
  readonly target: string;
  /** Identity of the boot in which the tree was made; undefined where it is on the disk. */
  readonly boot?: string | undefined;
}

function isFlip(value: unknown): value is Flip {
  const flip = (value ?? {}) as Record<string, unknown>;
  const isText = (each: unknown): boolean => typeof each === 'string';
  const isTextOrNothing = (each: unknown): boolean => each === undefined || isText(each);
  return [flip.unit, flip.link, flip.target].every(isText) && [flip.from, flip.boot].every(isTextOrNothing);
}

/** The flips that are under way, on disk: a start after a crash in between finds there what is left to do. */
export class GroupJournal {
  readonly #place: Below & { readonly path: string };

  constructor(place: Below & { readonly path: string }) {
    this.#place = place;
  }

  async write(flips: readonly Flip[]): Promise<void> {
    await writeBelow(this.#place, `${JSON.stringify({ flips })}\n`, { make: 0o755 });
  }

  /** @returns none where there is no journal, or none that can be understood */
  async read(): Promise<readonly Flip[]> {
    try {
      const { flips } = JSON.parse(await readFile(this.#place.path, 'utf8')) as { flips?: unknown };
      return Array.isArray(flips) ? flips.filter(isFlip) : [];
    } catch {
      return [];
    }
  }

  async clear(): Promise<void> {
    await removeFileBelow(this.#place);
  }
}
