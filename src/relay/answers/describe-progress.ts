import type { GovernedView } from '../rollout/governed-view.ts';
import type { CommitStatus } from './commit-status.ts';

/** Nothing new comes of these by itself, so `why` says it all. */
const HELD: readonly GovernedView['status'][] = ['paused', 'frozen'];

/** How far the rollout of a ref has come; undefined when none is under way. */
export function describeProgress(view: GovernedView): Pick<CommitStatus, 'oid' | 'state' | 'text'> | undefined {
  const { status, why, oid, stages } = view;
  if (oid === null || stages.length === 0 || status === 'halted' || status === 'reverting') return undefined;
  const index = stages.findIndex(({ state }) => state === 'open' || state === 'soaking');
  const stage = stages[index];
  if (!stage) return { oid, state: 'pending', text: HELD.includes(status) ? why : 'waits for its first stage' };
  const where = `stage ${index + 1} of ${stages.length} (${stage.name})`;
  const { done, instances, failed } = stage;
  const count = `${done} of ${instances} instance${instances === 1 ? '' : 's'}`;
  const failures = failed === 0 ? '' : `, ${failed} failed`;
  const held = HELD.includes(status) ? `; ${why}` : status === 'soaking' ? '; it soaks' : '';
  return { oid, state: 'running', text: `${where}: ${count}${failures}${held}` };
}
