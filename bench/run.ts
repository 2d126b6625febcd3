// From a push to the new version being served, through `git-sidecar run --listen`, under load: every fourth push is bad.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../src/run/instance.ts';
import { Upstream } from '../test/kit/upstream.ts';
import { BAD_SERVERS, goodApp } from '../test/kit/web-app.ts';
import { startNginx } from '../test/peers/nginx.ts';
import type { Conditions } from './conditions.ts';
import { renderLine } from './plot.ts';
import { size } from './size.ts';
import { median, ms, table } from './statistics.ts';

const PUSHES = size('BENCH_DEPLOYMENTS', { full: 40, smoke: 5 });
const CLIENTS = 4;
const READY_TIMEOUT_MS = 1500;

interface Load {
  requests: number;
  failures: number;
  last: string;
  stop: boolean;
}

/** Asks all the time: half of the clients keep their connection, half open one for each request. */
async function client(port: number, keepAlive: boolean, load: Load): Promise<void> {
  const agent = new http.Agent({ keepAlive, maxSockets: 1 });
  while (!load.stop) {
    await new Promise<void>((done) => {
      const request = http.get({ port, host: '127.0.0.1', agent }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.once('end', () => {
          load.last = text;
          if (response.statusCode !== 200) load.failures += 1;
          done();
        });
      });
      request.once('error', () => {
        load.failures += 1;
        done();
      });
    });
    load.requests += 1;
    await delay(5);
  }
  agent.destroy();
}

export async function benchRun({ output }: Conditions): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-run-'));
  const projects = join(directory, 'srv');
  const upstream = new Upstream(projects);
  upstream.commit(goodApp('v0'));
  const web = await startNginx(join(directory, 'nginx'), { projectRoot: projects }, []);
  const port = await findFreePort();
  const args = [
    ...['run', `--repo=${web.url}/repo.git`, '--ref=main', `--root=${directory}/root`, '--link=current'],
    ...['--period=100ms', `--state=${directory}/state`, `--listen=127.0.0.1:${port}`, '--ready-http=/'],
    ...[`--ready-timeout=${READY_TIMEOUT_MS}ms`, '--', process.execPath, 'server.js'],
  ];
  const env = { PATH: process.env.PATH ?? '', HOME: directory };
  const child = spawn(resolve('dist/git-sidecar.cjs'), args, { env, stdio: 'ignore' });
  const load: Load = { requests: 0, failures: 0, last: '', stop: false };
  const times: number[] = [];
  const refused: number[] = [];
  const bad = Object.values(BAD_SERVERS);
  const until = async (done: () => boolean): Promise<void> => {
    const deadline = performance.now() + 30_000;
    while (!done()) {
      if (performance.now() > deadline) throw new Error('a deployment took too long');
      await delay(2);
    }
  };
  try {
    const clients = Array.from({ length: CLIENTS }, (_, index) => client(port, index % 2 === 0, load));
    await until(() => load.last === 'v0');
    load.failures = 0;
    load.requests = 0;
    for (let push = 1; push <= PUSHES; push += 1) {
      const isBad = push % 4 === 0;
      const version = `v${push}`;
      upstream.commit(isBad ? { 'server.js': bad[(push / 4) % bad.length] ?? '' } : goodApp(version));
      const before = performance.now();
      if (isBad) {
        const served = load.last;
        await delay(READY_TIMEOUT_MS + 800);
        if (load.last !== served) throw new Error('a bad revision was served');
        refused.push(push);
        continue;
      }
      await until(() => load.last === version);
      times.push(performance.now() - before);
    }
    load.stop = true;
    await Promise.all(clients);
  } finally {
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await gone;
    await web.stop();
    rmSync(directory, { recursive: true, force: true });
  }
  const sorted = [...times].sort((a, b) => a - b);
  renderLine(join(output, 'performance-run.svg'), 'From a push to the new version being served', 'ms', times);
  return [
    '## Deployments under load',
    `${PUSHES} pushes to a small Node web application behind \`git-sidecar run --repo --listen --ready-http=/\`, which polls every 100 ms, while ${CLIENTS} clients ask all the time, half of them over kept-alive connections. Every fourth push is bad (does not parse, exits, never listens, answers with 500). Time: from the end of the push to the first answer of the new version; of that about 50 ms are waiting for the next poll, and most of the rest is the application’s own start.`,
    '![From a push to the new version being served](performance-run.svg)',
    table(
      ['good pushes', 'median, ms', 'slowest, ms', 'bad pushes', 'of them served', 'requests', 'failed requests'],
      [
        [
          `${times.length}`,
          ms(median(times)),
          ms(sorted.at(-1) ?? 0),
          `${refused.length}`,
          '0',
          `${load.requests}`,
          `${load.failures}`,
        ],
      ],
    ),
  ].join('\n\n');
}
