import type { SidecarError } from '../../../model/error.ts';
import type { AdvertisedRef } from '../../../model/ref.ts';
import type { Clock, Random } from '../../../platform/clock.ts';
import type { FairRoom } from '../../../platform/fair-room.ts';
import type { Logger } from '../../../platform/log.ts';
import type { Watchdog } from '../../../platform/watchdog.ts';
import type { RefChange, Refs } from '../../protocol/refs.ts';
import type { Upstream } from '../access/allow.ts';
import type { ChangeTimes } from './change-spans.ts';
import type { HostBudget } from './host-budget.ts';
import type { Mirror } from './mirror.ts';
import type { ObjectSource } from './mirror-objects.ts';
import type { TipGate } from './tip-gate.ts';

/** The side that a follower asks where the refs are: the git server, or a relay nearer to it. */
export interface UpstreamRefs {
  /** @throws SidecarError ERR_REMOTE_*, ERR_RELAY_* */
  list(questions: readonly string[], signal: AbortSignal): Promise<{ refs: readonly AdvertisedRef[]; asOf: number }>;
  /** The git server refused the credentials. @returns whether others may come: it is worth asking again at once */
  renewCredentials(): boolean;
  readonly source: ObjectSource;
  /** Asking costs the git server a request. */
  readonly costs: boolean;
  readonly requestsSent: number;
  close(): void;
}

/** Where others read what we found out. */
export interface Noting {
  /** The git server is about to be asked. @returns what takes the refs that it had then, once they are mirrored */
  begin(): (refs: Refs) => void;
  close(): void;
}

export interface FollowerOptions {
  readonly upstream: Upstream;
  readonly remote: UpstreamRefs;
  readonly mirror: Mirror;
  /** The same as the mirror has; undefined: all tips are passed on. */
  readonly gate?: TipGate | undefined;
  readonly budget: HostBudget;
  /** Places for first copies, which may be large, of all followers. */
  readonly copies: FairRoom;
  /** On whose share of the budget the git server is asked at first. */
  readonly payer: string;
  readonly periodMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly noting: Noting | undefined;
  /** Awaited before {@link onChange}: what takes long where there are very many refs. @param moved how many of them */
  readonly prepare: (moved: number) => Promise<void>;
  readonly onChange: (changes: readonly RefChange[], times: ChangeTimes) => void;
  /** @param isNew it was in no such trouble before */
  readonly onTrouble: (error: SidecarError, isNew: boolean) => void;
  readonly onRecovery: () => void;
  readonly watchdog: Watchdog | undefined;
  /** For tests. */
  readonly limits?: FollowerLimits;
}

/** How long each step may take, in milliseconds. */
export interface FollowerLimits {
  /** Reading the refs of a mirror on a slow disk. */
  readonly open: number;
  /** Asking must not take longer: the next try may get through. */
  readonly ask: number;
  /** A first copy of a large repository takes its time; one that stalls is noticed sooner. */
  readonly update: number;
  /** git-fsck reads all commits and trees. */
  readonly check: number;
}

export const LIMITS: FollowerLimits = { open: 60_000, ask: 30_000, update: 3_600_000, check: 1_800_000 };
