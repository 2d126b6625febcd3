import type { Credential } from '../model/credential.ts';
import type { SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import type { UploadPack } from '../remote/upload-pack.ts';
import type { ReadRefs } from './read-refs.ts';
import { collectOne, type RefChoice, type RefCollector } from './ref-choice.ts';

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
   * The ref that is followed, as the remote has it.
   * @throws SidecarError ERR_REMOTE_*; ERR_REMOTE_REF or ERR_REMOTE_NO_MATCH when it has none that may be followed
   */
  poll(choice: RefChoice, credentials: readonly Credential[], signal: AbortSignal): Promise<Tip>;
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
  expected?(choice: RefChoice): Oid | undefined;
  /** A failure to get objects, as an error of whoever gives them out. */
  explain(error: SidecarError): SidecarError;
  close(): void;
}

/** @throws SidecarError ERR_REMOTE_REF or ERR_REMOTE_NO_MATCH when none of `refs` may be followed */
export async function pickTip(
  refs: Iterable<AdvertisedRef>,
  choice: RefChoice,
  shownUrl: string,
  signal: AbortSignal,
): Promise<Tip> {
  return await tipOf(collectOne(choice, refs), shownUrl, signal);
}

/** @throws SidecarError as {@link pickTip} does */
export async function tipOf(
  collector: RefCollector,
  shownUrl: string,
  signal: AbortSignal,
  askWider?: AskWider,
): Promise<Tip> {
  await collector.settle?.(signal);
  if (!collector.chosen && collector.wider.length > 0)
    await askWider?.(collector.wider, (refs) => takeAll(collector, refs));
  const ref = collector.chosen;
  if (!ref) throw collector.absence(shownUrl);
  const { peeledOid, symref } = ref;
  const more = { ...(peeledOid && { tagOid: ref.oid }), ...(symref !== undefined && { symref }) };
  return { ref: ref.name, oid: peeledOid ?? ref.oid, ...more };
}

/** Asks the same server more, for an error that says what it has. */
export type AskWider = (questions: readonly string[], read: ReadRefs<void>) => Promise<void>;

function takeAll(collector: RefCollector, refs: Iterable<AdvertisedRef>): void {
  for (const ref of refs) collector.take(ref);
}
