import { hostname } from 'node:os';
import type { NatsConfig, RelayClientConfig } from '../../config/sync-config.ts';
import { createPoller } from '../../poll/create-poller.ts';
import { collectOne } from '../../poll/ref-choice.ts';
import type { RefSource } from '../../poll/ref-source.ts';
import { nameForRelay, openRelay, remoteAtRelay } from '../../relay/client/open.ts';
import { RelaySource } from '../../relay/client/relay-source.ts';
import { ReleaseMemory } from '../../relay/client/release-memory.ts';
import { keySetting } from '../../relay/client/settings.ts';
import { Board } from '../../relay/nats/board.ts';
import { HintedSource } from '../../relay/nats/hinted-source.ts';
import type { SourceWiring, WiredSource } from './source.ts';

export async function relaySource(wiring: SourceWiring, relay: RelayClientConfig): Promise<WiredSource> {
  const { config, git, choice, log, clock, random, withoutDefaults, wake, relayKey: key } = wiring;
  const { target, remote } = config;
  const access = { ...config, withoutDefaults };
  const name = nameForRelay(remote);
  const gitConfigAdd = [...config.gitConfigAdd, ...(key === undefined ? [] : [keySetting(relay, key)])];
  const objects = await createPoller({ ...access, gitConfigAdd, remote: remoteAtRelay(relay, name) }, git, log, clock);
  if (target.kind === 'oid') return { source: objects, reports: undefined };
  const wanted = { names: choice.names ?? [], newest: target.kind === 'newest' ? target : undefined };
  const { feed, reports } = await openRelay(access, relay, name, wanted, { ...wiring, key });
  let refs = feed.told?.refs;
  feed.onChange(() => {
    if (!feed.told || feed.told.refs === refs) return;
    refs = feed.told.refs;
    const ref = collectOne(choice, refs.values()).chosen;
    // The relay that gives out the objects may be another one, and behind this one.
    wake({ ref: ref?.name, to: ref?.peeledOid ?? ref?.oid });
  });
  const released = relay.fallback
    ? new ReleaseMemory(wiring.root, `${relay.url} ${remote.shownUrl} ${target.requested}`, log)
    : undefined;
  await released?.open();
  const source = new RelaySource({
    feed,
    released,
    objects,
    upstream: relay.fallback ? await createPoller(access, git, log, clock) : undefined,
    shownUrl: remote.shownUrl,
    relay: relay.url,
    maxStalenessMs: config.http?.maxStalenessMs ?? 0,
    periodMs: config.periodMs,
    clock,
    random,
    log,
  });
  return { source, reports };
}

/** NATS in front of a source. */
export function hintedSource(
  { config, choice, log, clock, wake }: SourceWiring,
  nats: NatsConfig,
  source: RefSource,
): RefSource {
  const board = new Board({ ...nats, name: config.relay?.instance ?? hostname(), clock, log });
  return new HintedSource({ board, repository: nameForRelay(config.remote), choice, source, onHint: wake });
}
