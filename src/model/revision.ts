import type { Oid } from './oid.ts';

/** A commit as published: `ref` is the full name it was found under, or the oid itself when the user pinned one. */
export interface Revision {
  readonly ref: string;
  readonly oid: Oid;
}
