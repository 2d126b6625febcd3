import type { Clock, Random } from '../../platform/clock.ts';
import { HttpClient } from '../../platform/http-client.ts';
import type { Logger } from '../../platform/log.ts';
import type { Environment, ProcessRunner } from '../../platform/process/runner.ts';
import type { GitAccess } from '../git-access.ts';
import type { Identity, IdentityTools } from './identity.ts';
import { KeptToken } from './kept-token.ts';
import { usesPath } from './program-line.ts';

/** Credentials that are obtained and kept for a time, and the servers that they are for. */
export interface Way {
  readonly urls: readonly string[];
  readonly kept: KeptToken;
  /** It is used only where nothing else is known. */
  readonly isLast: boolean;
}

export type AccessConfig = Pick<
  GitAccess,
  | 'credentials'
  | 'credentialUrls'
  | 'askpassUrl'
  | 'githubApp'
  | 'identity'
  | 'credentialHelpers'
  | 'cookieFile'
  | 'git'
  | 'gitConfig'
  | 'gitConfigAdd'
  | 'environment'
>;

export interface WaysOptions extends Pick<IdentityTools, 'learn' | 'http'> {
  readonly config: AccessConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Starts credential helpers. */
  readonly runner: ProcessRunner;
  /** What a credential helper inherits. */
  readonly helperEnvironment: () => Environment;
  readonly onGithubToken: (success: boolean) => void;
  /** An identity was asked. @param name one of {@link IDENTITY_NAMES} */
  readonly onIdentity: (name: string, success: boolean) => void;
}

function createTools({ config, clock, http, learn }: WaysOptions): IdentityTools {
  const { SSL_CERT_FILE } = config.environment;
  return { http, direct: new HttpClient(SSL_CERT_FILE === undefined ? {} : { SSL_CERT_FILE }), clock, learn };
}

/** What the configuration says about credentials that are not simply read; the code for them is loaded here. */
export async function openWays(options: WaysOptions): Promise<readonly Way[]> {
  const { config, clock, random, log, onGithubToken, onIdentity } = options;
  const { credentialUrls, githubApp, identity, credentialHelpers } = config;
  const keep = (made: Identity, onRefresh: (success: boolean) => void): KeptToken =>
    new KeptToken({ identity: made, clock, random, log, onRefresh });
  const ways: Way[] = [];
  if (githubApp) {
    const { gitHubApp } = await import('../github-app.ts');
    const kept = keep(gitHubApp(githubApp, options.http, clock), onGithubToken);
    ways.push({ urls: credentialUrls, kept, isLast: false });
  }
  if (identity) {
    const { createIdentity } = await import('./create-identity.ts');
    const made = await createIdentity(identity, createTools(options));
    ways.push({ urls: credentialUrls, kept: keep(made, (ok) => onIdentity(made.name, ok)), isLast: false });
  }
  for (const url of credentialHelpers ? credentialUrls.filter((each) => /^https?:/i.test(each)) : []) {
    const { credentialPrograms } = await import('./credential-program.ts');
    const made = credentialPrograms({
      helpers: credentialHelpers?.lines ?? [],
      username: credentialHelpers?.username ?? '',
      git: config.git,
      runner: options.runner,
      environment: options.helperEnvironment,
      clock,
      learn: options.learn,
      url,
      withPath: usesPath([...config.gitConfig, ...config.gitConfigAdd], url),
    });
    ways.push({ urls: [url], kept: keep(made, (ok) => onIdentity(made.name, ok)), isLast: true });
  }
  return ways;
}
