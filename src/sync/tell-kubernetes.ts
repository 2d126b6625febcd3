import type { SyncObserver } from '../model/sync-observer.ts';
import type { KubernetesEvents } from '../platform/kubernetes-events.ts';

/** Events about what a sync publishes, and about why it does not; the same failure again is no news. */
export function tellKubernetes(events: KubernetesEvents | undefined, repo: string): Partial<SyncObserver> {
  if (!events) return {};
  let failing: string | undefined;
  return {
    onPublish: ({ ref, oid }) =>
      events.record({ type: 'Normal', reason: 'Published', action: 'Sync', note: `${repo} ${ref} at ${oid}` }),
    onCycle: ({ error }) => {
      if (error && error.code !== failing)
        events.record({ type: 'Warning', reason: 'SyncFailed', action: 'Sync', note: error.message });
      failing = error?.code;
    },
  };
}
