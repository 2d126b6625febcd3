import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { buildRelayConfig } from '../../src/config/build-relay-config.ts';
import { buildRunConfig } from '../../src/config/build-run-config.ts';
import { load as loadOptions } from '../../src/config/load.ts';
import { type OptionDefinition, SERVICES } from '../../src/config/option.ts';
import { OPTIONS, optionNamed, optionsOf } from '../../src/config/options.ts';

type Service = (typeof SERVICES)[number];

const ENV = { HOME: '/home/me' };
const REPO = ['--repo=https://h/r.git', '--root=/git'];
const BASE: Readonly<Record<Service, readonly string[]>> = {
  sync: REPO,
  run: REPO,
  relay: ['--root=/git', '--http-bind=:1', '--allow=https://h/*'],
};

/** An option with a value that is not its default, what else has to be set for it, and a value to compare with. */
interface Sample {
  readonly value: string;
  /** Default: the option is not set. */
  readonly other?: string;
  readonly with?: readonly string[];
}

const APP = ['--github-app-client-id=c', '--github-app-installation-id=1', '--github-app-private-key-file=/f'];
const appWithout = (name: string): readonly string[] => APP.filter((arg) => !arg.startsWith(`--${name}=`));
const EXCHANGE = ['--identity=exchange', '--identity-endpoint=https://h'];
const AZURE = ['--identity=azure', '--identity-token-file=/f', '--identity-client-id=c'];
const AWS = ['--identity=aws', '--identity-token-file=/f', '--identity-role=r'];
const VAULT = ['--identity=vault', '--identity-endpoint=https://h'];
const FILE = ['--identity=file', '--identity-path=/f'];
const HOOK = { value: '33s', with: ['--exechook-command=x'] };
const PRE_PUBLISH = { value: '33s', with: ['--pre-publish-exechook-command=x'] };
const RELAY = { value: '/f', with: ['--relay=https://relay'] };
const WEBHOOK = ['--webhook-url=http://h/x'];
const SERVED = ['--http-bind=:1'];
const INTO = ['--into=/x'];

const VERIFY = ['--verify=commit', '--verify-keys=/k'];
const COMMIT = '0123456789'.repeat(4);

