import { resolve } from 'node:path';
import { SidecarError } from '../model/error.ts';
import { parseRemoteUrl } from '../remote/url.ts';
import { buildGitAccess } from './build-git-access.ts';
import { parseCredentials } from './credential-json.ts';
import { parseHttpBind } from './http-bind.ts';
import { type LoadedCommand, loadCommand } from './load-command.ts';
import { RELAY_OPTIONS } from './options/relay.ts';
import { parseNats, parseRelayClient } from './relay-client.ts';
import type { RelayConfig } from './relay-config.ts';
import { holdsSecret } from './secrecy.ts';
import type { EnvironmentVariables, Settings } from './settings.ts';
import { checkServerAccess } from './validate-v4.ts';
import { checkWord, refuseIf } from './validation.ts';

/** Options of sync that mean something to a relay. */
export const SHARED_WITH_RELAY: readonly string[] = [
  ...[
    'root',
    'period',
    'http-bind',
    'http-metrics',
    'http-pprof',
    'http-pprof-token-file',
    'push-secret-file',
    'sync-token-file',
  ],
  ...['username', 'password', 'password-file', 'credential', 'cookie-file', 'askpass-url'],
  ...['github-base-url', 'github-app-private-key-file', 'github-app-private-key', 'github-app-client-id'],
  ...['github-app-application-id', 'github-app-installation-id'],
  ...['ssh', 'ssh-key-file', 'ssh-known-hosts', 'ssh-known-hosts-file', 'git', 'git-config', 'git-config-add'],
  ...['relay', 'relay-token-file', 'relay-ca-file', 'relay-cert-file', 'relay-key-file', 'instance'],
  ...['nats', 'nats-credentials-file', 'nats-ca-file'],
  ...['verbose', 'log-format', 'termination-log', 'explain', 'version', 'help'],
];

/** @throws SidecarError ERR_CONFIG_USAGE, ERR_CONFIG_INVALID */
export function loadRelay(argv: readonly string[], env: EnvironmentVariables): LoadedCommand {
  return loadCommand(argv, env, RELAY_OPTIONS);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** `500Mi`, as Kubernetes writes sizes. */
function bytes(settings: Settings, name: string): number {
  const [, digits = '', unit = ''] = /^(\d+)(Ki|Mi|Gi|Ti)?$/.exec(settings.text(name)) ?? [];
  refuseIf(digits === '', `--${name}: ${JSON.stringify(settings.text(name))} must look like 500Mi or 10Gi`, false);
  return Number(digits) * (UNITS[unit] ?? 1);
}

function tls(own: Settings): RelayConfig['tls'] {
  const [certFile, keyFile, clientCaFile] = ['tls-cert-file', 'tls-key-file', 'tls-client-ca-file'].map((name) =>
    own.text(name),
  );
  refuseIf(Boolean(certFile) !== Boolean(keyFile), '--tls-cert-file and --tls-key-file belong together', false);
  refuseIf(Boolean(clientCaFile) && !certFile, '--tls-client-ca-file needs --tls-cert-file', false);
  return certFile && keyFile ? { certFile, keyFile, clientCaFile: clientCaFile || undefined } : undefined;
}

function atLeast(settings: Settings, name: string, least: number, shown = String(least)): number {
  const value = settings.number(name);
  refuseIf(!(value >= least), `--${name} must be at least ${shown}`, false);
  return value;
}

function checkWords({ words, syncFlags }: LoadedCommand): void {
  const useless = syncFlags.find((name) => !SHARED_WITH_RELAY.includes(name));
  const [stray] = words;
  if (useless === undefined && stray === undefined) return;
  const detail =
    useless === undefined
      ? `${JSON.stringify(stray)} is no option`
      : `--${useless} belongs to sync and means nothing to a relay`;
  throw new SidecarError('ERR_CONFIG_USAGE', { op: 'read the command line', detail });
}

/** @throws SidecarError ERR_CONFIG_USAGE, ERR_CONFIG_INVALID */
export function loadRelayConfig(loaded: LoadedCommand, env: EnvironmentVariables): RelayConfig {
  checkWords(loaded);
  const { own, sync } = loaded;
  const [allow, follow] = [own.list('allow'), own.list('follow')];
  refuseIf(sync.text('root') === '', '--root must be set: where the mirrors are kept', false);
  refuseIf(allow.length + follow.length === 0, '--allow must be set: which repositories may be asked for', false);
  refuseIf(sync.text('http-bind') === '', '--http-bind must be set: where subscribers come, for instance :8080', false);
  checkWord(sync, 'log-format', ['auto', 'json', 'text']);
  const more = sync.list('credential').flatMap((text) => parseCredentials(text, sync.get('credential').sourceName));
  checkServerAccess(sync, more);
  const http = parseHttpBind(sync);
  if (!http) throw new Error('unreachable');
  const origins = [...allow, ...follow].flatMap((pattern) => /^https?:\/\/[^/@#]+/i.exec(pattern)?.[0] ?? []);
  const remotes = [...new Set(origins)].map((origin) => parseRemoteUrl(`${origin}/`));
  return {
    ...buildGitAccess(sync, env, remotes, more),
    root: resolve(sync.text('root')),
    http,
    allow: allow.length > 0 ? allow : follow,
    follow,
    periodMs: atLeast(sync, 'period', 10, '10ms'),
    idleMs: atLeast(own, 'idle', 1000, '1s'),
    requestsPerHost: atLeast(own, 'requests-per-host', 0.01),
    accessFile: own.text('access-file') || undefined,
    tls: tls(own),
    staggerMs: own.number('stagger'),
    maxRepositories: atLeast(own, 'max-repositories', 1),
    maxSubscribers: atLeast(own, 'max-subscribers', 1),
    maxRequestsPerSecond: atLeast(own, 'max-requests', 1),
    maxTraffic: bytes(own, 'max-traffic'),
    maxConnectionsPerAddress: atLeast(own, 'max-connections-per-address', 0),
    maxDiskBytes: bytes(own, 'max-disk'),
    cacheBytes: bytes(own, 'cache-size'),
    parent: parseRelayClient(sync),
    nats: parseNats(sync),
    verbosity: sync.number('verbose'),
    logFormat: sync.text('log-format') as RelayConfig['logFormat'],
    secretsOnCommandLine: sync
      .all()
      .some(({ option, source, value }) => source === 'flag' && holdsSecret(option, value)),
  };
}
