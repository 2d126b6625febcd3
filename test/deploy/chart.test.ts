import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildRelayConfig } from '../../src/config/build-relay-config.ts';
import { parseRolloutFile } from '../../src/config/document/read-rollout-file.ts';
import { load } from '../../src/config/load.ts';
import type { RolloutFile } from '../../src/config/rollout-file.ts';
import { roleOf } from '../../src/relay/wiring/role.ts';
import { helm } from '../kit/helm.ts';
import {
  type Container,
  expectCommandLines,
  expectReferences,
  expectRestricted,
  type Manifest,
  type PodSpec,
  parseManifests,
  templateOf,
  typeFaults,
} from '../kit/manifests.ts';
import { startRelay } from '../kit/relay.ts';
import { tempDir } from '../kit/temp.ts';
import { missing } from '../peers/programs.ts';

const CHART = 'deploy/chart/git-sidecar-relay';
const LEAST = ['--set', 'allow={https://git.example.com/team/*}'];
/** As docs/rollouts.md and docs/answers.md have them. */
const POLICIES = {
  rollouts: [
    {
      name: 'web',
      repository: 'git.example.com/team/web.git',
      refs: 'main',
      stages: [{ name: 'canary', select: { instances: ['canary-*'] }, soak: '10m' }],
      'max-unavailable': '20%',
      freeze: [
        { days: ['fri'], from: '16:00', to: '24:00', zone: 'Europe/Berlin' },
        { from: '2026-12-24T00:00+01:00', to: '2027-01-02T00:00+01:00' },
      ],
    },
  ],
  answers: [
    {
      name: 'github',
      to: 'github',
      repository: 'github.com/team/*',
      'token-file': '/secrets/github-token',
      'page-url': 'https://relay.example.com/?repository={{repository}}',
    },
  ],
  notifications: [
    {
      name: 'argo-cd',
      to: 'webhook',
      url: 'https://argocd.example.com/api/webhook',
      'secret-file': '/secrets/argocd-webhook-secret',
      headers: { 'X-GitHub-Event': 'push' },
      body: '{"ref": "{{ref}}"}\n',
      events: ['completed'],
    },
  ],
};
const policies = (file: object): string[] => ['--set-json', `rollouts.file=${JSON.stringify(file)}`];
/** Three relays without NATS, of which the first one decides. */
const DECIDER = { name: 'git-git-sidecar-relay-0', url: 'http://git-git-sidecar-relay-decider.apps' };
const DECIDING = [
  ...[...LEAST, '--set', 'replicas=3', '--set', 'persistence.enabled=true', '--set', 'rollouts.secret=secrets'],
  ...policies({ ...POLICIES, decider: { ...DECIDER, 'token-file': '/secrets/decider-token' } }),
];
const EVERYTHING = [
  ...['--set', 'allow={https://git.example.com/team/*,git@git.example.com:other/**#main}'],
  ...['--set', 'follow={https://git.example.com/team/app.git}', '--set', 'replicas=3', '--set', 'stagger=5s'],
  ...['--set', 'credentialsSecret=creds', '--set', 'sshSecret=ssh', '--set', 'accessSecret=access'],
  ...['--set', 'inboundSecret=inbound', '--set', 'tls.secret=tls', '--set', 'tls.clientCa=true'],
  ...['--set', 'parent.url=https://parent', '--set', 'parent.tokenSecret=token', '--set', 'nats=nats://nats:4222'],
  ...['--set', 'persistence.enabled=true', '--set', 'persistence.storageClassName=fast'],
  ...[
    '--set',
    'service.port=8443',
    '--set',
    'podAnnotations.a=b',
    '--set',
    'podLabels.c=d',
    '--set',
    'nodeSelector.e=f',
  ],
  ...[
    '--set',
    'extraArgs={--idle=1h}',
    '--set',
    'extraEnv[0].name=HTTPS_PROXY',
    '--set',
    'extraEnv[0].value=http://proxy',
  ],
  ...['--set', 'imagePullSecrets[0].name=registry', '--set', 'podMonitor.enabled=true', '--set', 'image.tag=1.2.3'],
  ...[...policies(POLICIES), '--set', 'rollouts.secret=secrets', '--set', 'rolloutsGroup=staging'],
  ...['--set', 'otlp.endpoint=https://collector:4318', '--set', 'otlp.headersSecret=otlp'],
  ...['--set', 'kubernetesEvents=true'],
  ...['webhookFrom', 'metricsFrom'].flatMap((name) => [
    '--set-json',
    `networkPolicy.${name}=[{"namespaceSelector":{}}]`,
  ]),
];

