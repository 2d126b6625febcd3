import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { loadRun, loadRunConfig } from '../../src/config/load-run.ts';
import { RUN_OPTIONS } from '../../src/config/options/run.ts';
import { OPTIONS } from '../../src/config/options.ts';
import { SidecarError } from '../../src/model/error.ts';

const REPO = ['--repo=https://h/r.git', '--root=/git'];
const ENV = { HOME: '/home/me' };

/** Values that differ from the default, and what else has to be set for them. */
const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  repo: ['--repo=https://h/other.git'],
  ref: ['--ref=v1'],
  branch: ['--branch=dev'],
  rev: ['--rev=v1'],
  submodules: ['--submodules=off'],
  root: ['--root=/other'],
  period: ['--period=33s'],
  wait: ['--wait=33'],
  timeout: ['--timeout=33'],
  'sync-on-signal': ['--sync-on-signal=HUP'],
  'git-gc': ['--git-gc=off'],
  'git-config': ['--git-config=a.b:c'],
  'git-config-add': ['--git-config-add=a.b:c'],
  'webhook-url': ['--webhook-url=http://h/x'],
  'webhook-method': ['--webhook-url=http://h/x', '--webhook-method=GET'],
  'webhook-success-status': ['--webhook-url=http://h/x', '--webhook-success-status=204'],
  'webhook-timeout': ['--webhook-url=http://h/x', '--webhook-timeout=33s'],
  'webhook-backoff': ['--webhook-url=http://h/x', '--webhook-backoff=33s'],
  'exechook-timeout': ['--exechook-command=x', '--exechook-timeout=33s'],
  'exechook-backoff': ['--exechook-command=x', '--exechook-backoff=33s'],
  'pre-publish-exechook-timeout': ['--pre-publish-exechook-command=x', '--pre-publish-exechook-timeout=33s'],
  'pre-publish-exechook-backoff': ['--pre-publish-exechook-command=x', '--pre-publish-exechook-backoff=33s'],
  signal: ['--signal=HUP', '--signal-process=nginx'],
  'signal-process': ['--signal=HUP', '--signal-process=nginx'],
  username: ['--username=u', '--password=p'],
  password: ['--username=u', '--password=p'],
  'password-file': ['--username=u', '--password-file=/f'],
  credential: ['--credential={"url":"https://h","username":"u","password":"p"}'],
  'github-base-url': [
    '--github-app-client-id=c',
    '--github-app-installation-id=1',
    '--github-app-private-key-file=/f',
    '--github-base-url=https://ghe',
  ],
  'github-app-private-key-file': [
    '--github-app-client-id=c',
    '--github-app-installation-id=1',
    '--github-app-private-key-file=/f',
  ],
  'github-app-client-id': [
    '--github-app-client-id=c',
    '--github-app-installation-id=1',
    '--github-app-private-key-file=/f',
  ],
  'github-app-application-id': [
    '--github-app-application-id=1',
    '--github-app-installation-id=1',
    '--github-app-private-key-file=/f',
  ],
  'github-app-installation-id': [
    '--github-app-client-id=c',
    '--github-app-installation-id=1',
    '--github-app-private-key-file=/f',
  ],
  'http-bind': ['--http-bind=:1'],
  'http-metrics': ['--http-bind=:1', '--http-metrics'],
  'http-pprof': ['--http-bind=:1', '--http-pprof'],
  'max-staleness': ['--http-bind=:1', '--max-staleness=33s'],
  'push-secret-file': ['--http-bind=:1', '--push-secret-file=/f'],
  'sync-token-file': ['--http-bind=:1', '--sync-token-file=/f'],
  'log-format': ['--log-format=text'],
  relay: ['--relay=https://relay'],
  'relay-token-file': ['--relay=https://relay', '--relay-token-file=/f'],
  'relay-fallback': ['--relay=https://relay', '--relay-fallback=true'],
  'relay-ca-file': ['--relay=https://relay', '--relay-ca-file=/f'],
  'relay-cert-file': ['--relay=https://relay', '--relay-cert-file=/f', '--relay-key-file=/g'],
  'relay-key-file': ['--relay=https://relay', '--relay-cert-file=/f', '--relay-key-file=/g'],
  instance: ['--relay=https://relay', '--instance=i'],
  nats: ['--nats=nats://h:4222'],
  'nats-credentials-file': ['--nats=nats://h:4222', '--nats-credentials-file=/f'],
  'nats-ca-file': ['--nats=nats://h:4222', '--nats-ca-file=/f'],
};
/** Answered before anything else. */
const QUESTIONS = ['help', 'version', 'man', 'explain'];
/** Without a flag of v4, or a word that v4 takes and ignores as well. */
const noFlag = OPTIONS.filter(({ envOnly, env }) => envOnly || env.length === 0).map(({ name }) => name);

