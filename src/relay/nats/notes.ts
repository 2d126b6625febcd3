import type { AdvertisedRef } from '../../model/ref.ts';

/** One ref as the bucket has it. */
export interface Noted {
  /** undefined: it was deleted. */
  readonly ref: AdvertisedRef | undefined;
  /** Of the bucket, for compare-and-set. */
  readonly revision: number;
}

/** By the ref's full name; never changed in place. */
export type Notes = ReadonlyMap<string, Noted>;

/** What is noted about one repository, as it changes. A repository can have very many refs, and is polled often. */
export class NoteBook {
  #notes = new Map<string, Noted>();
  #isGivenOut = false;

  /** As it is now. */
  get notes(): Notes {
    this.#isGivenOut = true;
    return this.#notes;
  }

  set(ref: string, noted: Noted): void {
    if (this.#isGivenOut) this.#notes = new Map(this.#notes);
    this.#isGivenOut = false;
    this.#notes.set(ref, noted);
  }

  clear(): void {
    this.#notes = new Map();
    this.#isGivenOut = false;
  }
}
