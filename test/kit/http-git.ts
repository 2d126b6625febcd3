import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { afterEach } from 'vitest';
import { type GitServer, startGitServer } from '../../src/demo/git-server.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { GIT_ENV } from './upstream.ts';

const servers: GitServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Smart HTTP around git http-backend in this process: fast; for what nginx has to prove there is nginx.ts. */
export async function httpGit(projectRoot: string): Promise<string> {
  const server = await startGitServer({ runner: createProcessRunner(), env: GIT_ENV, projectRoot });
  servers.push(server);
  return server.url;
}
