import { readFile } from 'node:fs/promises';
import type { RelayClientConfig } from '../../config/sync-config.ts';
import type { Git } from '../../git/git.ts';
import { messageOf, SidecarError } from '../../model/error.ts';
import type { Clock, Random } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { Redactor } from '../../platform/redact.ts';
import { AGENT } from '../../platform/version.ts';
import { httpSettingsFor, type ServerAccess } from '../../poll/native-poll.ts';
import { parseRemoteUrl, type RemoteUrl } from '../../remote/url.ts';
import { type RepositoryName, repositoryNameOf } from '../protocol/repository-name.ts';
import type { WantedRefs } from '../protocol/wanted-refs.ts';
import { Reports } from './reports.ts';
import { instanceName, RELAY_USER } from './settings.ts';
import { SseFeed } from './sse-feed.ts';

/** What a relay calls the repository at `url`. @throws SidecarError ERR_RELAY_REPOSITORY */
export function nameForRelay({ fetchUrl, shownUrl }: RemoteUrl): RepositoryName {
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

export interface RelayOpening {
  /** As `createKey` makes it; undefined: others with our token can report for us. */
  readonly key?: string | undefined;
  readonly git: Git;
  readonly log: Logger;
  readonly redactor: Redactor;
  readonly clock: Clock;
  readonly random: Random;
}

/** A stream of a relay, and how we report back on it. */
export async function openRelay(
  access: ServerAccess,
  relay: RelayClientConfig,
  repository: RepositoryName,
  wanted: WantedRefs,
  { git, log, redactor, clock, random, key }: RelayOpening,
): Promise<{ readonly feed: SseFeed; readonly reports: Reports }> {
  const settings = await httpSettingsFor(access, git, relay.url);
  const token = relayToken(relay, redactor);
  const shared = { url: relay.url, settings, token, key, clock, log };
  const reports = new Reports({ ...shared, instance: instanceName(relay), labels: relay.labels });
  const feed = new SseFeed({
    ...shared,
    repository,
    wanted,
    report: (releasedBy) => reports.forNewStream(releasedBy),
    onOpened: (refusal) => reports.opened(refusal),
    agent: AGENT,
    random,
  });
  reports.onMisdirected(() => feed.reconnect());
  return { feed, reports };
}
