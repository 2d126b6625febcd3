import { SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import type { RefCollector } from './ref-choice.ts';

/** Finds out when commits were committed. */
export interface DateSource {
  /** Different for two sources: none of them stands for another. */
  readonly id: string;
  /** Seconds since the epoch, by the commit. */
  of(refs: readonly AdvertisedRef[], signal: AbortSignal): Promise<ReadonlyMap<Oid, number>>;
}

/** Refs whose commits are looked at; a pattern that matches more is too wide. */
const MOST_REFS = 1000;

function commitOf({ oid, peeledOid }: AdvertisedRef): Oid {
  return peeledOid ?? oid;
}

/** Finds the ref with the commit that was committed last; of the same moment, the last one by name. */
export class CommittedCollector implements RefCollector {
  readonly #byName: RefCollector;
  readonly #covers: (name: string) => boolean;
  readonly #dates: DateSource;
  readonly #matching: AdvertisedRef[] = [];
  #count = 0;
  #chosen: AdvertisedRef | undefined;

  /** @param byName finds the last one by name */
  constructor(byName: RefCollector, covers: (name: string) => boolean, dates: DateSource) {
    this.#byName = byName;
    this.#covers = covers;
    this.#dates = dates;
  }

  /** Before it is settled, one of those that may be it. */
  get chosen(): AdvertisedRef | undefined {
    return this.#chosen ?? this.#byName.chosen;
  }

  get sample(): readonly AdvertisedRef[] {
    return this.#byName.sample;
  }

  get wider(): readonly string[] {
    return this.#byName.wider;
  }

  take(ref: AdvertisedRef): void {
    this.#byName.take(ref);
    if (!this.#covers(ref.name)) return;
    this.#count += 1;
    if (this.#count <= MOST_REFS) this.#matching.push(ref);
  }

  absence(shownUrl: string): SidecarError {
    return this.#byName.absence(shownUrl);
  }

  /** @throws SidecarError ERR_REMOTE_NO_DATES; as fetching fails */
  async settle(signal: AbortSignal): Promise<void> {
    if (this.#chosen || this.#count === 0) return;
    if (this.#count > MOST_REFS) {
      const detail = `${this.#count} refs match, and the dates of at most ${MOST_REFS} are asked for`;
      throw new SidecarError('ERR_REMOTE_NO_DATES', { op: 'ask for the dates of commits', detail });
    }
    const dates = await this.#dates.of(this.#matching, signal);
    const isDated = this.#matching.every((ref) => dates.has(commitOf(ref)));
    if (!isDated) {
      const detail = 'a ref moved while the dates were asked for';
      throw new SidecarError('ERR_REMOTE_REF', { op: 'ask for the dates of commits', detail });
    }
    this.#chosen = [...this.#matching].sort((a, b) => compare(a, b, dates)).at(-1);
  }
}

function compare(a: AdvertisedRef, b: AdvertisedRef, dates: ReadonlyMap<Oid, number>): number {
  const byDate = (dates.get(commitOf(a)) ?? 0) - (dates.get(commitOf(b)) ?? 0);
  if (byDate !== 0) return byDate;
  return a.name < b.name ? -1 : 1;
}
