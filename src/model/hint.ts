/**
 * A message that a ref may have moved, from a push notification, a person or another relay. It makes us ask, and ask
 * again; it never decides what is published.
 */
export interface Hint {
  /** Full name of the ref that moved; undefined: unknown. */
  readonly ref?: string | undefined;
  /** Where the ref was before; as the sender says it, in lower case. */
  readonly from?: string | undefined;
  /** Where the ref is now; undefined: the sender did not say. */
  readonly to?: string | undefined;
}
