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
  /** When the message came, in milliseconds since the epoch; undefined where that does not matter. */
  readonly arrivedAt?: number | undefined;
  /** The span in which the sender sent it, as W3C Trace Context has it. */
  readonly sender?: { readonly traceId: string; readonly spanId: string } | undefined;
}
