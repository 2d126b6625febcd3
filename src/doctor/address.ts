import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { messageOf, systemCode } from '../model/error.ts';
import type { Check, Examination } from './examination.ts';
import { none, ok, type Verdict, wrong } from './finding.ts';

export interface HostPort {
  /** Without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
}

export function hostPortOf(url: URL): HostPort {
  const usual: Readonly<Record<string, number>> = { 'https:': 443, 'http:': 80, 'git:': 9418, 'ssh:': 22 };
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || (usual[url.protocol] ?? 0) };
}

function shown({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const NAME_MEND = 'correct the host name, or the name server of this machine: `getent hosts NAME`, /etc/resolv.conf';

async function resolve(host: string): Promise<Verdict> {
  if (isIP(host) !== 0) return none('it is an address');
  try {
    const found = await lookup(host, { all: true });
    return ok([...new Set(found.map(({ address }) => address))].join(', '));
  } catch (error) {
    const mend = NAME_MEND.replace('NAME', host);
    if (systemCode(error) === 'ENOTFOUND') return wrong('there is no such name (ENOTFOUND)', mend);
    return wrong(`the name server gives no answer (${systemCode(error) ?? messageOf(error)})`, mend);
  }
}

/** Opens a connection, and closes it. @throws the system's error */
async function touch({ host, port }: HostPort, signal: AbortSignal): Promise<void> {
  const socket = connect({ host, port, signal });
  try {
    await new Promise<void>((done, fail) => {
      socket.once('connect', done);
      socket.once('error', fail);
    });
  } finally {
    socket.destroy();
  }
}

function firstError(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
}

const WHY: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (ECONNREFUSED)',
  ENETUNREACH: 'there is no route to it (ENETUNREACH)',
  EHOSTUNREACH: 'there is no route to it (EHOSTUNREACH)',
  ECONNRESET: 'the connection was cut (ECONNRESET)',
};

/** What kept a connection from being opened, in a few words. */
export function whyNoConnection(error: unknown): string {
  const first = firstError(error);
  return WHY[systemCode(first) ?? ''] ?? messageOf(first);
}

const PORT_MEND = 'start the server, correct host and port, or let the firewall or NetworkPolicy pass this connection';

/** `dns` and `tcp` of one server. @returns the last of them */
export function checkAddress(
  examination: Examination,
  address: HostPort,
  names: { readonly dns: string; readonly tcp: string },
  after: readonly (Check | undefined)[] = [],
): Check {
  const { host } = address;
  const mend = NAME_MEND.replace('NAME', host);
  const dns = examination.check({ name: names.dns, target: host, after, mend, look: async () => await resolve(host) });
  return examination.check({
    name: names.tcp,
    target: shown(address),
    after: [dns],
    mend: PORT_MEND,
    look: async (signal) => {
      try {
        await touch(address, signal);
        return ok('it accepts connections');
      } catch (error) {
        if (signal.aborted) throw error;
        return wrong(whyNoConnection(error), PORT_MEND);
      }
    },
  });
}
