import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { NatsConfig, RelayClientConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import type { Redactor } from '../platform/redact.ts';
import type { RefSource } from '../poll/ref-source.ts';
import { RelaySource } from '../relay/client/relay-source.ts';
import { Reports } from '../relay/client/reports.ts';
import { SseFeed } from '../relay/client/sse-feed.ts';
import { Board } from '../relay/nats/board.ts';
import { HintedSource } from '../relay/nats/hinted-source.ts';
import { type RepositoryName, repositoryNameOf } from '../relay/protocol/repository-name.ts';
import { parseRemoteUrl, type RemoteUrl } from '../remote/url.ts';
import { AGENT, createPoller } from './create-poller.ts';
import { httpSettingsFor, type ServerAccess } from './native-poll.ts';
import { RELAY_USER } from './relay-settings.ts';
import type { SourceWiring, WiredSource } from './wire-source.ts';

/** What a relay calls the repository at `url`. @throws SidecarError ERR_RELAY_REPOSITORY */
function nameForRelay({ fetchUrl, shownUrl }: RemoteUrl): RepositoryName {
  const name = repositoryNameOf(fetchUrl);
  if (name) return name;
  const detail = 'it has no host, or a path that cannot be part of another URL';
  throw new SidecarError('ERR_RELAY_REPOSITORY', { op: 'follow through a relay', target: shownUrl, detail });
}

/** Where a relay serves the repository to git. */
export function remoteAtRelay({ url }: RelayClientConfig, name: RepositoryName): RemoteUrl {
  return parseRemoteUrl(`${url}/git/${name.split('/').map(encodeSegment).join('/')}`);
}

/** A host with its port is a segment like any other. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replaceAll('%3A', ':').replaceAll('%5B', '[').replaceAll('%5D', ']');
}

/** Reads the relay's token anew each time, so that it can be rotated. */
function relayToken(relay: RelayClientConfig, redactor: Redactor): () => Promise<string | undefined> {
  return async () => {
    if (relay.tokenFile === undefined) return undefined;
    try {
      const token = (await readFile(relay.tokenFile, 'utf8')).trim();
      redactor.addRenewed(token, RELAY_USER);
      return token;
    } catch (cause) {
      const detail = messageOf(cause);
      const facts = { op: 'read the token of the relay', target: relay.tokenFile, detail, cause };
      throw new SidecarError('ERR_REMOTE_CREDENTIAL_SOURCE', facts);
    }
  };
}

/** A stream of a relay, and how we report back on it. */
export async function openRelay(
  access: ServerAccess,
  relay: RelayClientConfig,
  repository: RepositoryName,
  names: readonly string[],
  { git, log, redactor, clock }: Omit<SourceWiring, 'config' | 'wake'>,
): Promise<{ readonly feed: SseFeed; readonly reports: Reports }> {
  const settings = await httpSettingsFor(access, git, relay.url);
  const token = relayToken(relay, redactor);
  const shared = { url: relay.url, settings, token, clock, log };
  const reports = new Reports({ ...shared, instance: relay.instance ?? hostname() });
  const feed = new SseFeed({
    ...shared,
    repository,
    names,
    report: () => reports.forNewStream(),
    agent: AGENT,
    random: Math.random,
  });
  reports.onMisdirected(() => feed.reconnect());
  return { feed, reports };
}

export async function relaySource(wiring: SourceWiring, relay: RelayClientConfig): Promise<WiredSource> {
  const { config, git, log, clock, wake } = wiring;
  const { target, remote } = config;
  const name = nameForRelay(remote);
  const objects = await createPoller({ ...config, remote: remoteAtRelay(relay, name) }, git, log, clock);
  if (target.kind === 'oid') return { source: objects, reports: undefined };
  const { feed, reports } = await openRelay(config, relay, name, target.candidates, wiring);
  let refs = feed.told?.refs;
  feed.onChange(() => {
    if (!feed.told || feed.told.refs === refs) return;
    refs = feed.told.refs;
    const ref = target.candidates.map((each) => refs?.get(each)).find((each) => each !== undefined);
    // The relay that gives out the objects may be another one, and behind this one.
    wake({ ref: ref?.name, to: ref?.peeledOid ?? ref?.oid });
  });
  const source = new RelaySource({
    feed,
    objects,
    upstream: relay.fallback ? await createPoller(config, git, log, clock) : undefined,
    shownUrl: remote.shownUrl,
    relay: relay.url,
    maxStalenessMs: config.http?.maxStalenessMs ?? 0,
    periodMs: config.periodMs,
    clock,
    random: Math.random,
    log,
  });
  return { source, reports };
}

/** NATS in front of a source. */
export function hintedSource(
  { config, log, clock, wake }: SourceWiring,
  nats: NatsConfig,
  source: RefSource,
): RefSource {
  const board = new Board({ ...nats, name: config.relay?.instance ?? hostname(), clock, log });
  return new HintedSource({ board, repository: nameForRelay(config.remote), source, onHint: wake });
}
