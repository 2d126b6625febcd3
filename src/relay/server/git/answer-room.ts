import { isWithinShare } from '../../../platform/fair-room.ts';

/** What one answer holds, and on whose share. */
export interface Holding {
  readonly owner: string;
  bytes: number;
  /** It is still being made or read: it cannot be dropped when others need the room. */
  isPinned: boolean;
}

/**
 * Counts the bytes of all answers. Those that can be dropped at any time may fill it. Of the others an owner may have
 * at most three times as many as that leaves free, so readers that take nothing leave room for the answers of others.
 */
export class AnswerRoom {
  readonly #mostBytes: number;
  readonly #pinnedOf = new Map<string, number>();
  #pinned = 0;
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Now, without anything being dropped. */
  hasRoomFor(bytes: number): boolean {
    return this.#bytes + bytes <= this.#mostBytes;
  }

  /** Whether `owner` may have so many more that cannot be dropped. */
  isShareOf(owner: string, bytes: number): boolean {
    return isWithinShare((this.#pinnedOf.get(owner) ?? 0) + bytes, this.#mostBytes - this.#pinned - bytes);
  }

  /** @param bytes negative when they are given back */
  add(holding: Holding, bytes: number): void {
    holding.bytes += bytes;
    this.#bytes += bytes;
    if (holding.isPinned) this.#addPinned(holding.owner, bytes);
  }

  pin(holding: Holding, isPinned: boolean): void {
    if (holding.isPinned === isPinned) return;
    holding.isPinned = isPinned;
    this.#addPinned(holding.owner, isPinned ? holding.bytes : -holding.bytes);
  }

  #addPinned(owner: string, bytes: number): void {
    this.#pinned += bytes;
    const now = (this.#pinnedOf.get(owner) ?? 0) + bytes;
    if (now > 0) this.#pinnedOf.set(owner, now);
    else this.#pinnedOf.delete(owner);
  }
}
