import http from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findFreePort } from '../../src/run/instance.ts';
import { balancer } from '../kit/balancer.ts';
import { Publisher } from '../kit/publisher.ts';
import { Sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { goodApp } from '../kit/web-app.ts';
import { delay, until } from '../peers/wait.ts';

/** An application that ends at once when it is asked to, whatever it is doing. */
const ABRUPT = {
  'server.js': `require('node:http').createServer((q, s) => setTimeout(() => s.end('ok'), q.url === '/slow' ? 300 : 0))
    .listen(process.env.PORT ?? process.env.OWN_PORT, '127.0.0.1'); process.on('SIGTERM', () => process.exit(0));`,
};

interface Pod {
  readonly port: number;
  readonly process: Sidecar;
  isReady(): Promise<boolean>;
}

/** What a Deployment makes: a fresh state directory, ports of its own. */
async function startPod(link: string, listens: boolean): Promise<Pod> {
  const [port, statusPort] = [await findFreePort(), await findFreePort()];
  const options = listens ? [`--listen=127.0.0.1:${port}`, '--ready-http=/'] : [`--ready-http=:${port}/`];
  const process = new Sidecar(
    [
      'run',
      `--link=${link}`,
      `--state=${join(tempDir(), 'state')}`,
      `--http-bind=127.0.0.1:${statusPort}`,
      '--ready-for=0s',
      '--drain-delay=1500ms',
      '--drain-timeout=20s',
      ...options,
      '--',
      'node',
      'server.js',
    ],
    { OWN_PORT: `${port}` },
    { command: 'git-sidecar' },
  );
  const isReady = async (): Promise<boolean> =>
    await fetch(`http://127.0.0.1:${statusPort}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    );
  await until(() => `the pod is ready\n${process.stderr.slice(-2000)}`, isReady, 60_000);
  return { port, process, isReady };
}

/** Sends to those that say they are ready, as a Service does; looks every 100 ms. */
async function follow(pods: Set<Pod>) {
  const { url, ports } = await balancer([]);
  let isOver = false;
  const look = async (): Promise<void> => {
    const all = [...pods];
    const ready = await Promise.all(all.map((pod) => pod.isReady()));
    ports.splice(0, ports.length, ...all.filter((_pod, index) => ready[index]).map(({ port }) => port));
  };
  await look();
  const done = (async () => {
    while (!isOver) {
      await look();
      await delay(100);
    }
  })();
  return {
    url,
    stop: async () => {
      isOver = true;
      await done;
    },
  };
}

/** Clients that keep their connection (`keepsAlive`) and clients that do not, fast and slow requests; counts what fails. */
function load(url: string, keepsAlive: boolean) {
  const failures: string[] = [];
  let requests = 0;
  let isOver = false;
  const kept = new http.Agent({ keepAlive: keepsAlive });
  const ask = (agent: http.Agent, path: string): Promise<void> =>
    new Promise((done) => {
      const request = http.get(`${url}${path}`, { agent }, (response) => {
        if (response.statusCode !== 200) failures.push(`status ${response.statusCode}`);
        response.resume();
        response.on('end', done);
        response.on('error', (error) => {
          failures.push(error.message);
          done();
        });
      });
      request.on('error', (error) => {
        failures.push(`${path} ${error.message}`);
        done();
      });
    });
  const client = async (agent: http.Agent, path: string): Promise<void> => {
    while (!isOver) {
      await ask(agent, path);
      requests += 1;
      await delay(3);
    }
  };
  const fresh = new http.Agent({ keepAlive: false });
  const clients = [
    client(kept, '/'),
    client(kept, '/'),
    client(kept, '/slow'),
    client(fresh, '/'),
    client(fresh, '/'),
    client(fresh, '/slow'),
  ];
  return {
    failures,
    count: () => requests,
    stop: async () => {
      isOver = true;
      await Promise.all(clients);
      kept.destroy();
    },
  };
}

describe('run: the end of a Pod under load', () => {
  test.each([
    ['with --listen, and an application that ends abruptly', true, ABRUPT],
    [
      'without --listen, an application that finishes what it has begun, and a connection for each request',
      false,
      closing(),
    ],
  ])(
    '%s: no request is lost over rollout restarts',
    async (_what, listens, files) => {
      const publisher = new Publisher(join(tempDir(), 'published'));
      publisher.publish(files);
      const pods = new Set([await startPod(publisher.link, listens)]);
      const service = await follow(pods);
      const clients = load(service.url, listens);
      for (let restart = 0; restart < 3; restart += 1) {
        const [old] = [...pods];
        const next = await startPod(publisher.link, listens);
        pods.add(next);
        await delay(400);
        expect((await old?.process.stop())?.code).toBe(0);
        if (old) pods.delete(old);
      }
      await clients.stop();
      await service.stop();
      process.stdout.write(`rollout restarts: ${clients.count()} requests, ${clients.failures.length} lost\n`);
      expect(clients.failures).toEqual([]);
      expect(clients.count()).toBeGreaterThan(300);
    },
    240_000,
  );

  test('/readyz says no at once, requests are still served, and a second signal ends the wait', async () => {
    const publisher = new Publisher(join(tempDir(), 'published'));
    publisher.publish(goodApp('v1'));
    const pod = await startPod(publisher.link, true);
    const before = Date.now();
    pod.process.kill('SIGTERM');
    await until('it is not ready', async () => !(await pod.isReady()));
    const answer = await fetch(`http://127.0.0.1:${pod.port}/`);
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    await pod.process.logged('serving on');
    pod.process.kill('SIGTERM');
    expect((await pod.process.exited).code).toBe(0);
    expect(Date.now() - before).toBeLessThan(20_000);
  }, 60_000);
});

/** Says of each answer that it is the last one, closes what is idle, and ends when nothing is left. */
function closing() {
  return {
    'server.js': `const server = require('node:http').createServer((q, s) => {
        if (ending) s.setHeader('connection', 'close');
        setTimeout(() => s.end('ok'), q.url === '/slow' ? 300 : 0);
      }).listen(process.env.OWN_PORT, '127.0.0.1');
      let ending = false;
      process.on('SIGTERM', () => { ending = true; server.close(() => process.exit(0)); });`,
  };
}
