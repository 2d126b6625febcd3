import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { startGitServer } from '../../src/demo/git-server.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { GIT_ENV, Upstream } from '../../test/kit/upstream.ts';
import { freePort } from '../../test/peers/ports.ts';
import { findProgram } from '../../test/peers/programs.ts';
import { until } from '../../test/peers/wait.ts';
import { SimulatedFleet } from './simulated-fleet.ts';

export interface Scene {
  readonly upstream: Upstream;
  readonly url: string;
  readonly token: string;
  readonly fleet: SimulatedFleet;
  readonly browser: Browser;
  readonly rollout: () => Promise<{ readonly status: string; readonly stage: string | null }>;
  readonly close: () => Promise<void>;
}

const TOKEN = 'operator';
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/** A git server, a relay with these policies for its repository, and a browser; all of it on this machine. */
export async function openScene(repository: string, policy: object): Promise<Scene> {
  const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-page-'));
  const served = join(directory, 'srv');
  const upstream = new Upstream(served, repository);
  const runner = createProcessRunner();
  const server = await startGitServer({ runner, env: GIT_ENV, projectRoot: served });
  const { host } = new URL(server.url);
  writeFileSync(join(directory, 'access'), `steer bearer ${TOKEN} ${host}/**\n`);
  const rollouts = [{ name: 'web', repository: `${host}/**`, refs: 'main', ...policy }];
  writeFileSync(join(directory, 'rollouts.yaml'), JSON.stringify({ rollouts }));
  const port = await freePort();
  const words = [
    ...['relay', `--root=${directory}/relay`, `--http-bind=127.0.0.1:${port}`, '--period=500ms'],
    ...[`--allow=http://${host}/**`, `--follow=${server.url}/${repository}`, '--max-requests=100000'],
    ...[`--access-file=${directory}/access`, `--rollouts=${directory}/rollouts.yaml`],
  ];
  const env = { PATH: process.env.PATH ?? '', HOME: directory };
  const relay = spawn(resolve('dist/git-sidecar.cjs'), words, { env, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const executablePath = findProgram('chromium');
  if (executablePath === undefined) throw new Error('there is no chromium');
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  const fleet = new SimulatedFleet({ url, repository: `${host}/${repository}`, token: TOKEN });
  const headers = { authorization: `Bearer ${TOKEN}` };
  const close = async (): Promise<void> => {
    fleet.close();
    await browser.close();
    const gone = new Promise((done) => relay.once('exit', done));
    relay.kill('SIGTERM');
    await gone;
    await server.close();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  return {
    ...{ upstream, url, token: TOKEN, fleet, browser, close },
    rollout: async () => {
      const answer = (await (await fetch(`${url}/rollouts`, { headers })).json()) as { rollouts: never[] };
      const [first] = answer.rollouts;
      return first ?? { status: 'none', stage: null };
    },
  };
}

/** Until the relay serves its repository. */
export async function untilReady({ url }: Scene): Promise<void> {
  await until('the relay is ready', async () =>
    fetch(`${url}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
}
