import type { Credential } from '../model/credential.ts';
import { SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import type { UploadPack } from '../remote/upload-pack.ts';

/** What the remote has for the ref we follow. */
export interface Tip {
  /** Full name. */
  readonly ref: string;
  /** The commit; for an annotated tag what it points at. */
  readonly oid: Oid;
  /** The tag object itself, for an annotated tag. */
  readonly tagOid?: Oid;
  /** The branch that HEAD points at, where the remote says so. */
  readonly symref?: string;
}

/** The side that says where the ref is and gives out its objects: the git server, or a relay in front of it. */
export interface RefSource {
  /**
   * The first of `candidates` that the remote has.
   * @throws SidecarError ERR_REMOTE_*; ERR_REMOTE_REF when it has none of them
   */
  poll(
    candidates: readonly string[],
    requested: string,
    credentials: readonly Credential[],
    signal: AbortSignal,
  ): Promise<Tip>;
  /** HTTP requests sent so far. */
  readonly requestsSent: number;
  /** The connection over which a pack may be asked for, where there is one. */
  readonly native: UploadPack | undefined;
  /** Whether the relay is there; undefined without one. */
  readonly isRelayConnected?: boolean | undefined;
  /** Where git fetches from, as of the last poll. */
  readonly fetchUrl: string;
  /** There may be news: an answer to a question that was sent before now is not good enough. */
  expectNews?(): void;
  /** What {@link poll} will find, as far as somebody else's question has shown it. */
  expected?(candidates: readonly string[]): Oid | undefined;
  /** A failure to get objects, as an error of whoever gives them out. */
  explain(error: SidecarError): SidecarError;
  close(): void;
}

/** @throws SidecarError ERR_REMOTE_REF when `refs` has none of `candidates` */
export function pickTip(
  refs: Iterable<AdvertisedRef>,
  candidates: readonly string[],
  requested: string,
  shownUrl: string,
): Tip {
  const byName = new Map([...refs].map((ref) => [ref.name, ref]));
  for (const name of candidates) {
    const ref = byName.get(name);
    if (!ref) continue;
    const { peeledOid, symref } = ref;
    const more = { ...(peeledOid && { tagOid: ref.oid }), ...(symref !== undefined && { symref }) };
    return { ref: ref.name, oid: peeledOid ?? ref.oid, ...more };
  }
  const detail = `couldn't find remote ref ${requested} in ${shownUrl}`;
  throw new SidecarError('ERR_REMOTE_REF', { op: 'look for', target: requested, detail });
}
