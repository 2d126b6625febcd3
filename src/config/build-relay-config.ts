import { resolve } from 'node:path';
import { parseRemoteUrl } from '../remote/url.ts';
import { buildGitAccess } from './build-git-access.ts';
import { parseCredentials } from './credential-json.ts';
import { parseHttpBind } from './http-bind.ts';
import { parseNats, parseRelayClient } from './relay-client.ts';
import type { RelayConfig } from './relay-config.ts';
import { secretsOf, showsSecrets } from './secrets.ts';
import type { EnvironmentVariables, Settings } from './settings.ts';
import { parseTraces } from './trace-config.ts';
import { serverAccess } from './validate-v4.ts';
import { checkSettings, mustBeSet, type Rule, refuseIf } from './validation.ts';
import { verifyConfig } from './verify.ts';

const someRepository: Rule = (settings) =>
  refuseIf(
    !settings.isOn('allow') && !settings.isOn('follow'),
    '--allow must be set: which repositories may be asked for',
  );

const groupInSubject: Rule = (settings) =>
  refuseIf(
    !/^[A-Za-z0-9_-]{0,64}$/.test(settings.text('rollouts-group')),
    '--rollouts-group must be 1 to 64 letters, digits, `-` and `_`',
  );

function tls(settings: Settings): RelayConfig['tls'] {
  const [certFile, keyFile] = [settings.text('tls-cert-file'), settings.text('tls-key-file')];
  const clientCaFile = settings.text('tls-client-ca-file') || undefined;
  return certFile === '' ? undefined : { certFile, keyFile, clientCaFile };
}

/**
 * Checks the options of `relay`.
 * @throws SidecarError ERR_CONFIG_INVALID
 */
export function buildRelayConfig(settings: Settings, env: EnvironmentVariables): RelayConfig {
  const [allow, follow] = [settings.list('allow'), settings.list('follow')];
  const credential = settings.get('credential');
  const more = settings.list('credential').flatMap((text) => parseCredentials(text, credential.sourceName));
  checkSettings(settings, [
    mustBeSet('root'),
    someRepository,
    mustBeSet('http-bind'),
    groupInSubject,
    serverAccess(more),
  ]);
  const http = parseHttpBind(settings);
  if (!http) throw new Error('unreachable');
  const origins = [...allow, ...follow].flatMap(
    (pattern) => /^https?:\/\/(?:[^/#]*@)?[^/@#]+/i.exec(pattern)?.[0] ?? [],
  );
  const remotes = [...new Set(origins)].map((origin) => parseRemoteUrl(`${origin}/`));
  return {
    ...buildGitAccess(settings, env, remotes, more),
    root: resolve(settings.text('root')),
    http,
    allow: allow.length > 0 ? allow : follow,
    follow,
    periodMs: settings.number('period'),
    idleMs: settings.number('idle'),
    requestsPerHost: settings.number('requests-per-host'),
    accessFile: settings.text('access-file') || undefined,
    tls: tls(settings),
    rollouts: settings.text('rollouts') || undefined,
    policies: undefined,
    traces: parseTraces(settings),
    kubernetesEvents: settings.flag('kubernetes-events'),
    rolloutsGroup: settings.text('rollouts-group') || 'relays',
    relayName: settings.text('relay-name') || undefined,
    staggerMs: settings.number('stagger'),
    maxRepositories: settings.number('max-repositories'),
    maxSubscribers: settings.number('max-subscribers'),
    maxRequestsPerSecond: settings.number('max-requests'),
    maxTraffic: settings.number('max-traffic'),
    maxConnectionsPerAddress: settings.number('max-connections-per-address'),
    maxDiskBytes: settings.number('max-disk'),
    cacheBytes: settings.number('cache-size'),
    parent: parseRelayClient(settings),
    nats: parseNats(settings),
    verify: verifyConfig(settings),
    verbosity: settings.number('verbose'),
    logFormat: settings.text('log-format') as RelayConfig['logFormat'],
    secrets: secretsOf(settings, env),
    secretsOnCommandLine: showsSecrets(settings),
  };
}
