import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { helm } from '../kit/helm.ts';
import { parseManifests } from '../kit/manifests.ts';
import { PolicyReader } from '../kit/network-policy.ts';
import { tempDir } from '../kit/temp.ts';
import { missing } from '../peers/programs.ts';

const CHART = 'deploy/chart/git-sidecar-relay';
const LEAST = ['--namespace', 'apps', '--set', 'allow={https://git.example.com/team/*}'];
const POD = { app: 'web' };

function chart(...values: string[]): PolicyReader {
  return new PolicyReader(parseManifests(helm('template', 'git', CHART, ...LEAST, ...values)));
}

/** What Helm prints after an installation; without a cluster it renders that only as part of something else. */
function notesOf(values: readonly string[]): string {
  const copy = join(tempDir(), 'chart');
  cpSync(CHART, copy, { recursive: true });
  cpSync(join(copy, 'templates/NOTES.txt'), join(copy, 'notes.txt'));
  writeFileSync(join(copy, 'templates/notes.yaml'), 'text: {{ tpl (.Files.Get "notes.txt") . | toJson }}\n');
  const rendered = helm('template', 'git', copy, '--show-only', 'templates/notes.yaml', ...LEAST, ...values);
  return (parse(rendered) as { text: string }).text;
}

const namespaceOf = (value: string, name: string): string[] => [
  '--set-json',
  `networkPolicy.${value}=[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"${name}"}}}]`,
];

