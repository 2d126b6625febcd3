import type { Writable } from 'node:stream';
import type { SidecarError } from '../../../model/error.ts';
import { Shares } from '../../../platform/shares.ts';

/** Room for one stream, from the moment it is asked for until its connection ends. */
export class StreamPlace {
  readonly owner: string;
  /** Ends the stream; undefined while there is none. */
  end: ((error: SidecarError) => void) | undefined;
  /** One listener a connection, whatever has to be done at its end: listeners take memory. */
  readonly #atEnd: (() => void)[] = [];
  #holder: Writable;
  #isOver = false;
  /** Another stream has it now, or may have it. */
  isFree = false;

  /** @param holder what has the connection: at first the answer that is to become a stream */
  constructor(owner: string, holder: Writable) {
    this.owner = owner;
    this.#holder = holder;
    this.#watch(holder);
  }

  /** From now on `holder` has the connection. */
  pass(holder: Writable): void {
    if (holder === this.#holder) return;
    this.#holder = holder;
    this.#watch(holder);
  }

  /** Calls `action` when the connection ends. */
  whenOver(action: () => void): void {
    this.#atEnd.push(action);
  }

  /** Another owner gets the place. */
  giveWay(error: SidecarError): void {
    if (this.end) this.end(error);
    else this.#holder.destroy();
  }

  #watch(holder: Writable): void {
    holder.on('close', () => {
      if (holder !== this.#holder || this.#isOver) return;
      this.#isOver = true;
      for (const action of this.#atEnd.splice(0)) action();
    });
  }
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
   * @param why called when a stream has to end
   * @returns undefined when there is no room for `owner`
   */
  take(owner: string, holder: Writable, why: () => SidecarError): StreamPlace | undefined {
    if (this.#shares.isFull) {
      const rival = this.#shares.rivalOf(owner);
      const victim = rival === undefined ? undefined : this.#newestOf(rival);
      if (!victim) return undefined;
      this.#free(victim);
      victim.giveWay(why());
    }
    const place = new StreamPlace(owner, holder);
    this.#shares.add(owner);
    this.#placesOf(owner).push(place);
    place.whenOver(() => this.#free(place));
    return place;
  }

  /** Whether an owner other than `owner` has a place. */
  hasOthers(owner: string): boolean {
    return this.#shares.total > this.#shares.of(owner);
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
