import type { RelayConfig } from '../../config/relay-config.ts';
import type { GitSetting } from '../../git/config-file.ts';
import type { Git } from '../../git/git.ts';
import type { HermeticGit } from '../../git/hermetic.ts';
import type { Hint } from '../../model/hint.ts';
import { HttpClient } from '../../platform/http-client.ts';
import { createPoller } from '../../poll/create-poller.ts';
import { CredentialSource } from '../../remote/credential-source.ts';
import { parseRemoteUrl } from '../../remote/url.ts';
import type { Ambient } from '../../service/ambient.ts';
import { openRelay, remoteAtRelay } from '../client/open.ts';
import { RELAY_USER, relayGitSettings } from '../client/settings.ts';
import { changesBetween } from '../protocol/refs.ts';
import type { Upstream } from '../server/access/allow.ts';
import type { UpstreamRefs } from '../server/mirror/follower-options.ts';
import { type PolledOptions, polledUpstream, relayedUpstream } from '../server/mirror/upstream-refs.ts';

export interface UpstreamWiring
  extends Pick<Ambient, 'clock' | 'log' | 'metrics' | 'random' | 'redactor' | 'runner' | 'withoutDefaults'> {
  readonly config: RelayConfig;
  readonly git: Git;
  readonly hermetic: HermeticGit;
}

/** What was allowed is one host; a redirect would be another. */
const NO_REDIRECTS: GitSetting = { key: 'http.followRedirects', value: 'false' };

/** Settings of all that a relay's git does. */
export function upstreamGitSettings({ gitConfigAdd, parent }: RelayConfig): GitSetting[] {
  return [...gitConfigAdd, ...(parent ? relayGitSettings(parent) : []), NO_REDIRECTS];
}

export interface Upstreams {
  /**
   * Opens the way to a repository's git server, or to the relay nearer to it. `onNews` is called when that relay sends
   * something.
   */
  open(upstream: Upstream, onNews: (hint?: Hint) => void): Promise<UpstreamRefs>;
  /** Ends what is asked beside the work. */
  close(): void;
}

export function createUpstreams(wiring: UpstreamWiring): Upstreams {
  const { config, git, hermetic, log, metrics, redactor, clock, random, withoutDefaults } = wiring;
  const status = (success: boolean): { status: string } => ({ status: success ? 'success' : 'error' });
  const { parent } = config;
  const token = parent?.tokenFile;
  const atParent =
    parent && token !== undefined ? [{ url: `${parent.url}/git`, username: RELAY_USER, passwordFile: token }] : [];
  const source = new CredentialSource({
    config: {
      ...config,
      credentials: [...config.credentials, ...atParent],
      // They are for the git server, which is not asked.
      ...(parent && { githubApp: undefined, identity: undefined, credentialHelpers: undefined }),
    },
    ...{ clock, random, log, redactor, runner: wiring.runner },
    helperEnvironment: hermetic.helperEnvironment,
    http: new HttpClient(config.environment, withoutDefaults),
    onAskpass: (ok) => metrics?.count('git_sync_askpass_calls', status(ok)),
    onGithubToken: (ok) => metrics?.count('git_sync_refresh_github_app_token_count', status(ok)),
    onIdentity: (name, ok) => metrics?.count('git_sidecar_identity_count_total', { identity: name, ...status(ok) }),
  });
  const credentials: PolledOptions['credentials'] = async (signal) => {
    const read = await source.read(signal);
    await hermetic.setCredentials(read);
    return read;
  };
  const open: Upstreams['open'] = async ({ name, url }, onNews) => {
    const remote = parent ? remoteAtRelay(parent, name) : parseRemoteUrl(url);
    const server = {
      ...config,
      gitConfigAdd: upstreamGitSettings(config),
      mode: 'v4',
      remote,
      withoutDefaults,
    } as const;
    const poller = await createPoller(server, git, log, clock);
    const { fetchUrl, shownUrl } = remote;
    const shared = {
      ...{ poller, shownUrl, clock, credentials },
      accepted: () => source.accepted(fetchUrl),
      renewCredentials: () => source.refused(fetchUrl),
    };
    if (!parent) return polledUpstream(shared);
    const { feed } = await openRelay(
      server,
      parent,
      name,
      { names: [], newest: undefined },
      { git, log, redactor, clock, random },
    );
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
  return { open, close: () => source.close() };
}
