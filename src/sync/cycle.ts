import { bounded } from '../platform/bounded.ts';
import type { SyncContext } from './context.ts';
import type { CycleTrace } from './cycle-trace.ts';
import type { Cycle, Findings } from './findings.ts';

export type { Cycle } from './findings.ts';

/** What holds for all stages of one cycle. */
export interface CycleScope {
  readonly signal: AbortSignal;
  /** The first cycle that has not succeeded yet. */
  readonly first: boolean;
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number;
  /** The cycle may go on for `ms` from now at least: it makes progress. */
  readonly grant: (ms: number) => void;
  /** Work that goes on beside the stages; it is ended with the cycle. */
  readonly background: Promise<unknown>[];
  /** undefined: nothing is traced. */
  readonly trace: CycleTrace | undefined;
}

/**
 * One step of the cycle. Stages run in order; one that throws ends the cycle. A stage declares what it takes of the
 * context and of the earlier findings by the types of its parameters, and returns what it found itself.
 */
export interface Stage {
  readonly name: string;
  /** It is left out when an earlier stage found that the cycle is settled. */
  readonly unlessSettled?: true;
  /** It only reads, so when it does not keep to its signal it is left behind. */
  readonly readsOnly?: true;
  readonly run: (context: SyncContext, found: Findings, scope: CycleScope) => Promise<Cycle>;
}

export function newScope(
  signal: AbortSignal,
  first: boolean,
  startedAt: number,
  grant: (ms: number) => void = () => undefined,
  trace?: CycleTrace,
): CycleScope {
  return { signal, first, startedAt, grant, background: [], trace };
}

/** What keeps to its signal ends within this time, processes that have to be killed included, and says more about it. */
const GRACE_MS = 2000;

export interface StageWatch {
  /** Called with the name of each stage before it runs. */
  readonly onStage?: (name: string) => void;
  /** Called after each stage with everything that was found so far. */
  readonly onFound?: (found: Cycle) => void;
}

/** Runs one cycle. @returns what it found */
export async function runStages(
  stages: readonly Stage[],
  context: SyncContext,
  scope: CycleScope,
  { onStage, onFound }: StageWatch = {},
): Promise<Cycle> {
  let found: Cycle = {};
  for (const stage of stages) {
    if (found.isStale || found.isUnread) break;
    if (found.settled === true && stage.unlessSettled) continue;
    onStage?.(stage.name);
    found = { ...found, ...(await runStage(stage, context, found, scope)) };
    onFound?.(found);
  }
  return found;
}

async function runStage(stage: Stage, context: SyncContext, found: Cycle, scope: CycleScope): Promise<Cycle> {
  const { clock, log } = context;
  const before = clock.monotonic();
  // That all it reads was found is what `inOrder` checks.
  const running = stage.run(context, found as Findings, scope);
  const result = await (stage.readsOnly ? bounded(running, scope.signal, GRACE_MS) : running);
  log.info(6, 'stage', { name: stage.name, ms: Math.round(clock.monotonic() - before) });
  return result;
}