const byType: Readonly<Record<string, string>> = { int: '7', float: '7', duration: '33s', bool: 'true' };

const load = (args: readonly string[]) => loadRunConfig(loadRun([...REPO, ...args, '--', 'true'], ENV, '/'), ENV);
/** What a change of options changes. */
const facts = (args: readonly string[]): string => {
  // Where the last error is written is settled before there is a configuration.
  const terminationLog = loadRun([...REPO, ...args, '--', 'true'], ENV, '/').sync.text('termination-log');
  return JSON.stringify([load(args), terminationLog]);
};

function outcomeOf(args: readonly string[]): 'honoured' | 'refused' | 'said' | 'ignored' {
  try {
    // The first of several flags stands beside the option itself: it must not be what makes the difference.
    const before = facts(args.length > 1 ? args.slice(0, -1).filter((arg) => !/=(?:HUP|u|c|1|p)$/.test(arg)) : []);
    if (facts(args) !== before) return 'honoured';
  } catch (error) {
    if (error instanceof SidecarError) return 'refused';
    throw error;
  }
  return loadRun([...REPO, ...args, '--', 'true'], ENV, '/').notices.length > 0 ? 'said' : 'ignored';
}

describe('run: no option is accepted and ignored', () => {
  const asked = OPTIONS.filter(({ name }) => !QUESTIONS.includes(name) && !noFlag.includes(name));

  test.each(asked.map(({ name }) => name))('--%s', (name) => {
    const option = OPTIONS.find((each) => each.name === name);
    const value = byType[option?.type ?? ''] ?? 'x';
    const isOn = option?.type === 'bool' && option.default === 'true';
    const args = SAMPLES[name] ?? [`--${name}=${isOn ? 'false' : value}`];
    expect(outcomeOf(args), args.join(' ')).not.toBe('ignored');
  });

  test.each(asked.map(({ name }) => name))('--%s reaches the sync inside run as it would reach sync', (name) => {
    const args = SAMPLES[name];
    if (!args) return;
    const loaded = loadRun([...REPO, ...args, '--', 'true'], ENV, '/');
    // A failing git server must not end the service; what children inherit has no secrets in it.
    const more = { maxFailures: undefined, initMaxFailures: undefined };
    expect({ ...loadRunConfig(loaded, ENV).sync, ...more }).toEqual({ ...buildSyncConfig(loaded.sync, ENV), ...more });
  });

  test.each(RUN_OPTIONS.map(({ name }) => name))('--%s, which only run has', (name) => {
    const option = RUN_OPTIONS.find((each) => each.name === name);
    const more: Record<string, readonly string[]> = {
      copy: ['--into=/x', '--copy=a:b'],
      'build-timeout': ['--build=x', '--build-timeout=33s'],
      'ready-http': ['--ready-http=http://h/x'],
      'stop-signal': ['--stop-signal=INT'],
      restart: ['--restart=never'],
      'reload-signal': ['--into=/x', '--reload-signal=HUP'],
      'reload-http': ['--into=/x', '--reload-http=http://h/x'],
      'reload-exec': ['--into=/x', '--reload-exec=x'],
      listen: ['--listen=:1'],
    };
    const args = more[name] ?? [`--${name}=${byType[option?.type ?? ''] ?? 'x'}`];
    expect(facts(args)).not.toBe(facts(args.slice(0, -1)));
  });

  test('without --repo the options of sync have no effect, and run says so', () => {
    const { notices } = loadRun(['--link=/git/current', '--period=3s', '--', 'true'], ENV, '/');
    expect(notices).toEqual(['--period has no effect without --repo: another process publishes the link']);
  });

  test('a misspelled variable is pointed out', () => {
    const { notices } = loadRun([...REPO, '--', 'true'], { GITSYNC_PASSWROD: 'x' }, '/');
    expect(notices).toEqual([expect.stringContaining('did you mean GITSYNC_PASSWORD?')]);
  });

  test('another dialect than v4 is refused', () => {
    expect(() => load(['--compat=v3'])).toThrow('run speaks v4');
    expect(loadRun([...REPO, '--', 'true'], { GITSYNC_COMPAT: 'v3' }, '/').notices).toHaveLength(1);
    expect(load(['--compat=v4']).sync?.mode).toBe('v4');
  });
});
