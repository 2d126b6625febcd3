import { hostname } from 'node:os';
import type { NatsConfig } from '../config/sync-config.ts';
import { messageOf } from '../model/error.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import { tryNats } from '../relay/nats/connection.ts';
import { checkAddress, hostPortOf } from './address.ts';
import type { Check, Examination } from './examination.ts';
import { none, ok, type Verdict, wrong } from './finding.ts';

const MEND = 'correct `--nats`, or the user and password or file that it is given';
const TIMEOUT_MS = 3500;

async function connect(config: NatsConfig): Promise<Verdict> {
  for (const path of [config.credentialsFile, config.caFile]) {
    const reason = path === undefined ? undefined : await whyUnreadable(path);
    if (reason !== undefined) return wrong(`cannot read ${path}: ${reason}`, 'mount the Secret there');
  }
  try {
    return ok(`it lets us in; version ${await tryNats({ ...config, name: hostname() }, TIMEOUT_MS)}`);
  } catch (error) {
    const text = messageOf(error);
    return wrong(/authorization|authentication/i.test(text) ? `it refuses us: ${text}` : text, MEND);
  }
}

/** Name, connection and login of NATS. */
export function checkNats(examination: Examination, config: NatsConfig | undefined): void {
  if (!config) {
    examination.check({ name: 'nats', target: 'NATS', look: () => none('it is not set') });
    return;
  }
  // One of several is enough for the client; each is looked at.
  const ways = config.servers.map((server): Check => {
    const address = hostPortOf(new URL(server));
    const withPort = { ...address, port: address.port || 4222 };
    return checkAddress(examination, withPort, { dns: 'nats dns', tcp: 'nats tcp' });
  });
  const after = ways.length === 1 ? ways : [];
  const target = config.servers.join(' ');
  examination.check({ name: 'nats', target, after, mend: MEND, look: async () => await connect(config) });
}
