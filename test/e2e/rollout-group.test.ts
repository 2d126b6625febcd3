import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Oid } from '../../src/model/oid.ts';
import type { RolloutEntry, SharingView } from '../../src/relay/server/rollouts/rollout-desk.ts';
import { findFreePort } from '../../src/run/instance.ts';
import { balancer } from '../kit/balancer.ts';
import { httpGit } from '../kit/http-git.ts';
import { nats } from '../kit/nats.ts';
import { hostOf, type RunningRelay, startRelay } from '../kit/relay.ts';
import { published, run, Sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { delay, until } from '../peers/wait.ts';

/** Instances; 200 of them need 12 GiB and some minutes. */
const FLEET = Number(process.env.ROLLOUT_FLEET ?? 10);
/** Of them, those that keep a process behind a front. */
const RUNS = Math.max(3, Math.floor(FLEET / 5));
const PATIENCE_MS = 60_000 + FLEET * 2000;

interface Shared {
  readonly rollouts: readonly RolloutEntry[];
  readonly sharing: SharingView;
}

interface Instance {
  readonly name: string;
  readonly link: string;
  readonly process: Sidecar;
}

/** Answers with its version, or ends at once where the revision says that it does not bear this instance. */
function app(version: string, failsOn = 'nobody'): Record<string, string> {
  return {
    'server.js': `if (process.env.NAME.startsWith('${failsOn}')) process.exit(3);
require('node:http').createServer((_, response) => response.end('${version}')).listen(process.env.PORT, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));`,
  };
}

const CANARY_ONLY = `
    refs: [main]
    done: published
    soak: 1s
    stages:
      - { name: canary, select: { instances: [canary-*] } }
`;

const POLICY = `
    refs: [main]
    done: ready
    on-failure: revert
    max-unavailable: 50%
    soak: 1s
    stages:
      - { name: canary, select: { instances: [canary-*] } }
      - { name: runs, select: { instances: [run-*] } }
`;

/** Relays that share a NATS, and a name behind which they stand. */
async function setUp(policy = POLICY, many = 2) {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit(app('one'));
  const server = await httpGit(dir);
  const host = hostOf(server);
  const bus = await nats(join(dir, 'nats'));
  const [policies, access, token] = [join(dir, 'rollouts.yaml'), join(dir, 'access'), join(dir, 'token')];
  writeFileSync(policies, `rollouts:\n  - name: app\n    repository: ${host}/*${policy}`);
  writeFileSync(access, `bearer pod ${host}/*\nsteer bearer boss ${host}/*\n`);
  writeFileSync(token, 'pod\n');
  writeFileSync(join(dir, 'boss'), 'boss\n');
  const args = [`--allow=${server}/*`, `--rollouts=${policies}`, `--access-file=${access}`, `--nats=${bus.url}`];
  const start = async (index: number, more: readonly string[] = [], port?: number): Promise<RunningRelay> =>
    await startRelay({ dir, root: join(dir, `relay-${index}`), args: [...args, ...more], ...(port && { port }) });
  const relays: RunningRelay[] = [];
  for (let index = 0; index < many; index += 1) relays.push(await start(index));
  const front = await balancer(relays.map(({ port }) => port));
  const shared = async (relay: RunningRelay): Promise<Shared> =>
    (await (await relay.get('/rollouts', { authorization: 'Bearer pod' })).json()) as Shared;
  const words = (name: string, url: string): readonly string[] => [
    ...[`--repo=${server}/repo.git`, `--root=${join(dir, name)}`, '--link=link', '--ref=main', '--period=1s'],
    ...[`--relay=${url}`, `--relay-token-file=${token}`, `--instance=${name}`],
  ];
  const instance = (name: string, url = front.url): Instance => {
    return { name, link: join(dir, name, 'link'), process: new Sidecar(words(name, url)) };
  };
  const runner = async (name: string): Promise<Instance & { readonly port: number }> => {
    const port = await findFreePort();
    const drain = ['--drain-delay=0s', '--drain-timeout=2s'];
    const more = [`--state=${join(dir, name, 'state')}`, '--ready-for=500ms', `--listen=127.0.0.1:${port}`, ...drain];
    const line = ['run', ...words(name, front.url), ...more, '--ready-http=/', '--', 'node', 'server.js'];
    const process = new Sidecar(line, { NAME: name }, { command: 'git-sidecar' });
    return { name, link: join(dir, name, 'link'), port, process };
  };
  const order = async (verb: string, relay: RunningRelay) =>
    await run(
      [
        'fleet',
        verb,
        relay.url,
        `${host}/repo.git#main`,
        '--why=a test',
        '--who=me',
        `--token-file=${join(dir, 'boss')}`,
      ],
      {},
      'git-sidecar',
    );
  const decider = async (): Promise<number> =>
    await until(
      'one relay decides',
      async () => {
        const all = await Promise.all(
          relays.map(async (relay) => (await shared(relay).catch(() => undefined))?.sharing),
        );
        const index = all.findIndex((each) => each?.isDeciding);
        return index < 0 ? undefined : index + 1;
      },
      PATIENCE_MS,
    ).then((found) => found - 1);
  return { dir, upstream, first, relays, front, bus, instance, runner, shared, order, decider, start };
}

/** Asks the fronts all the time, each request on a connection of its own. */
function ask(ports: readonly number[]) {
  const failures: string[] = [];
  let isOver = false;
  let answered = 0;
  const one = async (port: number): Promise<void> => {
    while (!isOver) {
      const options = { signal: AbortSignal.timeout(20_000), headers: { connection: 'close' } };
      const answer = await fetch(`http://127.0.0.1:${port}/`, options).then(
        async (response) => ({ status: response.status, text: await response.text() }),
        (error: unknown) => ({ status: 0, text: String(error) }),
      );
      if (answer.status === 200) answered += 1;
      else failures.push(`${port}: ${answer.status} ${answer.text}`);
      await delay(50);
    }
  };
  const done = Promise.all(ports.map(one));
  return {
    stop: async () => {
      isOver = true;
      await done;
      return { failures, answered };
    },
  };
}

/** @param relays whose logs are shown when it takes too long */
async function everyone(
  instances: readonly Instance[],
  oid: string,
  relays: readonly RunningRelay[] = [],
): Promise<void> {
  await Promise.all(
    instances.map(async ({ link, process, name }) => {
      const what = (): string =>
        [`${name} publishes ${oid}`, process.stderr.slice(-1500), ...relays.map((each) => each.process.stderr)].join(
          '\n',
        );
      await until(what, () => published(link) === oid, PATIENCE_MS);
    }),
  );
}

describe.skipIf(missing('nats-server'))('relays that share a NATS decide as one', () => {
  test(
    'a fleet goes on when the relay that decides is killed, goes back when a stage fails, and no request fails',
    async () => {
      const it = await setUp();
      const names = Array.from({ length: FLEET - RUNS }, (_, index) =>
        index < 2 ? `canary-${index}` : `web-${index}`,
      );
      const runs = await Promise.all(Array.from({ length: RUNS }, async (_, index) => await it.runner(`run-${index}`)));
      const fleet: Instance[] = [...names.map((name) => it.instance(name)), ...runs];
      await everyone(fleet, it.first);
      const isUp = async (port: number): Promise<boolean> => (await fetch(`http://127.0.0.1:${port}/`)).status === 200;
      for (const { port, process } of runs)
        await until(
          () => `it serves\n${process.stderr.slice(-2000)}`,
          async () => await isUp(port).catch(() => false),
        );
      const clients = ask(runs.map(({ port }) => port));
      // Each run ends the process that it keeps, once nobody asks it any more.
      onTestFinished(async () => {
        await clients.stop();
        await Promise.all(runs.map(async ({ process }) => await process.stop()));
      }, 60_000);

      const second = it.upstream.commit(app('two'));
      await everyone(fleet.slice(0, 2), second);
      const killed = await it.decider();
      const survivor = it.relays[1 - killed] as RunningRelay;
      it.relays[killed]?.process.kill('SIGKILL');
      await everyone(fleet, second, [survivor]);
      expect((await it.shared(survivor)).sharing).toMatchObject({ isDeciding: true, trouble: null });
      await until('it is complete', async () => (await it.shared(survivor)).rollouts[0]?.completed === second);

      const bad = it.upstream.commit(app('three', 'run-'));
      await until(
        () => `it halts`,
        async () => (await it.shared(survivor)).rollouts[0]?.refused.includes(bad as Oid),
        PATIENCE_MS,
      );
      expect((await it.shared(survivor)).rollouts[0]?.failures[0]?.stage).toBe('runs');
      await everyone(fleet, second);
      expect(fleet.slice(2, names.length).every(({ link }) => published(link) === second)).toBe(true);
      const { failures, answered } = await clients.stop();
      expect(failures).toEqual([]);
      expect(answered).toBeGreaterThan(10);
    },
    120_000 + FLEET * 5000,
  );

  test('an instance of any relay is in its stage, and an order at any relay is given', async () => {
    const it = await setUp(CANARY_ONLY.replace('soak: 1s', 'soak: 1h'));
    const [a, b] = it.relays as [RunningRelay, RunningRelay];
    const canaries = [it.instance('canary-a', a.url), it.instance('canary-b', b.url)];
    const others = [it.instance('web-a', a.url), it.instance('web-b', b.url)];
    await everyone([...canaries, ...others], it.first);
    const second = it.upstream.commit({ a: 'two' });
    await everyone(canaries, second);
    await until('it soaks', async () => (await it.shared(a)).rollouts[0]?.status === 'soaking');
    await until('both show the same', async () => {
      const [one, two] = [await it.shared(a), await it.shared(b)];
      return JSON.stringify(one.rollouts) === JSON.stringify(two.rollouts);
    });
    expect(others.map(({ link }) => published(link))).toEqual([it.first, it.first]);
    const follower = it.relays[1 - (await it.decider())] as RunningRelay;
    expect(await it.order('promote', follower)).toMatchObject({ code: 0 });
    await everyone(others, second);
  });

  test('while NATS is unreachable nobody gets anything new, each relay says so, and afterwards it goes on', async () => {
    const it = await setUp(CANARY_ONLY);
    const [a, b] = it.relays as [RunningRelay, RunningRelay];
    const fleet = [it.instance('canary-a', a.url), it.instance('web-b', b.url)];
    await everyone(fleet, it.first);
    await it.bus.kill();
    for (const relay of [a, b])
      await until('it says so', async () => (await it.shared(relay)).sharing.trouble !== null, 30_000);
    const second = it.upstream.commit({ a: 'two' });
    await Promise.all([a, b].map(async ({ process }) => await process.logged('mirrored')));
    const late = it.instance('canary-b', b.url);
    await everyone([late], it.first);
    expect(fleet.map(({ link }) => published(link))).toEqual([it.first, it.first]);
    expect((await it.order('promote', a)).code).not.toBe(0);
    expect(await (await a.get('/status', { authorization: 'Bearer pod' })).text()).toContain('NATS is unreachable');
    // A relay that starts meanwhile knows what was shown last.
    b.process.kill('SIGKILL');
    await b.process.exited;
    const again = await it.start(1, [], b.port);
    const later = it.instance('web-c', again.url);
    await everyone([later], it.first);
    await it.bus.start();
    await everyone([...fleet, late, later], second, [a, again]);
    expect((await it.shared(a)).sharing.trouble).toBeNull();
  }, 180_000);

  test('a relay that ends in order hands over', async () => {
    const it = await setUp();
    const index = await it.decider();
    const survivor = it.relays[1 - index] as RunningRelay;
    const leaving = it.relays[index] as RunningRelay;
    expect((await leaving.process.stop()).code).toBe(143);
    await until('the other one decides', async () => (await it.shared(survivor)).sharing.isDeciding);
  });
});
