import type { SyncConfig } from '../../config/sync-config.ts';
import type { Git } from '../../git/git.ts';
import type { Hint } from '../../model/hint.ts';
import type { RefChoice } from '../../poll/ref-choice.ts';
import type { RefSource } from '../../poll/ref-source.ts';
import type { Reports } from '../../relay/client/reports.ts';
import type { Ambient } from '../../service/ambient.ts';
import { sharedSource } from './shared-source.ts';

export interface SourceWiring
  extends Pick<Ambient, 'clock' | 'leases' | 'log' | 'random' | 'redactor' | 'withoutDefaults'> {
  readonly config: SyncConfig;
  readonly git: Git;
  /** By which the relay knows this sync again; undefined without a relay. */
  readonly relayKey: string | undefined;
  /** Real path of the root. */
  readonly root: string;
  /** Which ref is followed. */
  readonly choice: RefChoice;
  /** A hint came that a ref has moved. */
  readonly wake: (hint: Hint) => void;
}

export interface WiredSource {
  readonly source: RefSource;
  /** Reports to the relay how far we are; undefined without one. */
  readonly reports: Reports | undefined;
}

/**
 * The side that a sync asks for its ref: the git server or a relay, with notes on NATS that come earlier than both. The
 * code for relays is loaded only where there is one: a sidecar is multiplied by Pods.
 */
export async function wireSource(wiring: SourceWiring): Promise<WiredSource> {
  const { config } = wiring;
  const client = config.relay || config.nats ? await import('./relay-source.ts') : undefined;
  const wired =
    client && config.relay
      ? await client.relaySource(wiring, config.relay)
      : { source: await sharedSource(wiring), reports: undefined };
  if (!client || !config.nats || config.target.kind === 'oid') return wired;
  return { ...wired, source: client.hintedSource(wiring, config.nats, wired.source) };
}
