import type { Writable } from 'node:stream';
import type { SidecarError } from '../../model/error.ts';
import { Shares } from '../../platform/shares.ts';

/** Room for one stream, from the moment it is asked for until its connection ends. */
export interface StreamPlace {
  readonly owner: string;
  /** What holds the connection: at first the answer that is to become a stream. */
  holder: Writable;
  /** Ends the stream; undefined while there is none. */
  end: ((error: SidecarError) => void) | undefined;
  isFree: boolean;
}

/**
 * The places for streams. Every owner may have them; when they are all taken, the newest stream of the owner with the
 * most gives way to an owner with fewer.
 */
export class StreamPlaces {
  readonly #shares: Shares;
  /** The newest last; among them some that are free again. */
  readonly #byOwner = new Map<string, StreamPlace[]>();

  constructor(most: number) {
    this.#shares = new Shares(most);
  }

  /**
   * @param giveWay called for a stream that has to end
   * @returns undefined when there is no room for `owner`
   */
  take(owner: string, holder: Writable, giveWay: () => SidecarError): StreamPlace | undefined {
    if (this.#shares.isFull) {
      const rival = this.#shares.rivalOf(owner);
      const victim = rival === undefined ? undefined : this.#newestOf(rival);
      if (!victim) return undefined;
      this.#free(victim);
      if (victim.end) victim.end(giveWay());
      else victim.holder.destroy();
    }
    const place: StreamPlace = { owner, holder, end: undefined, isFree: false };
    this.#shares.add(owner);
    this.#placesOf(owner).push(place);
    this.#watch(place);
    return place;
  }

  /** From now on `holder` has the connection. */
  pass(place: StreamPlace, holder: Writable): void {
    if (place.holder === holder) return;
    place.holder = holder;
    this.#watch(place);
  }

  /** Whether an owner other than `owner` has a place. */
  hasOthers(owner: string): boolean {
    return this.#shares.total > this.#shares.of(owner);
  }

  #watch(place: StreamPlace): void {
    const { holder } = place;
    holder.once('close', () => {
      if (place.holder === holder) this.#free(place);
    });
  }

  #free(place: StreamPlace): void {
    if (place.isFree) return;
    place.isFree = true;
    const { owner } = place;
    this.#shares.remove(owner);
    const [places, taken] = [this.#placesOf(owner), this.#shares.of(owner)];
    if (taken === 0) this.#byOwner.delete(owner);
    else if (places.length > 2 * taken + 16)
      this.#byOwner.set(
        owner,
        places.filter(({ isFree }) => !isFree),
      );
  }

  #newestOf(owner: string): StreamPlace | undefined {
    const places = this.#placesOf(owner);
    while (places.at(-1)?.isFree) places.pop();
    return places.at(-1);
  }

  #placesOf(owner: string): StreamPlace[] {
    const places = this.#byOwner.get(owner) ?? [];
    this.#byOwner.set(owner, places);
    return places;
  }
}
