import type { OptionDefinition } from '../../../src/config/option.ts';

type Options = Readonly<Record<string, string>>;

const APP: Options = {
  'github-app-client-id': 'c',
  'github-app-installation-id': '1',
  'github-app-private-key-file': '/f',
};

/** What else has to be set so that an option means something, and a value where one by type would be refused. */
const SAMPLES: Readonly<Record<string, Options>> = {
  repo: { repo: 'https://h/other.git' },
  root: { root: '/other' },
  'ref-semver': { 'ref-semver': '^1' },
  'ref-pattern': { 'ref-pattern': 'release/*' },
  'ref-order': { 'ref-order': 'name', 'ref-pattern': 'release/*' },
  path: { path: 'a/b' },
  'path-missing': { 'path-missing': 'keep', path: 'a' },
  submodules: { submodules: 'off' },
  'git-gc': { 'git-gc': 'off' },
  spare: { spare: 'never' },
  'git-config': { 'git-config': 'a.b:c' },
  'git-config-add': { 'git-config-add': 'a.b:c' },
  'sync-on-signal': { 'sync-on-signal': 'USR1' },
  'log-format': { 'log-format': 'text' },
  signal: { signal: 'HUP', 'signal-process': 'nginx' },
  'signal-process': { signal: 'HUP', 'signal-process': 'nginx' },
  username: { username: 'u', password: 'p' },
  password: { username: 'u', password: 'p' },
  'password-file': { username: 'u', 'password-file': '/f' },
  credential: { credential: '{"url":"https://h","username":"u","password":"p"}' },
  'github-base-url': { ...APP, 'github-base-url': 'https://ghe' },
  'github-app-private-key-file': APP,
  'github-app-private-key': {
    'github-app-client-id': 'c',
    'github-app-installation-id': '1',
    'github-app-private-key': 'PEM',
  },
  'github-app-client-id': APP,
  'github-app-installation-id': APP,
  'github-app-application-id': {
    'github-app-application-id': '1',
    'github-app-installation-id': '1',
    'github-app-private-key-file': '/f',
  },
  'exechook-timeout': { 'exechook-command': 'x', 'exechook-timeout': '33s' },
  'exechook-backoff': { 'exechook-command': 'x', 'exechook-backoff': '33s' },
  'pre-publish-exechook-timeout': { 'pre-publish-exechook-command': 'x', 'pre-publish-exechook-timeout': '33s' },
  'pre-publish-exechook-backoff': { 'pre-publish-exechook-command': 'x', 'pre-publish-exechook-backoff': '33s' },
  'webhook-url': { 'webhook-url': 'http://h/x' },
  'webhook-format': { 'webhook-url': 'http://h/x', 'webhook-format': 'cloudevents' },
  'exechook-arg': { 'exechook-command': 'x', 'exechook-arg': '--reload' },
  'pre-publish-exechook-arg': { 'pre-publish-exechook-command': 'x', 'pre-publish-exechook-arg': '--check' },
  'hook-details': { 'exechook-command': 'x', 'hook-details': 'true' },
  'webhook-method': { 'webhook-url': 'http://h/x', 'webhook-method': 'GET' },
  'webhook-success-status': { 'webhook-url': 'http://h/x', 'webhook-success-status': '204' },
  'webhook-timeout': { 'webhook-url': 'http://h/x', 'webhook-timeout': '33s' },
  'webhook-backoff': { 'webhook-url': 'http://h/x', 'webhook-backoff': '33s' },
  'ssh-known-hosts': { 'ssh-known-hosts': 'false' },
  relay: { relay: 'https://relay' },
  'relay-token-file': { relay: 'https://relay', 'relay-token-file': '/f' },
  'relay-fallback': { relay: 'https://relay', 'relay-fallback': 'true' },
  'relay-ca-file': { relay: 'https://relay', 'relay-ca-file': '/f' },
  'relay-cert-file': { relay: 'https://relay', 'relay-cert-file': '/f' },
  'relay-key-file': { relay: 'https://relay', 'relay-cert-file': '/g', 'relay-key-file': '/f' },
  instance: { relay: 'https://relay', instance: 'i' },
  nats: { nats: 'nats://h:4222' },
  'nats-credentials-file': { nats: 'nats://h:4222', 'nats-credentials-file': '/f' },
  'nats-ca-file': { nats: 'nats://h:4222', 'nats-ca-file': '/f' },
  'http-bind': { 'http-bind': ':81' },
  'http-metrics': { 'http-bind': ':81', 'http-metrics': 'true' },
  'http-pprof': { 'http-bind': ':81', 'http-pprof': 'true' },
  'http-pprof-token-file': { 'http-bind': ':81', 'http-pprof': 'true', 'http-pprof-token-file': '/f' },
  'push-secret-file': { 'http-bind': ':81', 'push-secret-file': '/f' },
  'sync-token-file': { 'http-bind': ':81', 'sync-token-file': '/f' },
  // Options of run.
  'revision-file': { into: '/x', 'revision-file': 'x' },
  copy: { into: '/x', copy: 'a:b' },
  'build-timeout': { build: 'x', 'build-timeout': '33s' },
  'keep-releases': { 'keep-releases': '7' },
  'ready-http': { 'ready-http': 'http://h/x' },
  'stop-signal': { 'stop-signal': 'INT' },
  restart: { restart: 'never' },
  'reload-signal': { into: '/x', 'reload-signal': 'HUP' },
  'reload-http': { into: '/x', 'reload-http': 'http://h/x' },
  'reload-exec': { into: '/x', 'reload-exec': 'x' },
  listen: { listen: ':82' },
  // Options of relay.
  allow: { allow: 'https://h/*' },
  follow: { follow: 'https://h/r' },
  'tls-cert-file': { 'tls-cert-file': '/f', 'tls-key-file': '/g' },
  'tls-key-file': { 'tls-cert-file': '/f', 'tls-key-file': '/g' },
  'tls-client-ca-file': { 'tls-cert-file': '/f', 'tls-key-file': '/g', 'tls-client-ca-file': '/h' },
  'max-traffic': { 'max-traffic': '1Mi' },
  'max-disk': { 'max-disk': '1Gi' },
  'cache-size': { 'cache-size': '1Mi' },
};

const BY_TYPE: Readonly<Record<string, string>> = { int: '7', float: '7', duration: '33s', bool: 'true' };

/** Options that set `option` to something other than its default, with what it needs. */
export function sampleOf({ name, type }: OptionDefinition): Options {
  return SAMPLES[name] ?? { [name]: BY_TYPE[type] ?? 'x' };
}
