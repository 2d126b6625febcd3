import { SidecarError } from '../../model/error.ts';
import { isErrorCode } from '../../model/error-codes.ts';
import type { Clock } from '../../platform/clock.ts';
import { deadline } from '../../platform/deadline.ts';
import type { Refs } from '../protocol/refs.ts';

/** The last answer of a feed. */
export interface Told {
  readonly refs: Refs;
  /** When the git server last confirmed it, as of the last event; milliseconds since the epoch. */
  readonly asOf: number;
  /** How long that was before the last event, in milliseconds. */
  readonly ageMs: number;
}

/** A source that says where refs are, as soon as they move: a relay, or NATS. */
export interface RefFeed {
  /** undefined until the first answer. */
  readonly told: Told | undefined;
  /** The feed is up, as far as we can see. */
  readonly isConnected: boolean;
  /** Why it is not, or what the relay's trouble is. */
  readonly trouble: { readonly code: string; readonly detail: string } | undefined;
  /** Calls `listener` after any change of the above. @returns what ends that */
  onChange(listener: () => void): () => void;
  close(): void;
}

/**
 * When the git server last confirmed the answer, in milliseconds since the epoch. A feed that is up and in no trouble
 * keeps confirming it, though it does not say so each time.
 */
export function confirmedAt({ isConnected, trouble }: RefFeed, told: Told, now: number): number {
  return isConnected && !trouble ? now - told.ageMs : told.asOf;
}

/** Why a relay has not answered yet, although it had `ms` for it. */
export function silenceOf({ isConnected, trouble }: RefFeed, relay: string, ms: number): SidecarError {
  const op = 'ask the relay';
  if (trouble && isErrorCode(trouble.code)) {
    const hint =
      'The relay reports this about the git server: see the log and /status of the relay. Only the relay needs credentials.';
    const facts = { op, target: relay, detail: trouble.detail };
    const error = new SidecarError(trouble.code, facts);
    return error.stage === 'remote' ? new SidecarError(trouble.code, { ...facts, hint }) : error;
  }
  if (isConnected && !trouble) {
    const detail = 'it is reachable, but it has not mirrored the repository yet';
    return new SidecarError('ERR_RELAY_PENDING', { op, target: relay, detail });
  }
  const detail = trouble?.detail ?? `no answer within ${Math.round(ms / 1000)} s`;
  return new SidecarError('ERR_RELAY_UNREACHABLE', { op, target: relay, detail });
}

/** Resolves at the next change of `feed`, after `ms`, or when `signal` aborts. */
export async function nextChange(feed: RefFeed, ms: number, signal: AbortSignal, clock: Clock): Promise<void> {
  const waiting = deadline(signal, undefined);
  const ignore = feed.onChange(() => waiting.end());
  await clock.sleep(ms, waiting.signal);
  ignore();
  waiting.dispose();
}