function render(...values: string[]): Manifest[] {
  return parseManifests(helm('template', 'git', CHART, '--namespace', 'apps', ...values));
}

const kindsOf = (manifests: readonly Manifest[]): string[] => manifests.map(({ kind }) => kind).sort();

/** The Pods of the relay, and the one container in them. */
function relayOf(manifests: readonly Manifest[]): { pod: PodSpec; container: Container } {
  const [pod] = manifests.flatMap((manifest) => templateOf(manifest)?.spec ?? []);
  const [container] = pod?.containers ?? [];
  if (!pod || !container) throw new Error('there is no relay');
  return { pod, container };
}

function textOf(manifests: readonly Manifest[]): string {
  return manifests.find(({ kind }) => kind === 'ConfigMap')?.data?.['rollouts.yaml'] ?? '';
}

/** What the relay makes of the policies that are installed with it. */
function rolloutsOf(manifests: readonly Manifest[]): RolloutFile {
  return parseRolloutFile('/rollouts/rollouts.yaml', textOf(manifests));
}

/** Puts a ConfigMap into its directory as the kubelet does: all files of it are exchanged in one moment. */
function mount(directory: string, text: string): void {
  const version = `..${Date.now()}`;
  mkdirSync(join(directory, version), { recursive: true });
  writeFileSync(join(directory, version, 'rollouts.yaml'), text);
  symlinkSync(version, join(directory, '..data_tmp'));
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
}

describe.skipIf(missing('unzip', 'tar'))('the Helm chart of the relay', () => {
  test('Helm’s own linter has nothing against it', () => {
    for (const values of [LEAST, EVERYTHING, DECIDING])
      expect(helm('lint', '--strict', CHART, ...values)).toContain('0 chart(s) failed');
  }, 300_000);

  test.each([
    ['the least', LEAST],
    ['everything', EVERYTHING],
    ['a decider', DECIDING],
  ])(
    '%s: fields, references, profile and command lines are right',
    (_name, values) => {
      const manifests = render(...values);
      expect(typeFaults(manifests.filter(({ kind }) => kind !== 'PodMonitor'))).toBe('');
      expectReferences(
        manifests.filter(({ kind }) => kind !== 'PodMonitor'),
        false,
      );
      expectRestricted(manifests);
      expect(expectCommandLines(manifests)).toBe(1);
    },
    300_000,
  );

  test('a Deployment that forgets its mirrors, or a StatefulSet that keeps them', () => {
    expect(kindsOf(render(...LEAST))).toEqual(['Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Service']);
    expect(kindsOf(render(...EVERYTHING))).toContain('StatefulSet');
    expect(kindsOf(render(...LEAST, '--set', 'replicas=1', '--set', 'networkPolicy.enabled=false'))).toEqual([
      'Deployment',
      'Service',
    ]);
  });

  test('numbers stay numbers', () => {
    const [relay] = render(...LEAST, '--set', 'maxSubscribers=1000000').flatMap(
      (manifest) => templateOf(manifest)?.spec.containers ?? [],
    );
    expect(relay?.args).toContain('--max-subscribers=1000000');
  });

  test('what is missing or misspelled is said before anything is installed', () => {
    expect(() => render()).toThrow('set allow');
    expect(() => render(...LEAST, '--set', 'replica=3')).toThrow('replica');
    expect(() => render(...LEAST, '--set', 'maxDisk=lots')).toThrow('maxDisk');
  });

  test('its version is ours', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(readFileSync(`${CHART}/Chart.yaml`, 'utf8')).toContain(`appVersion: ${version}`);
  });

  test('a default install has no policies, traces and events, and no token for the API server', () => {
    const { pod, container } = relayOf(render(...LEAST));
    expect(pod).toMatchObject({ automountServiceAccountToken: false });
    expect(pod).not.toHaveProperty('serviceAccountName');
    expect(pod.volumes.map(({ name }) => name)).toEqual(['mirrors', 'tmp']);
    expect(container).not.toHaveProperty('env');
    expect(container.args).toEqual([
      ...['--root=/relay', '--http-bind=:8080', '--http-metrics', '--allow=https://git.example.com/team/*'],
      ...['--period=10s', '--stagger=0s', '--requests-per-host=10', '--max-repositories=500'],
      ...['--max-subscribers=20000', '--max-requests=2000', '--max-disk=10Gi', '--cache-size=1Gi', '--verbose=0'],
    ]);
    expect(render(...LEAST).find(({ kind }) => kind === 'Deployment')?.spec).not.toHaveProperty('strategy');
  });

  test.each([
    ['rollouts.file', 'rollouts.file=3'],
    ['rollouts.file', 'rollouts.file.rollout=[]'],
    ['rollouts.file.rollouts', 'rollouts.file.rollouts={"name":"web"}'],
    ['rollouts.file.rollouts.0', 'rollouts.file.rollouts=[{"refs":"main"}]'],
    ['rollouts.file.answers.0', 'rollouts.file.answers=[true]'],
    ['rollouts.decider', 'rollouts.decider={"name":"relay-0"}'],
    ['rollouts.secret', 'rollouts.secret=true'],
    ['rolloutsGroup', 'rolloutsGroup="a b"'],
    ['otlp.endpoint', 'otlp.endpoint="collector:4318"'],
    ['otlp.headersSecret', 'otlp.headersSecret={}'],
    ['kubernetesEvents', 'kubernetesEvents="yes"'],
  ])('a wrong type of %s is refused: %s', (name, value) => {
    expect(() => render(...LEAST, '--set-json', value)).toThrow(`- ${name}: `);
  });
});

