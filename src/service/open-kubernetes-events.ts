import { hostname } from 'node:os';
import type { KubernetesEvents } from '../platform/kubernetes-events.ts';
import type { Ambient } from './ambient.ts';

interface Account {
  readonly kubernetesEvents: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Where Kubernetes mounts it. */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What writes events about this Pod; undefined where that is not wanted, or this is no Pod. */
export async function openKubernetesEvents(
  { kubernetesEvents, environment }: Account,
  { clock, log, redactor }: Pick<Ambient, 'clock' | 'log' | 'redactor'>,
): Promise<KubernetesEvents | undefined> {
  if (!kubernetesEvents) return undefined;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443', POD_NAME, POD_UID } = environment;
  if (host === undefined) {
    log.warn('--kubernetes-events has no effect: KUBERNETES_SERVICE_HOST is not set, so this is no Pod');
    return undefined;
  }
  const { KubernetesEvents: Opened } = await import('../platform/kubernetes-events.ts');
  return new Opened({
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    account: ACCOUNT,
    pod: { name: POD_NAME || hostname(), uid: POD_UID || undefined },
    ...{ clock, log, redactor },
  });
}
