import type { Credential } from '../../../model/credential.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Poller } from '../../../poll/poller.ts';
import { confirmedAt, nextChange, type RefFeed, silenceOf } from '../../client/feed.ts';
import type { UpstreamRefs } from './follower-options.ts';

export interface PolledOptions {
  readonly poller: Poller;
  readonly shownUrl: string;
  readonly clock: Clock;
  /** Reads the credentials as they are now and hands them to git. */
  readonly credentials: (signal: AbortSignal) => Promise<readonly Credential[]>;
  /** The git server accepted them. */
  readonly accepted: () => void;
  /** See `UpstreamRefs`. */
  readonly renewCredentials: () => boolean;
}

/** A git server that is asked. */
export function polledUpstream(options: PolledOptions): UpstreamRefs {
  const { poller, shownUrl, clock, credentials, accepted, renewCredentials } = options;
  let current: readonly Credential[] = [];
  return {
    list: async (questions, signal) => {
      current = await credentials(signal);
      const asOf = clock.now();
      const refs = await poller.list(questions, current, signal);
      accepted();
      return { refs, asOf };
    },
    renewCredentials,
    get source() {
      return { url: poller.fetchUrl, shownUrl, native: poller.native, credentials: current };
    },
    costs: true,
    get requestsSent() {
      return poller.requestsSent;
    },
    close: () => poller.close(),
  };
}

/** How long to wait for the first answer of a parent. */
const FIRST_WORD_MS = 10_000;

/** A relay nearer to the git server: it sends changes without being asked, and asking it again costs nothing. */
export function relayedUpstream(feed: RefFeed, options: PolledOptions): UpstreamRefs {
  const { poller, shownUrl, clock, credentials } = options;
  let current: readonly Credential[] = [];
  feed.onChange(() => {
    if (!feed.isConnected) poller.native?.dropIdle();
  });
  return {
    list: async (_questions, signal) => {
      current = await credentials(signal);
      if (!feed.told && !feed.trouble) await nextChange(feed, FIRST_WORD_MS, signal, clock);
      const { told } = feed;
      if (told) return { refs: [...told.refs.values()], asOf: confirmedAt(feed, told, clock.now()) };
      throw silenceOf(feed, shownUrl, FIRST_WORD_MS);
    },
    // The token of a relay is read from its file each time.
    renewCredentials: () => false,
    get source() {
      return { url: poller.fetchUrl, shownUrl, native: poller.native, credentials: current };
    },
    costs: false,
    get requestsSent() {
      return poller.requestsSent;
    },
    close: () => {
      feed.close();
      poller.close();
    },
  };
}
