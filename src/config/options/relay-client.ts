import { rows, SERVICES } from '../option.ts';

/** How sync, run and a relay behind a relay use one. */
export const RELAY_CLIENT_OPTIONS = rows({ group: 'relay', commands: SERVICES, since: 'git-sidecar' }, [
  {
    name: 'relay',
    type: 'string',
    placeholder: 'URL',
    doc: 'Follow `--repo` through this relay (`git-sidecar relay`): the relay reports at once when the ref moves, and gives out the objects, so that the git server has one client however many sidecars there are. `--repo` still names the git server. Failures never end the process then, unless `--max-failures` is set.',
  },
  {
    name: 'relay-token-file',
    needs: ['relay'],
    type: 'string',
    placeholder: 'PATH',
    doc: 'The token that the relay wants, where it wants one.',
  },
  {
    name: 'relay-fallback',
    commands: ['sync', 'run'],
    needs: ['relay'],
    type: 'bool',
    default: 'false',
    doc: 'While the relay is unreachable, poll the git server itself, which then needs credentials here. Without this option the last revision stays until the relay is back.',
  },
  {
    name: 'relay-ca-file',
    needs: ['relay'],
    type: 'string',
    placeholder: 'PATH',
    doc: 'CA certificates that vouch for the relay, instead of those of the system.',
  },
  {
    name: 'relay-cert-file',
    needs: ['relay'],
    type: 'string',
    placeholder: 'PATH',
    doc: 'The client certificate to show to the relay.',
  },
  {
    name: 'relay-key-file',
    needs: ['relay-cert-file'],
    type: 'string',
    placeholder: 'PATH',
    doc: 'The key of `--relay-cert-file`; default: the same file.',
  },
  {
    name: 'instance',
    needs: ['relay'],
    type: 'string',
    placeholder: 'NAME',
    doc: 'What this sidecar is called in the relay’s overview of its fleet. Default: the host’s name, in Kubernetes that of the Pod.',
  },
  {
    name: 'instance-label',
    needs: ['relay'],
    type: 'repeat',
    placeholder: 'NAME=VALUE',
    doc: 'What this sidecar is, for the rollout policies of the relay: `zone=eu-1`, with names and values as Kubernetes has them for labels. May be given several times, 16 at most.',
  },
  {
    name: 'nats',
    type: 'string',
    placeholder: 'URL',
    doc: 'Learn from NATS where refs are, as relays note it there (`nats://host:4222`; several separated by commas). The git server, or the relay, is then polled once a `--period` only as a safety net, so that may be long.',
  },
  {
    name: 'nats-credentials-file',
    needs: ['nats'],
    type: 'string',
    placeholder: 'PATH',
    doc: 'Credentials for NATS, as `nsc` writes them. A user and a password may also stand in the URL of `--nats` in the variable.',
  },
  {
    name: 'nats-ca-file',
    needs: ['nats'],
    type: 'string',
    placeholder: 'PATH',
    doc: 'CA certificates that vouch for the NATS server.',
  },
]);
