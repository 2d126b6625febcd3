import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { helm } from '../kit/helm.ts';
import {
  expectCommandLines,
  expectReferences,
  expectRestricted,
  type Manifest,
  parseManifests,
  templateOf,
  typeFaults,
} from '../kit/manifests.ts';
import { missing } from '../peers/programs.ts';

const CHART = 'deploy/chart/git-sidecar-relay';
const LEAST = ['--set', 'allow={https://git.example.com/team/*}'];
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
  ...['webhookFrom', 'metricsFrom'].flatMap((name) => [
    '--set-json',
    `networkPolicy.${name}=[{"namespaceSelector":{}}]`,
  ]),
];

function render(...values: string[]): Manifest[] {
  return parseManifests(helm('template', 'git', CHART, '--namespace', 'apps', ...values));
}

const kindsOf = (manifests: readonly Manifest[]): string[] => manifests.map(({ kind }) => kind).sort();

describe.skipIf(missing('unzip', 'tar'))('the Helm chart of the relay', () => {
  test('Helm’s own linter has nothing against it', () => {
    for (const values of [LEAST, EVERYTHING])
      expect(helm('lint', '--strict', CHART, ...values)).toContain('0 chart(s) failed');
  }, 300_000);

  test.each([
    ['the least', LEAST],
    ['everything', EVERYTHING],
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
});
