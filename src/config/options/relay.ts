import { rows } from '../option.ts';

/** Which repositories a relay follows. */
const FOLLOWED = rows({ group: 'followed', prefix: 'GIT_SIDECAR', commands: ['relay'], since: 'git-sidecar' }, [
  {
    name: 'allow',
    type: 'repeat',
    placeholder: 'PATTERN',
    doc: 'Repositories that may be asked for: `https://git.example.com/team/*`, `git@git.example.com:team/**`; `*` stands for a part of the path, `**` for any. It also says over which transport they are reached. Behind `#` the refs that are passed on: `#main,release/*`; default: all branches and tags. No other URL is ever contacted. May be given several times; the first that matches counts.',
  },
  {
    name: 'follow',
    type: 'repeat',
    placeholder: 'URL',
    doc: 'Follow this repository from the start, without being asked for it. May be given several times; needs an `--allow` that covers it, or is one by itself when there is none.',
  },
  {
    name: 'idle',
    range: { least: '1s' },
    type: 'duration',
    default: '30m',
    placeholder: 'DURATION',
    doc: 'A repository that no client asked for in this time is no longer polled; its mirror stays while there is room.',
  },
  {
    name: 'requests-per-host',
    range: { least: '0.01' },
    type: 'float',
    default: '10',
    placeholder: 'N',
    doc: 'Requests a second that one git server gets from this relay at most, whatever is followed there.',
  },
]);

/** To whom, and how. */
const SERVED = rows({ group: 'served', prefix: 'GIT_SIDECAR', commands: ['relay'], since: 'git-sidecar' }, [
  {
    name: 'access-file',
    type: 'string',
    placeholder: 'PATH',
    doc: 'Which clients may read what, a line each: `bearer TOKEN PATTERN…` or `certificate NAME PATTERN…`, with `#main,release/*` behind a pattern for some of its refs only, and `steer` before it for those who may also give orders about rollouts. Read again when it changes. Without it every client that reaches the relay may read all that it serves.',
  },
  {
    name: 'rollouts',
    type: 'string',
    placeholder: 'PATH',
    doc: 'A YAML file of policies: for which refs a push reaches the fleet in stages, and what stops it; and of git hosts, chats and others that get to know of it. Read again when it changes. With `--nats` all relays that have this option decide as one. See docs/rollouts.md and docs/answers.md.',
  },
  {
    name: 'rollouts-group',
    needs: ['nats'],
    type: 'string',
    placeholder: 'NAME',
    doc: 'Which relays on the same NATS decide as one about rollouts: those with the same name; default: `relays`. Letters, digits, `-` and `_`. They need the same `--rollouts`, `--allow` and `--access-file`.',
  },
  {
    name: 'relay-name',
    type: 'string',
    placeholder: 'NAME',
    doc: 'What this relay is called where the file of `--rollouts` names the one relay that decides (`decider`). Default: the host’s name, in Kubernetes that of the Pod.',
  },
  {
    name: 'tls-cert-file',
    needs: ['tls-key-file'],
    type: 'string',
    placeholder: 'PATH',
    doc: 'Serve HTTPS with this certificate. Read again when it changes.',
  },
  {
    name: 'tls-key-file',
    needs: ['tls-cert-file'],
    type: 'string',
    placeholder: 'PATH',
    doc: 'The key of `--tls-cert-file`.',
  },
  {
    name: 'tls-client-ca-file',
    needs: ['tls-cert-file'],
    type: 'string',
    placeholder: 'PATH',
    doc: 'Ask subscribers for a client certificate, and check it against these CA certificates.',
  },
  {
    name: 'stagger',
    range: { least: '0s' },
    type: 'duration',
    default: '0s',
    placeholder: 'DURATION',
    doc: 'Spread the notifications of a change over this time, so that a large fleet does not fetch and restart at once.',
  },
]);

/** How much of everything. */
const LIMITS = rows({ group: 'limits', prefix: 'GIT_SIDECAR', commands: ['relay'], since: 'git-sidecar' }, [
  {
    name: 'max-repositories',
    range: { least: '1' },
    type: 'int',
    default: '500',
    placeholder: 'N',
    doc: 'Repositories followed at a time. When there are as many, the client that asks for most of them gives one up to a client that asks for fewer.',
  },
  {
    name: 'max-subscribers',
    range: { least: '1' },
    type: 'int',
    default: '20000',
    placeholder: 'N',
    doc: 'Event streams at a time. One token, certificate or address may have all of them; when there are as many, the one with the most gives one up to one with fewer.',
  },
  {
    name: 'max-requests',
    range: { least: '1' },
    type: 'int',
    default: '2000',
    placeholder: 'N',
    doc: 'Requests a second; as many may come at once. One client alone gets all of it, several get equal shares. More are answered with 429, and the client tries again; probes and metrics are always answered.',
  },
  {
    name: 'max-traffic',
    type: 'size',
    default: '0',
    placeholder: 'SIZE',
    doc: 'Bytes a second of answers to git clients; 0: no limit. One client alone gets all of it, several get equal shares. A client that got more is answered with 429 and tries again.',
  },
  {
    name: 'max-connections-per-address',
    range: { least: '0' },
    type: 'int',
    default: '0',
    placeholder: 'N',
    doc: 'Connections of one network address at a time; 0: no limit of its own. Behind a proxy or NAT a whole fleet has one address.',
  },
  {
    name: 'max-disk',
    type: 'size',
    default: '10Gi',
    placeholder: 'SIZE',
    doc: 'The space on disk that mirrors may take; unused ones are removed first.',
  },
  {
    name: 'cache-size',
    type: 'size',
    default: '1Gi',
    placeholder: 'SIZE',
    doc: 'The space that answers to fetches may take, those that are still being read included; equal questions get the same answer. An answer without room is passed on and not kept.',
  },
]);

/** What only `git-sidecar relay` has. */
export const RELAY_OPTIONS = [...FOLLOWED, ...SERVED, ...LIMITS];
