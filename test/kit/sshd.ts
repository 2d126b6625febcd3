import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { afterEach } from 'vitest';
import { type Sshd, type SshdOptions, startSshd } from '../peers/sshd.ts';

const servers: Sshd[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** A real sshd for the running test; stopped after it. */
export async function sshd(directory: string, options: SshdOptions = {}): Promise<Sshd> {
  const server = await startSshd(directory, [], options);
  servers.push(server);
  return server;
}