describe.skipIf(missing('unzip', 'tar'))('the Helm chart of the relay: rollouts', () => {
  const ONE = [...LEAST, '--set', 'replicas=1', '--set', 'rollouts.secret=secrets'];

  function asText(text: string): string[] {
    const path = join(tempDir(), 'rollouts.yaml');
    writeFileSync(path, text);
    return ['--set-file', `rollouts.file=${path}`];
  }

  test.each(['docs/rollouts.md', 'docs/answers.md'])(
    'the policies of %s mean to the relay what they say, as values and as a file of their own',
    (page) => {
      const [text = ''] =
        /(?<=```yaml\n)rollouts:\n {2}- name: web\n.*?(?=```)/s.exec(readFileSync(page, 'utf8')) ?? [];
      const meant = parseRolloutFile('/rollouts/rollouts.yaml', text);
      expect(meant.policies).toHaveLength(1);
      const values = join(tempDir(), 'values.yaml');
      writeFileSync(values, `rollouts:\n  file:\n${text.replace(/^/gm, '    ')}`);
      expect(rolloutsOf(render(...ONE, '--values', values))).toEqual(meant);
      expect(textOf(render(...ONE, ...asText(text)))).toBe(text);
    },
  );

  test('a relay starts with them, and a change reaches it without a restart', async () => {
    const before = render(...ONE, ...policies(POLICIES));
    const [first] = POLICIES.rollouts;
    const after = render(...ONE, ...policies({ ...POLICIES, rollouts: [first, { ...first, name: 'more' }] }));
    // Nothing about the Pods changes, so they go on; and the volume is one that the kubelet keeps up to date.
    expect(relayOf(after)).toEqual(relayOf(before));
    expect(before.find(({ kind }) => kind === 'Deployment')).toEqual(after.find(({ kind }) => kind === 'Deployment'));
    const mounts = relayOf(before).container.volumeMounts ?? [];
    expect(mounts.find(({ mountPath }) => mountPath === '/rollouts')).not.toHaveProperty('subPath');

    const dir = tempDir();
    const directory = join(dir, 'rollouts');
    mount(directory, textOf(before));
    symlinkSync('..data/rollouts.yaml', join(directory, 'rollouts.yaml'));
    const args = ['--allow=https://git.example.com/team/*', `--rollouts=${directory}/rollouts.yaml`];
    const { process } = await startRelay({ dir, args });
    mount(directory, textOf(after));
    expect(await process.logged('took over the rollout policies')).toMatchObject({ policies: 2 });
  });

  test('each file that the policies name is a key of a Secret that is mounted', () => {
    const manifests = render(...ONE, ...policies(POLICIES));
    const { pod, container } = relayOf(manifests);
    const { answers, notifications } = rolloutsOf(manifests);
    const files = [answers[0]?.tokenFile, notifications[0]?.secretFile];
    expect(files).toEqual(['/secrets/github-token', '/secrets/argocd-webhook-secret']);
    expect(container.volumeMounts).toContainEqual({ name: 'secrets', mountPath: '/secrets', readOnly: true });
    expect(pod.volumes).toContainEqual({ name: 'secrets', secret: { secretName: 'secrets' } });
  });

  test('a ConfigMap that is there already is mounted in place of one of the chart', () => {
    const manifests = render(...ONE, '--set', 'rollouts.configMap=policies');
    expect(kindsOf(manifests)).not.toContain('ConfigMap');
    expect(relayOf(manifests).pod.volumes).toContainEqual({ name: 'rollouts', configMap: { name: 'policies' } });
    expect(expectCommandLines(manifests)).toBe(1);
  });

  test('relays that share a NATS decide as one, in the group that is named', () => {
    const shared = ['--set', 'nats=nats://nats:4222', '--set', 'rollouts.secret=secrets', ...policies(POLICIES)];
    const { args = [] } = relayOf(render(...LEAST, ...shared, '--set', 'rolloutsGroup=staging')).container;
    const config = buildRelayConfig(load('relay', args, { HOME: '/tmp' }).settings, { HOME: '/tmp' });
    expect(config).toMatchObject({ rollouts: '/rollouts/rollouts.yaml', rolloutsGroup: 'staging' });
  });

  test('with a decider one Pod decides, and the others reach that one by its name, which stays', () => {
    const manifests = render(...DECIDING);
    const file = rolloutsOf(manifests);
    const { args = [] } = relayOf(manifests).container;
    const config = buildRelayConfig(load('relay', args, { HOME: '/tmp' }).settings, { HOME: '/tmp' });
    const [set] = manifests.filter(({ kind }) => kind === 'StatefulSet');
    const followed = [0, 1, 2].map((index) => {
      const relayName = `${set?.metadata.name}-${index}`;
      return roleOf({ ...config, relayName }, file).follows?.url;
    });
    expect(followed).toEqual([undefined, DECIDER.url, DECIDER.url]);
    const service = manifests.find(({ metadata }) => `http://${metadata.name}.apps` === DECIDER.url);
    expect(service?.kind).toBe('Service');
    expect(service?.spec.selector).toMatchObject({ 'statefulset.kubernetes.io/pod-name': DECIDER.name });
  });

  test('a decider that is another relay needs no Service and no volume here', () => {
    const elsewhere = { ...POLICIES, decider: { name: 'hub', url: 'https://relay.example.com' } };
    const manifests = render(...LEAST, '--set', 'rollouts.secret=secrets', ...policies(elsewhere));
    expect(manifests.filter(({ kind }) => kind === 'Service')).toHaveLength(1);
    expect(kindsOf(manifests)).toContain('Deployment');
  });

  test('a relay that decides alone is ended before the next one starts', () => {
    const strategyOf = (...values: string[]): unknown =>
      render(...ONE, ...policies(POLICIES), ...values).find(({ kind }) => kind === 'Deployment')?.spec.strategy;
    expect(strategyOf()).toEqual({ type: 'Recreate' });
    expect(strategyOf('--set', 'nats=nats://nats')).toBeUndefined();
  });

  const { rollouts } = POLICIES;
  const nats = ['--set', 'nats=nats://nats'];
  const own = ['--set', 'rollouts.configMap=policies'];
  const decider = ['--set-json', `rollouts.decider=${JSON.stringify(DECIDER)}`];
  const persistent = ['--set', 'persistence.enabled=true'];

  test.each([
    ['several relays that would decide independently', [...LEAST, ...policies({ rollouts })], 'set nats'],
    ['the same with an own ConfigMap', [...LEAST, ...own], 'rollouts.decider, as the ConfigMap has it'],
    ['a decider whose Pod gets other names', [...ONE, ...own, ...decider], 'set persistence.enabled=true'],
    ['a decider and NATS', [...ONE, ...persistent, ...own, ...decider, ...nats], 'leave out that or nats'],
    ['a decider beside the policies', [...ONE, ...policies({ rollouts }), ...decider], 'decider stands there'],
    ['a group without NATS', [...LEAST, '--set', 'rolloutsGroup=staging'], 'rolloutsGroup: set nats'],
    ['policies in two places', [...ONE, ...own, ...policies({ rollouts })], 'not both'],
    ['a Secret that no policy names', [...ONE], 'rollouts.secret: set rollouts.file'],
    ['a file without policies', [...ONE, ...policies({ answers: [] })], 'no key rollouts'],
    [
      'a Secret that is missing',
      [...ONE, '--set', 'rollouts.secret=', ...policies(POLICIES)],
      'the Secret with the key github-token',
    ],
    [
      'a file that is nowhere',
      [...ONE, ...policies({ rollouts, notifications: [{ name: 'chat', to: 'slack', 'url-file': 'slack-url' }] })],
      'is /secrets/slack-url',
    ],
  ])('is refused before anything is installed: %s', (_what, values, message) => {
    expect(() => render(...values)).toThrow(message);
  });

  test('what is refused names the decider that would do, and with that one it is accepted', () => {
    const several = [...LEAST, '--set', 'replicas=3', ...persistent];
    expect(() => render(...several, ...policies({ rollouts }))).toThrow(
      `decider in rollouts.file: {name: ${DECIDER.name}, url: ${DECIDER.url}}`,
    );
    expect(rolloutsOf(render(...several, ...policies({ rollouts, decider: DECIDER }))).decider).toMatchObject(DECIDER);
    expect(kindsOf(render(...several, ...own, ...decider))).toContain('StatefulSet');
  });

  test('a text that is no YAML is refused before anything is installed', () => {
    expect(() => render(...ONE, ...asText('rollouts: [\n'))).toThrow('rollouts.file cannot be understood');
  });
});

