import { containersOf, type Manifest, templateOf } from './manifests.ts';

interface Selector {
  readonly matchLabels?: Record<string, string>;
}

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string };
}

interface Rule {
  readonly from?: Peer[];
  readonly to?: Peer[];
  readonly ports?: { readonly protocol?: string; readonly port: number | string }[];
}

/** Somebody who wants to talk to a Pod. */
export interface Stranger {
  /** Labels of its Pod; undefined: it is none. */
  readonly pod?: Record<string, string>;
  /** Its namespace; undefined: the policy's own. */
  readonly namespace?: string;
  /** More labels of that namespace. */
  readonly labels?: Record<string, string>;
  /** Its address, where it is no Pod. */
  readonly address?: string;
}

const matches = (selector: Selector | undefined, labels: Record<string, string>): boolean =>
  Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);

function isInBlock(cidr: string, address: string): boolean {
  const [base = '', bits = '32'] = cidr.split('/');
  const number = (text: string): number => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  return Math.floor(number(base) / size) === Math.floor(number(address) / size);
}

function isPeer(peer: Peer, { pod, namespace, labels = {}, address }: Stranger): boolean {
  if (peer.ipBlock) return address !== undefined && isInBlock(peer.ipBlock.cidr, address);
  if (pod === undefined) return false;
  const namespaceLabels = { 'kubernetes.io/metadata.name': namespace ?? '', ...labels };
  const isThere = peer.namespaceSelector ? matches(peer.namespaceSelector, namespaceLabels) : namespace === undefined;
  return isThere && matches(peer.podSelector, pod);
}

/** What a NetworkPolicy lets through, as the cluster network sees it: with the ports of Pods, not of Services. */
export class PolicyReader {
  readonly #manifests: readonly Manifest[];

  constructor(manifests: readonly Manifest[]) {
    this.#manifests = manifests;
  }

  #policy(): { ingress: Rule[]; egress: Rule[] } {
    const policies = this.#manifests.filter(({ kind }) => kind === 'NetworkPolicy');
    const rules = (way: string): Rule[] => policies.flatMap(({ spec }) => (spec[way] as Rule[] | undefined) ?? []);
    return { ingress: rules('ingress'), egress: rules('egress') };
  }

  /** The ports of the Pods behind the port of a Service that clients are told to use. */
  portsBehindService(): number[] {
    const containers = this.#manifests.flatMap((manifest) => {
      const template = templateOf(manifest);
      return template ? containersOf(template.spec) : [];
    });
    const services = this.#manifests.filter(({ kind }) => kind === 'Service');
    return services.flatMap(({ spec }) =>
      (spec.ports as { targetPort: string }[]).flatMap(({ targetPort }) =>
        containers.flatMap(({ ports = [] }) =>
          ports.filter(({ name }) => name === targetPort).map(({ containerPort }) => containerPort),
        ),
      ),
    );
  }

  /** Whether `who` reaches what is behind the Service. */
  letsIn(who: Stranger): boolean {
    const ports = this.portsBehindService();
    const isOpen = ({ from, ports: open }: Rule): boolean =>
      (from === undefined || from.some((peer) => isPeer(peer, who))) &&
      ports.every((port) => open === undefined || open.some((each) => each.port === port));
    return ports.length > 0 && this.#policy().ingress.some(isOpen);
  }

  /** Whether the Pods reach this port anywhere. */
  letsOut(port: number, protocol = 'TCP'): boolean {
    return this.#policy().egress.some(
      ({ to, ports = [] }) =>
        to === undefined && ports.some((each) => each.port === port && (each.protocol ?? 'TCP') === protocol),
    );
  }
}