const SAMPLES: Readonly<Record<string, Sample>> = {
  path: { value: 'a/b' },
  verify: { value: 'commit', other: 'tag', with: ['--verify-keys=/k'] },
  'verify-keys': { value: '/k', other: '/other', with: ['--verify=commit'] },
  'verify-signers': { value: 'refs/heads/main=alice', with: VERIFY },
  'verify-since': { value: COMMIT, with: VERIFY },
  'verify-range': { value: 'true', with: VERIFY },
  'verify-submodules': { value: 'true', with: VERIFY },
  'allow-rewind': { value: COMMIT, with: ['--fast-forward-only'] },
  'path-missing': { value: 'keep', with: ['--path=a'] },
  'sparse-checkout': { value: '/a/' },
  'state-dir': { value: '/state' },
  repo: { value: 'https://h/other.git', other: 'https://h/r.git' },
  root: { value: '/other', other: '/git' },
  rev: { value: 'v1' },
  'ref-semver': { value: '^1' },
  'ref-pattern': { value: 'release/*' },
  'ref-order': { value: 'name', with: ['--ref-pattern=release/*'] },
  submodules: { value: 'off' },
  'sync-on-signal': { value: 'HUP' },
  'git-gc': { value: 'off' },
  spare: { value: 'never' },
  'git-config': { value: 'a.b:c' },
  'git-config-add': { value: 'a.b:c' },
  'webhook-url': { value: 'http://h/x' },
  'webhook-method': { value: 'GET', with: WEBHOOK },
  'webhook-success-status': { value: '204', with: WEBHOOK },
  'webhook-timeout': { value: '33s', with: WEBHOOK },
  'webhook-backoff': { value: '33s', with: WEBHOOK },
  'exechook-arg': { ...HOOK, value: '--reload' },
  'pre-publish-exechook-arg': { ...PRE_PUBLISH, value: '--check' },
  'hook-details': { ...HOOK, value: 'true' },
  'webhook-format': { value: 'cloudevents', with: WEBHOOK },
  'exechook-timeout': HOOK,
  'exechook-backoff': HOOK,
  'pre-publish-exechook-timeout': PRE_PUBLISH,
  'pre-publish-exechook-backoff': PRE_PUBLISH,
  signal: { value: 'HUP', other: 'USR1', with: ['--signal-process=nginx'] },
  'signal-process': { value: 'nginx', other: 'other', with: ['--signal=HUP'] },
  username: { value: 'u', other: 'v', with: ['--password=p'] },
  password: { value: 'p', other: 'q', with: ['--username=u'] },
  'password-file': { value: '/f', other: '/g', with: ['--username=u'] },
  credential: { value: '{"url":"https://h","username":"u","password":"p"}' },
  'github-base-url': { value: 'https://ghe', with: APP },
  'github-app-private-key-file': { value: '/f', other: '/g', with: appWithout('github-app-private-key-file') },
  'github-app-private-key': { value: 'one', other: 'two', with: appWithout('github-app-private-key-file') },
  'github-app-client-id': { value: 'c', other: 'd', with: appWithout('github-app-client-id') },
  'github-app-application-id': { value: '1', other: '2', with: appWithout('github-app-client-id') },
  'github-app-installation-id': { value: '1', other: '2', with: appWithout('github-app-installation-id') },
  identity: { value: 'google' },
  'otlp-endpoint': { value: 'http://collector:4318' },
  'otlp-headers-file': { value: '/f', with: ['--otlp-endpoint=http://collector:4318'] },
  'identity-endpoint': { value: 'https://one.test', with: ['--identity=google'] },
  'identity-token-file': { value: '/f', with: EXCHANGE },
  'identity-client-id': { value: 'c', with: EXCHANGE },
  'identity-tenant-id': { value: 't', other: 'u', with: AZURE },
  'identity-role': { value: 'r', other: 's', with: [...VAULT, '--identity-path=x'] },
  'identity-region': { value: 'r', with: AWS },
  'identity-audience': { value: 'a', with: EXCHANGE },
  'identity-scope': { value: 's', with: EXCHANGE },
  'identity-path': { value: '/f', other: '/g', with: ['--identity=file'] },
  'identity-mount': { value: 'm', with: [...VAULT, '--identity-path=x', '--identity-role=r'] },
  'identity-namespace': { value: 'n', with: [...VAULT, '--identity-path=x', '--identity-role=r'] },
  'identity-username-template': { value: 'u', with: FILE },
  'identity-password-template': { value: '{{.p}}', with: FILE },
  'http-bind': { value: ':2' },
  'http-metrics': { value: 'true', with: SERVED },
  'http-pprof': { value: 'true', with: SERVED },
  'http-pprof-token-file': { value: '/f', with: [...SERVED, '--http-pprof'] },
  'max-staleness': { value: '33s', with: SERVED },
  'push-secret-file': { value: '/f', with: SERVED },
  'sync-token-file': { value: '/f', with: SERVED },
  'log-format': { value: 'text' },
  relay: { value: 'https://relay' },
  'relay-token-file': RELAY,
  'relay-fallback': { ...RELAY, value: 'true' },
  'relay-exechook-failures': { ...RELAY, value: '5' },
  'relay-ca-file': RELAY,
  'relay-cert-file': RELAY,
  'relay-key-file': { ...RELAY, with: ['--relay=https://relay', '--relay-cert-file=/g'] },
  instance: RELAY,
  'instance-label': { ...RELAY, value: 'zone=eu-1' },
  nats: { value: 'nats://h:4222' },
  'nats-credentials-file': { value: '/f', with: ['--nats=nats://h:4222'] },
  'nats-ca-file': { value: '/f', with: ['--nats=nats://h:4222'] },
  'rollouts-group': { value: 'x', with: ['--rollouts=/f', '--nats=nats://h:4222'] },
  'build-timeout': { value: '33s', with: ['--build=x'] },
  'revision-file': { value: 'x', with: INTO },
  copy: { value: 'a:b', with: INTO },
  'ready-http': { value: 'http://h/x' },
  'stop-signal': { value: 'INT' },
  restart: { value: 'never' },
  'reload-signal': { value: 'HUP', with: INTO },
  'reload-http': { value: 'http://h/x', with: INTO },
  'reload-exec': { value: 'x', with: INTO },
  listen: { value: ':2' },
  'port-env': { value: 'OTHER', with: ['--listen=:2'] },
  'drain-timeout': { value: '33s', with: ['--listen=:2'] },
  allow: { value: 'https://h/a/*' },
  follow: { value: 'https://h/a/b' },
  'tls-pin': { value: `sha256//${'A'.repeat(43)}=` },
  'ssh-agent': { value: '/agent' },
  'tls-cert-file': { value: '/f', other: '/g', with: ['--tls-key-file=/k'] },
  'tls-key-file': { value: '/f', other: '/g', with: ['--tls-cert-file=/c'] },
  'tls-client-ca-file': { value: '/f', with: ['--tls-cert-file=/c', '--tls-key-file=/k'] },
};

