import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function isLoopback(address: string): boolean {
  const bare = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return LOOPBACK.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4');
}

/** What a proxy on this machine, or in this Pod, says about the client that it speaks for. */
const FORWARDED = ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip', 'x-envoy-external-address'];

/**
 * True for a program of this machine, or `kubectl port-forward`, that asks for itself: the connection comes from here,
 * the name that was asked for is one of here (a page in a browser cannot lend another one, DNS rebinding), and no proxy
 * says that it forwards for another client.
 */
export function comesFromHere({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): boolean {
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (!isLoopback(socket.remoteAddress ?? '')) return false;
  if (host !== 'localhost' && !/^[\d.]+$|:/.test(host)) return false;
  return (host === 'localhost' || isLoopback(host)) && FORWARDED.every((name) => headers[name] === undefined);
}
