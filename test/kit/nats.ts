import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { afterEach } from 'vitest';
import { type NatsServer, startNats } from '../peers/nats.ts';

const servers: NatsServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** A nats-server for the running test; stopped after it. */
export async function nats(directory: string, args: readonly string[] = []): Promise<NatsServer> {
  const server = await startNats(directory, args);
  servers.push(server);
  return server;
}