describe('deploy/kubernetes/relay.yaml: who reaches the Pods behind the Service', () => {
  const relay = new PolicyReader(parseManifests(readFileSync('deploy/kubernetes/relay.yaml', 'utf8')));
  const client = { 'git-relay-client': 'true' };

  test.each([
    ['a subscriber of the namespace', { pod: client }],
    ['a subscriber of another namespace', { pod: client, namespace: 'shop', labels: { 'git-relay-clients': 'true' } }],
    ['the webhook, through the ingress controller', { pod: POD, namespace: 'ingress-nginx' }],
    ['Prometheus', { pod: POD, namespace: 'monitoring' }],
  ])('%s does', (_who, stranger) => {
    expect(relay.letsIn(stranger)).toBe(true);
  });

  test.each([
    ['another Pod of the namespace', { pod: POD }],
    ['a Pod of a namespace without the label', { pod: client, namespace: 'shop' }],
    ['an address', { address: '192.0.2.7' }],
  ])('%s does not', (_who, stranger) => {
    expect(relay.letsIn(stranger)).toBe(false);
  });

  test('the Pods reach DNS and the git server', () => {
    expect([relay.letsOut(53, 'UDP'), relay.letsOut(53), relay.letsOut(443), relay.letsOut(80)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});

describe.skipIf(missing('unzip', 'tar'))('the chart: who reaches the Pods behind the Service', () => {
  test('Pods of the namespace, and of those that are named; nobody else', () => {
    const relay = chart('--set', 'networkPolicy.namespaces={shop,blog}');
    expect(relay.letsIn({ pod: POD })).toBe(true);
    expect(relay.letsIn({ pod: POD, namespace: 'shop' })).toBe(true);
    expect(relay.letsIn({ pod: POD, namespace: 'blog' })).toBe(true);
    expect(relay.letsIn({ pod: POD, namespace: 'other' })).toBe(false);
    expect(relay.letsIn({ address: '192.0.2.7' })).toBe(false);
  }, 300_000);

  test('the git host’s webhook, and Prometheus, where the values say that they come from', () => {
    const inbound = ['--set', 'inboundSecret=inbound'];
    const block = ['--set-json', 'networkPolicy.webhookFrom=[{"ipBlock":{"cidr":"192.0.2.0/24"}}]'];
    expect(chart(...inbound, ...block).letsIn({ address: '192.0.2.7' })).toBe(true);
    expect(chart(...inbound, ...block).letsIn({ address: '198.51.100.7' })).toBe(false);
    const monitored = chart('--set', 'podMonitor.enabled=true', ...namespaceOf('metricsFrom', 'monitoring'));
    expect(monitored.letsIn({ pod: POD, namespace: 'monitoring' })).toBe(true);
  }, 300_000);

  test('a webhook or a PodMonitor that nobody could reach is refused, and says which value is missing', () => {
    expect(() => chart('--set', 'inboundSecret=inbound')).toThrow('networkPolicy.webhookFrom');
    expect(() => chart('--set', 'podMonitor.enabled=true')).toThrow('networkPolicy.metricsFrom');
    chart('--set', 'inboundSecret=inbound', '--set', 'networkPolicy.enabled=false');
  }, 300_000);

  test.each([
    ['http://git-relay.hub', [80, 8080]],
    ['https://relay.example.com', [443, 8080]],
    ['https://relay.example.com:8443', [8443, 8080]],
  ])(
    'the Pods reach parent.url %s, also behind a Service',
    (url, ports) => {
      const relay = chart('--set', `parent.url=${url}`, '--set', 'networkPolicy.parentPorts={9000}');
      for (const port of [...ports, 9000]) expect(relay.letsOut(port), String(port)).toBe(true);
    },
    300_000,
  );

  test.each([
    ['nats://nats:4222', [4222]],
    ['nats://nats', [4222]],
    ['tls://a:4333\\,tls://b', [4333, 4222]],
  ])(
    'the Pods reach NATS at %s',
    (nats, ports) => {
      for (const port of ports) expect(chart('--set', `nats=${nats}`).letsOut(port), String(port)).toBe(true);
      expect(chart().letsOut(4222)).toBe(false);
    },
    300_000,
  );

  test.each([
    ['http://collector:4318', [4318]],
    ['http://collector', [80, 4318]],
    ['https://otlp.example.com/tempo', [443, 4318]],
  ])(
    'the Pods reach the collector at otlp.endpoint %s',
    (endpoint, ports) => {
      const relay = chart('--set', `otlp.endpoint=${endpoint}`);
      for (const port of ports) expect(relay.letsOut(port), String(port)).toBe(true);
      expect(chart().letsOut(4318)).toBe(false);
    },
    300_000,
  );

  test('the Pods reach the API server with kubernetesEvents, and only then', () => {
    const events = chart('--set', 'kubernetesEvents=true', '--set', 'networkPolicy.gitPorts={22}');
    expect([events.letsOut(443), events.letsOut(6443)]).toEqual([true, true]);
    expect(chart().letsOut(6443)).toBe(false);
  }, 300_000);

  test('the Pods reach whom the policies send answers and notifications to', () => {
    const policies = {
      rollouts: [],
      answers: [{ name: 'forge', to: 'gitea', url: 'http://gitea.example.com:3000', 'token-file': '/secrets/a' }],
      notifications: [{ name: 'chat', to: 'slack', 'url-file': '/secrets/slack' }],
    };
    const ssh = ['--set', 'networkPolicy.gitPorts={22}', '--set', 'replicas=1', '--set', 'rollouts.secret=secrets'];
    const relay = chart(...ssh, '--set-json', `rollouts.file=${JSON.stringify(policies)}`);
    expect([relay.letsOut(3000), relay.letsOut(443), relay.letsOut(80)]).toEqual([true, true, false]);
    const silent = chart(...ssh, '--set-json', 'rollouts.file={"rollouts":[]}');
    expect([silent.letsOut(3000), silent.letsOut(443)]).toEqual([false, false]);
  }, 300_000);

  test('the relays reach the one of them that decides, whoever else may come in', () => {
    const decider = { name: 'git-git-sidecar-relay-0', url: 'http://git-git-sidecar-relay-decider.apps:9000' };
    const self = { 'app.kubernetes.io/name': 'git-sidecar-relay', 'app.kubernetes.io/instance': 'git' };
    const closed = ['--set', 'persistence.enabled=true', ...namespaceOf('from', 'shop')];
    const relay = chart(...closed, '--set-json', `rollouts.file=${JSON.stringify({ rollouts: [], decider })}`);
    expect([relay.letsIn({ pod: self }), relay.letsIn({ pod: POD })]).toEqual([true, false]);
    expect([relay.letsOut(9000), relay.letsOut(8080)]).toEqual([true, true]);
    expect(chart(...closed).letsIn({ pod: self })).toBe(false);
  }, 300_000);

  test('its notes say where rollouts are seen, and what is missing for orders and for decisions that stay', () => {
    const policies = ['--set', 'replicas=1', '--set-json', 'rollouts.file={"rollouts":[]}'];
    const notes = notesOf(policies);
    expect(notes).toContain('git-sidecar fleet http://127.0.0.1:8080');
    expect(notes).toContain('Nobody may give orders');
    expect(notes).toContain('lost with the Pod');
    const kept = notesOf([...policies, '--set', 'accessSecret=access', '--set', 'persistence.enabled=true']);
    expect(kept).not.toMatch(/Nobody may|lost with/);
    expect(notesOf([])).not.toContain('rollout');
  }, 300_000);

  test.each([
    [[], '--relay=http://git-git-sidecar-relay.apps\n', 'curl http://127.0.0.1:8080/fleet'],
    [['--set', 'service.port=8443'], '--relay=http://git-git-sidecar-relay.apps:8443\n', 'curl http://'],
    [['--set', 'tls.secret=tls'], '--relay=https://git-git-sidecar-relay.apps:80\n', 'curl --insecure https://'],
    [['--set', 'tls.secret=tls', '--set', 'service.port=443'], '--relay=https://git-git-sidecar-relay.apps\n', 'curl'],
  ])(
    'its notes name the port of the Service: %j',
    (values, relay, curl) => {
      const notes = notesOf(values);
      expect(notes).toContain(relay);
      expect(notes).toContain(curl);
    },
    300_000,
  );
});
