import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from '@nats-io/transport-node';

export interface NatsAccess {
  /** `nats://host:port` or `tls://…`; several behind commas. */
  readonly servers: readonly string[];
  readonly user: { readonly name: string; readonly password: string } | undefined;
  /** A file as `nsc` writes it: a JWT and a seed. */
  readonly credentialsFile: string | undefined;
  readonly caFile: string | undefined;
  readonly name: string;
}

const CONNECT_MS = 10_000;
const PING_MS = 15_000;

/** How NATS is reached. */
export async function connectionOptions(options: NatsAccess): Promise<ConnectionOptions> {
  const { servers, user, credentialsFile, caFile, name } = options;
  const { nats } = await import('./library.ts');
  return {
    servers: [...servers],
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    reconnectJitter: 1500,
    timeout: CONNECT_MS,
    // A connection that a firewall forgot is noticed after two of these; by default after six minutes.
    pingInterval: PING_MS,
    maxPingOut: 2,
    ...(user && { user: user.name, pass: user.password }),
    ...(credentialsFile !== undefined && { authenticator: nats.credsAuthenticator(await readFile(credentialsFile)) }),
    ...(caFile !== undefined && { tls: { caFile } }),
  };
}

/**
 * Connects once, and ends the connection. @returns the version of the server
 * @throws what the client of NATS throws
 */
export async function tryNats(options: NatsAccess, timeoutMs: number): Promise<string> {
  const { nats } = await import('./library.ts');
  const connection = await nats.connect({
    ...(await connectionOptions(options)),
    reconnect: false,
    timeout: timeoutMs,
  });
  const version = connection.info?.version ?? 'unknown';
  await connection.close();
  return version;
}
