import type { Oid } from './oid.ts';

/** One ref as a remote advertises it (gitprotocol-v2, "ls-refs"). */
export interface AdvertisedRef {
  /** Full name: `HEAD`, `refs/heads/main`, … */
  readonly name: string;
  readonly oid: Oid;
  /** What an annotated tag finally points at. */
  readonly peeledOid?: Oid;
  /** The ref that a symbolic ref names. */
  readonly symref?: string;
  /** A relay released it by a policy: what the git server has instead is not to be published. */
  readonly isReleased?: boolean;
}

/**
 * The full names that a short name may stand for, most wanted first:
 * git's own order (gitrevisions, "<refname>"), so a tag wins over a branch of the same name.
 */
export function expandRef(requestedRef: string): string[] {
  return [
    requestedRef,
    `refs/${requestedRef}`,
    `refs/tags/${requestedRef}`,
    `refs/heads/${requestedRef}`,
    `refs/remotes/${requestedRef}`,
    `refs/remotes/${requestedRef}/HEAD`,
  ];
}