/** Handled before there is a configuration: questions, and the choice of the dialect. */
const FRONT_END = ['help', 'version', 'man', 'explain', 'compat'];
/** Named in the docs because v3 had it, refused by what speaks v4. */
const REFUSED = ['change-permissions'];

const byType: Readonly<Record<string, string>> = { int: '7', float: '7', duration: '33s', size: '7Mi' };

function sampleOf({ name, type, default: fallback }: OptionDefinition): Sample {
  const value = type === 'bool' ? String(fallback !== 'true') : (byType[type] ?? 'x');
  return SAMPLES[name] ?? { value };
}

/** What a command makes of options: its configuration, without the list of what is secret in them. */
function configOf(service: Service, args: readonly string[], env: Readonly<Record<string, string>>): string {
  const words = service === 'run' ? [...args, '--', 'true'] : args;
  const loaded = loadOptions(service, words, env);
  const { settings } = loaded;
  const config =
    service === 'sync'
      ? buildSyncConfig(settings, ENV)
      : service === 'run'
        ? buildRunConfig(loaded, ENV, '/')
        : buildRelayConfig(settings, ENV);
  const shown = (key: string, value: unknown): unknown => (/^secrets/.test(key) ? undefined : value);
  // Where the last error is written is settled before there is a configuration.
  return JSON.stringify([config, settings.text('termination-log')], shown);
}

function given(service: Service, option: OptionDefinition, value: string | undefined): string {
  const { name, replacedBy, envOnly } = option;
  const mode = service === 'sync' ? [`--compat=${replacedBy === undefined ? 'v4' : 'v3'}`] : [];
  const own = value === undefined || envOnly ? [] : [`--${name}=${value}`];
  const variable = envOnly && value !== undefined ? { [option.env[0] ?? '']: value } : {};
  const base = BASE[service].filter((arg) => !arg.startsWith(`--${name}=`) || value === undefined);
  const more = sampleOf(option).with ?? [];
  const known = more.filter((arg) => optionNamed(/^--([\w-]+)/.exec(arg)?.[1] ?? '').commands.includes(service));
  return configOf(service, [...mode, ...base, ...known, ...own], { ...ENV, ...variable });
}

