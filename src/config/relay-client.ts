import { type InstanceLabels, labelsOf, MOST_LABELS } from '../model/instance-label.ts';
import type { Settings } from './settings.ts';
import type { NatsConfig, RelayClientConfig } from './sync-config.ts';
import { refuseIf } from './validation.ts';

/** `--relay` and what belongs to it. @throws SidecarError ERR_CONFIG_INVALID */
export function parseRelayClient(settings: Settings): RelayClientConfig | undefined {
  const text = settings.text('relay').replace(/\/+$/, '');
  if (text === '') return undefined;
  const isUrl = /^https?:\/\/[^/?#@]+(?:\/[^?#]*)?$/i.test(text);
  refuseIf(!isUrl, '--relay must look like https://relay.example.com', false);
  const file = (name: string): string | undefined => settings.text(name) || undefined;
  return {
    url: text,
    tokenFile: file('relay-token-file'),
    fallback: settings.isOn('relay-fallback'),
    caFile: file('relay-ca-file'),
    certFile: file('relay-cert-file'),
    keyFile: file('relay-key-file') ?? file('relay-cert-file'),
    exechookFailures: settings.has('relay-exechook-failures') ? settings.number('relay-exechook-failures') : 0,
    instance: file('instance'),
    labels: readInstanceLabels(settings.list('instance-label')),
  };
}

function readInstanceLabels(texts: readonly string[]): InstanceLabels {
  const labels = labelsOf(texts.map((text) => text.split(/=(.*)/s)).map(([name = '', value]) => [name, value]));
  const example = '--instance-label must look like zone=eu-1, with names and values as Kubernetes has them';
  refuseIf(!labels, `${example}; ${MOST_LABELS} at most`, false);
  return labels ?? {};
}

/** `--nats` and what belongs to it. @throws SidecarError ERR_CONFIG_INVALID */
export function parseNats(settings: Settings): NatsConfig | undefined {
  const text = settings.text('nats');
  if (text === '') return undefined;
  const servers = text.split(',').map((each) => each.trim());
  const valid = /^(?:nats|tls):\/\/(?:([^:@/]+):([^@/]*)@)?([^@/\s]+)\/?$/;
  const found = servers.map((server) => valid.exec(server));
  refuseIf(!found.every(Boolean), '--nats must look like nats://host:4222, several separated by commas', false);
  const secret = found.find((match) => match?.[1] !== undefined);
  const inFlag = secret !== undefined && settings.get('nats').source === 'flag';
  refuseIf(inFlag, '--nats: put a password into the variable GITSYNC_NATS, or use --nats-credentials-file', false);
  return {
    servers: servers.map((server) => server.replace(/\/\/[^@/]*@/, '//')),
    user:
      secret?.[1] === undefined
        ? undefined
        : { name: decodeURIComponent(secret[1]), password: decodeURIComponent(secret[2] ?? '') },
    credentialsFile: settings.text('nats-credentials-file') || undefined,
    caFile: settings.text('nats-ca-file') || undefined,
  };
}
