import type { RelayConfig } from '../config/relay-config.ts';
import type { GitSetting } from '../git/config-file.ts';
import type { Git } from '../git/git.ts';
import type { HermeticGit } from '../git/hermetic.ts';
import type { Hint } from '../model/hint.ts';
import type { Clock } from '../platform/clock.ts';
import { HttpClient } from '../platform/http-client.ts';
import type { Logger } from '../platform/log.ts';
import type { Redactor } from '../platform/redact.ts';
import { changesBetween } from '../relay/protocol/refs.ts';
import type { Upstream } from '../relay/server/allow.ts';
import type { UpstreamRefs } from '../relay/server/follower-options.ts';
import { type PolledOptions, polledUpstream, relayedUpstream } from '../relay/server/upstream-refs.ts';
import { CredentialSource } from '../remote/credential-source.ts';
import { parseRemoteUrl } from '../remote/url.ts';
import { createPoller } from './create-poller.ts';
import { defaultsUnused } from './native-poll.ts';
import { relayGitSettings } from './relay-settings.ts';
import { openRelay, remoteAtRelay } from './wire-relay-client.ts';

export interface UpstreamWiring {
  readonly config: RelayConfig;
  readonly git: Git;
  readonly hermetic: HermeticGit;
  readonly log: Logger;
  readonly redactor: Redactor;
  readonly clock: Clock;
}

/** What was allowed is one host; a redirect would be another. */
const NO_REDIRECTS: GitSetting = { key: 'http.followRedirects', value: 'false' };

/** Settings of all that a relay's git does. */
export function upstreamGitSettings({ gitConfigAdd, parent }: RelayConfig): GitSetting[] {
  return [...gitConfigAdd, ...(parent ? relayGitSettings(parent) : []), NO_REDIRECTS];
}

/** Opens the way to a repository's git server, or to the relay nearer to it. `onNews` is called when that one tells something. */
export type OpenUpstream = (upstream: Upstream, onNews: (hint?: Hint) => void) => Promise<UpstreamRefs>;

export function createUpstreams(wiring: UpstreamWiring): OpenUpstream {
  const { config, git, hermetic, log, redactor, clock } = wiring;
  const { parent } = config;
  const token = parent?.tokenFile;
  const atParent =
    parent && token !== undefined ? [{ url: `${parent.url}/git`, username: 'git-sidecar', passwordFile: token }] : [];
  const source = new CredentialSource({
    config: { ...config, credentials: [...config.credentials, ...atParent] },
    clock,
    http: new HttpClient(config.environment, defaultsUnused(config)),
    redactor,
    onAskpass: () => undefined,
    onGithubToken: () => undefined,
  });
  const credentials: PolledOptions['credentials'] = async (signal) => {
    const read = await source.read(signal);
    await hermetic.setCredentials(read);
    return read;
  };
  return async ({ name, url }, onNews) => {
    const remote = parent ? remoteAtRelay(parent, name) : parseRemoteUrl(url);
    const server = { ...config, gitConfigAdd: upstreamGitSettings(config), mode: 'v4', remote } as const;
    const poller = await createPoller(server, git, log, clock);
    const shared = { poller, shownUrl: remote.shownUrl, clock, credentials };
    if (!parent) return polledUpstream(shared);
    const { feed } = await openRelay(server, parent, name, [], { git, log, redactor, clock });
    let refs = feed.told?.refs;
    feed.onChange(() => {
      if (!feed.told || feed.told.refs === refs) return;
      // The relay that gives out the objects may be another one, and behind this one.
      const [news] = changesBetween(refs ?? new Map(), feed.told.refs);
      refs = feed.told.refs;
      onNews(news && { ref: news.ref, to: news.to?.oid });
    });
    return relayedUpstream(feed, shared);
  };
}
