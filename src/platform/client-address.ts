import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

/** The first four groups of an IPv6 address, which name a network; its hosts choose the other four as they like. */
function networkOf(address: string): string {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const [first, last] = [head.split(':'), tail === undefined ? [] : tail.split(':')].map((groups) =>
    groups.filter((group) => group !== ''),
  ) as [string[], string[]];
  const missing = tail === undefined ? 0 : 8 - first.length - last.length;
  const groups = [...first, ...Array<string>(Math.max(0, missing)).fill('0'), ...last];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** What distinguishes a client that shows no other identity: its IPv4 address, or its IPv6 network of 64 bits. */
export function addressOf({ socket }: Pick<IncomingMessage, 'socket'>): string {
  const address = (socket.remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d+\.)/i, '');
  return isIPv6(address) ? networkOf(address) : address;
}
