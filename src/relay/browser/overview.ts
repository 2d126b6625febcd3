import { ERROR_CODES } from '../../model/error-codes.ts';
import type { Principal } from '../server/access/access.ts';
import type { Fleet } from '../server/fleet/fleet.ts';
import type { RolloutDocument } from '../server/fleet/rollout.ts';
import type { Follower } from '../server/mirror/follower.ts';
import { describeRefused, type RefusedDocument } from '../server/mirror/refused-document.ts';
import { type RefView, refsIn } from '../server/streams/ref-view.ts';
import type { Savings } from './savings.ts';
import { shownTips } from './shown-tips.ts';

/** What the page shows of a repository besides its instances and rollouts. Times are ISO 8601. */
export interface RepositoryOverview {
  readonly repository: string;
  readonly known: boolean;
  /** When the git server last confirmed the refs; null: never. */
  readonly asOf: string | null;
  /** Why the git server cannot be asked; null while it can. */
  readonly trouble: { readonly code: string; readonly meaning: string } | null;
  readonly requestsSent: number;
  /** How many refs may be seen. */
  readonly refs: number;
  /** Some of them, the default branch first. */
  readonly tips: readonly { readonly ref: string; readonly oid: string }[];
  readonly connected: number;
  readonly behind: number;
  /** How long the last moves took to reach the fleet, the newest first. */
  readonly moves: readonly RolloutDocument[];
  readonly refused: readonly RefusedDocument[];
}

/** What the page shows of the relay itself. */
export interface RelayOverview {
  readonly at: string;
  readonly version: string;
  readonly startedAt: string;
  readonly subscribers: number;
  /** Requests to git servers about what the client may see. */
  readonly requestsSent: number;
  /** Polls that the streams have replaced, at the period of the relay. */
  readonly pollsSaved: number;
  /** Fetches that the mirrors answered. */
  readonly fetchesAnswered: number;
}

/** What `GET /overview` answers. */
export interface OverviewDocument {
  readonly relay: RelayOverview;
  readonly repositories: readonly RepositoryOverview[];
}

export function describeRepository(follower: Follower, fleet: Fleet, view: RefView): RepositoryOverview {
  const { upstream, isKnown, asOf, trouble, requestsSent, refused } = follower;
  const { count, tips } = shownTips(refsIn(follower.refs, view));
  return {
    repository: upstream.name,
    known: isKnown,
    asOf: isKnown ? new Date(asOf).toISOString() : null,
    trouble: trouble ? { code: trouble.code, meaning: ERROR_CODES[trouble.code].meaning } : null,
    requestsSent,
    refs: count,
    tips,
    ...fleet.summaryOf(upstream.name, view.shows),
    refused: describeRefused(refused, view.shows),
  };
}

export interface OverviewSources {
  readonly repositories: { readonly followers: readonly Follower[] };
  readonly hub: { readonly subscribers: number };
  readonly answers: { readonly counts: Readonly<Record<string, number>> };
  readonly fleet: Fleet;
  readonly savings: Savings;
  readonly version: string;
}

export function describeRelay(sources: OverviewSources, principal: Principal, now: number): RelayOverview {
  const { repositories, hub, answers, savings, version } = sources;
  const seen = repositories.followers.filter(({ upstream }) => principal.mayRead(upstream.name));
  return {
    at: new Date(now).toISOString(),
    version,
    startedAt: new Date(savings.startedAt).toISOString(),
    subscribers: hub.subscribers,
    requestsSent: seen.reduce((sum, { requestsSent }) => sum + requestsSent, 0),
    pollsSaved: Math.floor(savings.polls),
    fetchesAnswered: Object.values(answers.counts).reduce((sum, count) => sum + count, 0),
  };
}
