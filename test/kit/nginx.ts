import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { afterEach } from 'vitest';
import { type Nginx, type NginxOptions, startNginx } from '../peers/nginx.ts';

const servers: Nginx[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** nginx for the running test; stopped after it. */
export async function nginx(directory: string, options: NginxOptions): Promise<Nginx> {
  const server = await startNginx(directory, options);
  servers.push(server);
  return server;
}
