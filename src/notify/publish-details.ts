import type { Oid } from '../model/oid.ts';

/** What became of one path between the old commit and the new one. A rename is a removal and an addition. */
export interface Change {
  /** Relative to the repository. Bytes that are not UTF-8 are shown as U+FFFD; then `pathBase64` is there too. */
  readonly path: string;
  /** The exact bytes, where they are not UTF-8. */
  readonly pathBase64?: string;
  readonly change: 'added' | 'modified' | 'removed';
}

/** Why there is no list of changes. */
export type ChangesUnknown =
  /** The consumer was never notified with success, as far as is known. */
  | 'no-old-commit'
  /** The repository does not have the old commit any more. */
  | 'old-commit-gone'
  /** git could not compare the two commits. */
  | 'unreadable';

/** The changes, or why they are not known. */
export interface Changes {
  /** null: everything may have changed. */
  readonly changes: readonly Change[] | null;
  /** There are more changes than the list holds. */
  readonly changesTruncated: boolean;
  /** null: they are known. */
  readonly changesUnknown: ChangesUnknown | null;
}

/** What the commit says about itself; each is null where git cannot read the commit. */
export interface CommitFacts {
  readonly author: { readonly name: string; readonly email: string } | null;
  /** ISO 8601, UTC. */
  readonly authoredAt: string | null;
  /** ISO 8601, UTC. */
  readonly committedAt: string | null;
  /** The first paragraph of the message, on one line. */
  readonly subject: string | null;
}

/** What a consumer learns about a publish: the JSON on a hook's standard input, and the `data` of a CloudEvent. */
export interface PublishDetails extends CommitFacts, Changes {
  /** The URL without credentials. */
  readonly repository: string;
  /** Full name. */
  readonly ref: string;
  readonly commit: Oid;
  /**
   * The commit that this consumer was last notified of with success; for the pre-publish hook the commit that is
   * published. null: there is none, or it is not known.
   */
  readonly oldCommit: Oid | null;
  /** The published directory. */
  readonly directory: string;
  /** The part of the repository that is published; null: all of it. */
  readonly path: string | null;
}
