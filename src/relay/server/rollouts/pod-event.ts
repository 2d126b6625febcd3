import type { KubernetesEvent } from '../../../platform/kubernetes-events.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { JournalEntry } from '../../rollout/journal.ts';

/** What a person wants to find again; the rest is in the journal. */
const TOLD: Partial<Record<JournalEntry['what'], { readonly type: KubernetesEvent['type']; readonly reason: string }>> =
  {
    started: { type: 'Normal', reason: 'RolloutStarted' },
    completed: { type: 'Normal', reason: 'RolloutCompleted' },
    halted: { type: 'Warning', reason: 'RolloutHalted' },
    reverting: { type: 'Warning', reason: 'RolloutReverting' },
    aborted: { type: 'Warning', reason: 'RolloutAborted' },
  };

/** undefined: it is no event. */
export function rolloutEvent(
  repository: RepositoryName,
  { what, oid, stage, who, why }: JournalEntry,
): KubernetesEvent | undefined {
  const told = TOLD[what];
  const facts = [oid, stage && `stage ${stage}`, who && `by ${who}`, why].filter(Boolean);
  return told && { ...told, action: 'Rollout', note: `${repository}: ${facts.join(', ')}` };
}