describe.each(SERVICES)('%s: no option is accepted and ignored', (service) => {
  const named = optionsOf(service).filter(({ name, hidden }) => !hidden && !FRONT_END.includes(name));

  test.each(named.map((option) => [option.name, option] as const))('--%s', (name, option) => {
    const { value, other } = sampleOf(option);
    if (service === 'run' && REFUSED.includes(name))
      expect(() => given(service, option, value)).toThrow(`--${name} is no longer available`);
    else expect(given(service, option, value)).not.toBe(given(service, option, other));
  });

  test('an option of another command is refused, and the answer says whose it is', () => {
    for (const { name, commands, envOnly } of OPTIONS)
      if (!commands.includes(service) && !envOnly && !name.includes('_'))
        expect(() => loadOptions(service, [`--${name}=x`, '--'], { GITSYNC_COMPAT: 'v4' }), name).toThrow(
          `--${name} belongs to ${commands.join(' and ')}; it means nothing to ${service}`,
        );
  });
});

describe('run', () => {
  const run = (args: readonly string[], env = {}) => loadOptions('run', [...args, '--', 'true'], env);

  test.each(optionsOf('run').flatMap((option) => (option.commands.includes('sync') ? [option] : [])))(
    '--$name reaches the sync inside run as it would reach sync',
    (option) => {
      const sample = SAMPLES[option.name];
      if (!sample || option.envOnly) return;
      const loaded = run([...REPO, ...(sample.with ?? []), `--${option.name}=${sample.value}`]);
      // A failing git server must not end the service; what children inherit has no secrets in it.
      const more = { maxFailures: undefined, initMaxFailures: undefined };
      expect({ ...buildRunConfig(loaded, ENV, '/').sync, ...more }).toEqual({
        ...buildSyncConfig(loaded.settings, ENV),
        ...more,
      });
    },
  );

  test('without --repo the options of sync have no effect, and run says so', () => {
    const { notices } = run(['--link=/git/current', '--period=3s']);
    expect(notices).toEqual(['--period has no effect without --repo: another process publishes the link']);
  });

  test('one that several options would give an effect names all of them', () => {
    const { notices } = loadOptions('sync', ['--repo=file:///r', '--root=/git', '--hook-details'], {});
    expect(notices).toEqual([
      '--hook-details has no effect without --exechook-command or --pre-publish-exechook-command',
    ]);
  });

  test.each(optionsOf('run').filter(({ runAlone, hidden }) => runAlone && !hidden))(
    '--$name, which is said to have an effect without --repo, has one',
    (option) => {
      const { name } = option;
      if (FRONT_END.includes(name)) return;
      const { value, other, with: more = [] } = sampleOf(option);
      const config = (own: string | undefined) =>
        configOf('run', ['--link=/a', ...more, ...(own === undefined ? [] : [`--${name}=${own}`])], ENV);
      expect(config(value)).not.toBe(config(other));
    },
  );

  test('a misspelled variable is pointed out', () => {
    const { notices } = run(REPO, { GITSYNC_PASSWROD: 'x' });
    expect(notices).toEqual([expect.stringContaining('did you mean GITSYNC_PASSWORD?')]);
  });

  test('another dialect than v4 is refused', () => {
    expect(() => buildRunConfig(run([...REPO, '--compat=v3']), ENV, '/')).toThrow('run speaks v4');
    expect(run(REPO, { GITSYNC_COMPAT: 'v3' }).notices).toHaveLength(1);
    expect(buildRunConfig(run([...REPO, '--compat=v4']), ENV, '/').sync?.mode).toBe('v4');
  });
});

test('every field of a configuration is read by somebody', () => {
  const files = (readdirSync('src', { recursive: true }) as string[]).filter((path) => path.endsWith('.ts'));
  const text = (path: string): string => readFileSync(join('src', path), 'utf8');
  const source = files
    .filter((path) => !path.startsWith('config/'))
    .map(text)
    .join('');
  const read = new Set(source.match(/\w+/g));
  const fields = ['config/sync-config.ts', 'config/run-config.ts', 'config/relay-config.ts'].flatMap((path) =>
    [...text(path).matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name = '']) => name),
  );
  expect(fields.length).toBeGreaterThan(80);
  expect(fields.filter((name) => !read.has(name))).toEqual([]);
});
