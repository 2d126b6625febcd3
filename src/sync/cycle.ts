import type { CheckoutPlan } from '../checkout/plan.ts';
import type { UntouchedSpare } from '../checkout/spare.ts';
import type { Worktree } from '../checkout/worktree.ts';
import type { Credential } from '../model/credential.ts';
import type { Revision } from '../model/revision.ts';
import { bounded } from '../platform/bounded.ts';
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
  /** Work that goes on beside the stages; it is ended with the cycle. */
  readonly background: Promise<unknown>[];
  /** The cycle may go on for `ms` from now at least: it makes progress. */
  readonly grant: (ms: number) => void;
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
  /** It only reads, so when it does not keep to its signal it is left behind. */
  readonly readsOnly?: boolean;
  run(context: SyncContext, cycle: Cycle): Promise<StageResult>;
}

export function newCycle(
  signal: AbortSignal,
  first: boolean,
  now: number,
  grant: (ms: number) => void = () => undefined,
): Cycle {
  return {
    signal,
    first,
    grant,
    background: [],
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

/** What keeps to its signal ends within this time, processes that have to be killed included, and says more about it. */
const GRACE_MS = 2000;

/** @param onStage called with the name of each stage before it runs */
export async function runStages(
  stages: readonly Stage[],
  context: SyncContext,
  cycle: Cycle,
  onStage: (name: string) => void = () => undefined,
): Promise<void> {
  let settled = false;
  for (const stage of stages) {
    if (settled && !stage.always) continue;
    const before = context.clock.monotonic();
    onStage(stage.name);
    const running = stage.run(context, cycle);
    if ((await (stage.readsOnly ? bounded(running, cycle.signal, GRACE_MS) : running)) === 'settled') settled = true;
    context.log.info(6, 'stage', { name: stage.name, ms: Math.round(context.clock.monotonic() - before) });
  }
}