describe.skipIf(missing('unzip', 'tar'))('the Helm chart of the relay: traces and events', () => {
  test('headers without a collector that gets them are refused', () => {
    expect(() => render(...LEAST, '--set', 'otlp.headersSecret=otlp')).toThrow('set otlp.endpoint');
  });

  test('spans go to the collector, with the headers of a Secret', () => {
    const values = ['--set', 'otlp.endpoint=http://collector:4318', '--set', 'otlp.headersSecret=otlp'];
    const { args = [] } = relayOf(render(...LEAST, ...values)).container;
    const { traces } = buildRelayConfig(load('relay', args, { HOME: '/tmp' }).settings, { HOME: '/tmp' });
    expect(traces).toEqual({ endpoint: 'http://collector:4318', headersFile: '/otlp/headers' });
  });

  test('for events the Pods get a token that may create events and nothing else, and know their own UID', () => {
    const more = ['--set-json', 'extraEnv=[{"name":"A","value":"b"}]'];
    const manifests = render(...LEAST, '--set', 'kubernetesEvents=true', ...more);
    const { pod, container } = relayOf(manifests);
    const [account, role, binding] = ['ServiceAccount', 'Role', 'RoleBinding'].map(
      (kind) => manifests.find((each) => each.kind === kind) as unknown as Record<string, unknown>,
    );
    expect(pod).toMatchObject({ automountServiceAccountToken: true, serviceAccountName: 'git-git-sidecar-relay' });
    expect(account).toMatchObject({ metadata: { name: pod.serviceAccountName } });
    expect(role?.rules).toEqual([{ apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] }]);
    expect(binding).toMatchObject({
      roleRef: { kind: 'Role', name: (role as unknown as Manifest).metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: pod.serviceAccountName, namespace: 'apps' }],
    });
    expect(container.env).toEqual([
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
      { name: 'A', value: 'b' },
    ]);
    expect(container.args).toContain('--kubernetes-events');
  });

  test('the Pods are an account that is there, which gets the right to write events and stays as it is', () => {
    const values = [...LEAST, '--set', 'serviceAccountName=git-reader'];
    expect(relayOf(render(...values)).pod).toMatchObject({
      serviceAccountName: 'git-reader',
      automountServiceAccountToken: false,
    });
    const manifests = render(...values, '--set', 'kubernetesEvents=true');
    expect(relayOf(manifests).pod).toMatchObject({
      serviceAccountName: 'git-reader',
      automountServiceAccountToken: true,
    });
    expect(kindsOf(manifests)).not.toContain('ServiceAccount');
    const binding = manifests.find(({ kind }) => kind === 'RoleBinding') as unknown as Record<string, unknown>;
    expect(binding.subjects).toEqual([{ kind: 'ServiceAccount', name: 'git-reader', namespace: 'apps' }]);
  });
});
