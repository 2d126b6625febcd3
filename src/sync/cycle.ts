import type { CheckoutPlan } from '../checkout/plan.ts';
import type { UntouchedSpare } from '../checkout/spare.ts';
import type { Worktree } from '../checkout/worktree.ts';
import type { Credential } from '../model/credential.ts';
import type { Revision } from '../model/revision.ts';
import type { Tip } from '../poll/ref-source.ts';
import type { LinkState } from '../publish/link.ts';
import type { SyncContext } from './context.ts';

/** What one cycle has found out and made so far; each stage fills in its part. */
export interface Cycle {
  readonly signal: AbortSignal;
  /** The first cycle that has not succeeded yet. */
  readonly first: boolean;
  credentials: readonly Credential[];
  /** What the remote said, when it was asked. */
  tip: Tip | undefined;
  /** What the remote has. */
  wanted: Revision | undefined;
  plan: CheckoutPlan | undefined;
  link: LinkState;
  /** The worktree that the link shows, if it is one of ours and whole. */
  live: Worktree | undefined;
  /** Objects that the update brought; undefined when git fetched them and did not say. */
  fetchedObjects: number | undefined;
  /** The spare, being looked over while the fetch goes on. */
  spare: Promise<UntouchedSpare | undefined> | undefined;
  /** A finished worktree of `wanted`, to be published. */
  candidate: Worktree | undefined;
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number;
  polledAt: number | undefined;
  updated: boolean;
}

/** `next`: go on with the next stage; `settled`: what is wanted is published, skip to the stages behind publishing. */
export type StageResult = 'next' | 'settled';

/** One step of the cycle. Stages run in order; one that throws ends the cycle. */
export interface Stage {
  readonly name: string;
  /** Also runs when an earlier stage found that nothing has to be done. */
  readonly always?: boolean;
  run(context: SyncContext, cycle: Cycle): Promise<StageResult>;
}

export function newCycle(signal: AbortSignal, first: boolean, now: number): Cycle {
  return {
    signal,
    first,
    startedAt: now,
    credentials: [],
    tip: undefined,
    wanted: undefined,
    plan: undefined,
    link: { kind: 'absent' },
    live: undefined,
    fetchedObjects: undefined,
    spare: undefined,
    candidate: undefined,
    polledAt: undefined,
    updated: false,
  };
}

export async function runStages(stages: readonly Stage[], context: SyncContext, cycle: Cycle): Promise<void> {
  let settled = false;
  for (const stage of stages) {
    if (settled && !stage.always) continue;
    const before = context.clock.monotonic();
    if ((await stage.run(context, cycle)) === 'settled') settled = true;
    context.log.info(6, 'stage', { name: stage.name, ms: Math.round(context.clock.monotonic() - before) });
  }
}
