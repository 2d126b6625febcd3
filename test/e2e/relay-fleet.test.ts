import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FleetDocument } from '../../src/relay/server/fleet/fleet-document.ts';
import { balancer } from '../kit/balancer.ts';
import { httpGit } from '../kit/http-git.ts';
import { lyingServer } from '../kit/lying-server.ts';
import { nats } from '../kit/nats.ts';
import { gitlab } from '../kit/push-payloads.ts';
import { type RunningRelay, startRelay } from '../kit/relay.ts';
import { published, read, Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { delay, until } from '../peers/wait.ts';

async function setUp() {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ a: 'one' });
  const server = await lyingServer(await httpGit(dir));
  const repo = `${server.url}/repo.git`;
  const follow = (name: string, ...more: string[]) => {
    const link = join(dir, name, 'link');
    return {
      link,
      process: sidecar([`--repo=${repo}`, `--root=${join(dir, name)}`, '--link=link', '--period=1h', ...more]),
    };
  };
  const relay = async (name: string, ...more: string[]): Promise<RunningRelay> =>
    await startRelay({ dir, root: join(dir, name), args: [`--allow=${server.url}/*`, ...more] });
  return { dir, upstream, first, server, repo, follow, relay };
}

const fleetOf = async ({ get }: RunningRelay): Promise<FleetDocument> =>
  (await (await get('/fleet')).json()) as FleetDocument;

describe('a fleet behind a relay', () => {
  test('many subscribers cost the git server one question and one fetch a push, and the relay one pack', async () => {
    const { dir, upstream, first, server, follow, relay } = await setUp();
    writeFileSync(join(dir, 'token'), 'sync-token\n');
    const running = await relay('relay', '--http-metrics', '--period=1h', `--sync-token-file=${join(dir, 'token')}`);
    const metric = async (name: string): Promise<number> => {
      const text = await (await running.get('/metrics')).text();
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.slice(name.length),
      );
    };
    const followers = Array.from({ length: 8 }, (_, index) =>
      follow(`f${index}`, `--relay=${running.url}`, `--instance=pod-${index}`),
    );
    for (const { link, process } of followers) await untilPublished(link, first, process);
    await until('everybody reported', async () => (await fleetOf(running)).repositories[0]?.connected === 8);
    expect(await metric('git_sidecar_relay_subscribers')).toBe(8);
    const [asked, packs] = [server.requests.length, await metric('git_sidecar_relay_fetches{answer="computed"}')];
    const second = upstream.commit({ a: 'two' });
    await fetch(`${running.url}/sync`, { method: 'POST', headers: { authorization: 'Bearer sync-token' } });
    for (const { link, process } of followers) await untilPublished(link, second, process);
    const commands = server.requests.slice(asked).map((line) => line.split(' ').at(-1));
    expect(commands).toEqual(['ls-refs', 'fetch']);
    expect((await metric('git_sidecar_relay_fetches{answer="computed"}')) - packs).toBe(1);
    await until('nobody is behind', async () => (await fleetOf(running)).repositories[0]?.behind === 0);
  });

  test('GET /fleet shows who publishes and runs what, and how long a push took', async () => {
    const { dir, upstream, first, repo, follow, relay } = await setUp();
    const running = await relay('relay');
    const { link, process } = follow('one', `--relay=${running.url}`, '--instance=web-1');
    await untilPublished(link, first, process);
    const runner = new Sidecar(
      [
        'run',
        `--repo=${repo}`,
        `--root=${join(dir, 'two')}`,
        `--state=${join(dir, 'state')}`,
        `--relay=${running.url}`,
        '--instance=web-2',
        '--ready-delay=50ms',
        '--',
        'sleep',
        '1000',
      ],
      {},
      { command: 'git-sidecar' },
    );
    await runner.logged('deployment');
    const instance = async (name: string) =>
      (await fleetOf(running)).repositories[0]?.instances.find((each) => each.instance === name);
    await until('what runs is shown', async () => (await instance('web-2'))?.running?.oid === first);
    expect((await instance('web-1'))?.running).toBeNull();
    const second = upstream.commit({ a: 'two' });
    await until('the push is followed by both', async () => {
      const [rollout] = (await fleetOf(running)).repositories[0]?.rollouts ?? [];
      return rollout?.oid === second && rollout.instances === 2 && rollout.done === 2 && rollout.completeAt !== null;
    });
    await until('the new one runs', async () => (await instance('web-2'))?.running?.oid === second);
  });

  test('a webhook or POST /sync at the relay brings a push to everybody, with a period of an hour', async () => {
    const { dir, upstream, first, follow, relay } = await setUp();
    writeFileSync(join(dir, 'secret'), 'a shared secret\n');
    writeFileSync(join(dir, 'token'), 'sync-token\n');
    const running = await relay(
      'relay',
      '--period=1h',
      `--push-secret-file=${join(dir, 'secret')}`,
      `--sync-token-file=${join(dir, 'token')}`,
    );
    const { link, process } = follow('one', `--relay=${running.url}`);
    await untilPublished(link, first, process);
    const second = upstream.commit({ a: 'two' });
    const payload = gitlab('refs/heads/main', 'repo');
    const answer = await fetch(`${running.url}/push`, {
      method: 'POST',
      body: payload.body,
      headers: { ...payload.headers, 'x-gitlab-token': 'a shared secret' },
    });
    expect(answer.status).toBe(202);
    await untilPublished(link, second, process);
    const third = upstream.commit({ a: 'three' });
    const synced = await fetch(`${running.url}/sync?wait=30s`, {
      method: 'POST',
      headers: { authorization: 'Bearer sync-token' },
    });
    expect(await synced.json()).toMatchObject({ status: 'synced', repositories: [{ oid: third }] });
    await untilPublished(link, third, process);
    expect((await fetch(`${running.url}/sync`, { method: 'POST' })).status).toBe(401);
  });

  test('relays follow relays: a push goes down the tree, and only the root asks the git server', async () => {
    const { upstream, first, server, follow, relay } = await setUp();
    const root = await relay('root');
    const middle = await relay('middle', `--relay=${root.url}`, '--period=1h');
    const leaf = await relay('leaf', `--relay=${middle.url}`, '--period=1h');
    const { link, process } = follow('one', `--relay=${leaf.url}`);
    await untilPublished(link, first, process);
    const second = upstream.commit({ a: 'two' });
    await untilPublished(link, second, process);
    expect(server.requests.filter((line) => line.endsWith(' fetch'))).toHaveLength(2);
    await root.process.stop();
    const late = follow('two', `--relay=${leaf.url}`);
    await untilPublished(late.link, second, late.process);
  });

  test('several relays behind one name: whoever is asked has it, and each subscriber is shown once', async () => {
    const { upstream, first, follow, relay } = await setUp();
    // The second one polls rarely: it learns of a push from those who want it.
    const [one, two] = [await relay('r1', '--period=50ms'), await relay('r2', '--period=2s')];
    const { url, ports } = await balancer([one.port, two.port]);
    const followers = Array.from({ length: 4 }, (_, index) =>
      follow(`f${index}`, `--relay=${url}`, `--instance=pod-${index}`),
    );
    for (const { link, process } of followers) await untilPublished(link, first, process);
    for (let round = 0; round < 3; round += 1) {
      const oid = upstream.commit({ a: `round ${round}` });
      for (const { link, process } of followers) await untilPublished(link, oid, process);
    }
    await until('both fleets are up to date, and nobody is in both', async () => {
      const fleets = await Promise.all([one, two].map(fleetOf));
      const names = fleets.flatMap(({ repositories }) =>
        repositories.flatMap(({ instances }) =>
          instances.filter(({ connected }) => connected).map(({ instance }) => instance),
        ),
      );
      return (
        names.length === 4 &&
        new Set(names).size === 4 &&
        fleets.every(({ repositories }) => repositories.every(({ behind }) => behind === 0))
      );
    });
    // One of them goes: its subscribers find the other.
    ports.splice(0, 1);
    await one.process.stop();
    const last = upstream.commit({ a: 'last' });
    for (const { link, process } of followers) await untilPublished(link, last, process);
  });

  test('a relay that is behind, and cannot ask, takes no revision back', async () => {
    const { upstream, first, server, follow, relay } = await setUp();
    const [quick, slow] = [await relay('r1', '--period=50ms'), await relay('r2', '--period=1h')];
    const { url, ports } = await balancer([slow.port]);
    const { link, process } = follow('one', `--relay=${url}`, '--period=100ms');
    await untilPublished(link, first, process);
    ports.splice(0, 1, quick.port);
    const direct = follow('two', `--relay=${quick.url}`);
    await untilPublished(direct.link, first, direct.process);
    const second = upstream.commit({ a: 'two' });
    await untilPublished(direct.link, second, direct.process);
    // Our stream ends; behind the name there is the quick one now, and then the slow one again.
    await slow.process.stop();
    await untilPublished(link, second, process);
    server.mood = 'gone';
    const back = await relay('r2', '--period=2s');
    ports.splice(0, 1, back.port);
    await quick.process.stop();
    await until('it follows the slow one', () => process.count('following the relay') === 3);
    const published = process.count('published');
    await delay(1500);
    expect(process.count('published')).toBe(published);
    server.mood = 'honest';
    const third = upstream.commit({ a: 'three' });
    await untilPublished(link, third, process);
  });

  test('--stagger spreads the news over the time that it says', async () => {
    const { upstream, first, follow, relay } = await setUp();
    const running = await relay('relay', '--stagger=1s');
    const followers = Array.from({ length: 6 }, (_, index) => follow(`f${index}`, `--relay=${running.url}`));
    for (const { link, process } of followers) await untilPublished(link, first, process);
    const second = upstream.commit({ a: 'two' });
    for (const { link, process } of followers) await untilPublished(link, second, process);
    const times = followers.map(({ process }) =>
      Date.parse(String(process.logs.filter(({ msg }) => msg === 'published').at(-1)?.ts)),
    );
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(50);
  });
});

describe.skipIf(missing('nats-server'))('refs on NATS', () => {
  test('one relay notes a push, and relays and sidecars of other clusters follow it, through a restart of NATS', async () => {
    const { dir, upstream, first, follow, relay } = await setUp();
    mkdirSync(join(dir, 'jetstream'));
    const board = await nats(join(dir, 'jetstream'));
    const polling = await relay('r1', '--period=50ms', `--nats=${board.url}`);
    const waiting = await relay('r2', '--period=1h', `--nats=${board.url}`);
    const viaNatsAndRelay = follow('one', `--relay=${waiting.url}`, `--nats=${board.url}`);
    const viaNatsAlone = follow('two', `--nats=${board.url}`);
    const viaRelay = follow('three', `--relay=${waiting.url}`);
    const viaFirst = follow('four', `--relay=${polling.url}`);
    const all = [viaNatsAndRelay, viaNatsAlone, viaRelay, viaFirst];
    for (const { link, process } of all) await untilPublished(link, first, process);
    for (const { process } of [viaNatsAndRelay, viaNatsAlone]) await process.logged('connected to NATS');
    const second = upstream.commit({ a: 'two' });
    for (const { link, process } of all) await untilPublished(link, second, process);
    await board.kill();
    const third = upstream.commit({ a: 'while NATS was away' });
    await untilPublished(viaFirst.link, third, viaFirst.process);
    expect(published(viaNatsAlone.link)).toBe(second);
    await board.start();
    for (const { link, process } of all) await untilPublished(link, third, process);
    const fourth = upstream.commit({ a: 'four' });
    for (const { link, process } of all) await untilPublished(link, fourth, process);
    expect(read(viaNatsAlone.link, 'a')).toBe('four');
    // It comes back without anything that it had.
    await board.kill();
    rmSync(join(dir, 'jetstream'), { recursive: true });
    await board.start();
    for (const { process } of [viaNatsAndRelay, viaNatsAlone])
      await until('it is back', () => process.count('NATS is back') === 2);
    const fifth = upstream.commit({ a: 'five' });
    for (const { link, process } of all) await untilPublished(link, fifth, process);
  });

  test('a relay that is behind cannot take back what another noted', async () => {
    const { dir, upstream, first, server, follow, relay } = await setUp();
    mkdirSync(join(dir, 'jetstream'));
    const board = await nats(join(dir, 'jetstream'));
    const one = await relay('r1', '--period=50ms', `--nats=${board.url}`, `--follow=${server.url}/repo.git`);
    const { link, process } = follow('one', `--nats=${board.url}`, '--period=200ms');
    await untilPublished(link, first, process);
    await process.logged('connected to NATS');
    let oid = first;
    for (let round = 0; round < 5; round += 1) {
      oid = upstream.commit({ a: `round ${round}` });
      // It starts with the mirror of its last run, which is behind by then.
      const two = await relay('r2', '--period=50ms', `--nats=${board.url}`, `--follow=${server.url}/repo.git`);
      await untilPublished(link, oid, process);
      await delay(300);
      await two.process.stop('SIGKILL');
    }
    const order = process.logs.filter(({ msg }) => msg === 'published').map(({ hash }) => hash);
    expect(new Set(order).size).toBe(order.length);
    expect(order.at(-1)).toBe(oid);
    await one.process.stop();
  });

  test('a password for NATS is in no log line, and not taken from the command line', async () => {
    const { dir, first, follow, repo } = await setUp();
    mkdirSync(join(dir, 'jetstream'));
    const board = await nats(join(dir, 'jetstream'), ['--user', 'sidecar', '--pass', 'n4ts-s3cr3t']);
    const url = board.url.replace('//', '//sidecar:n4ts-s3cr3t@');
    const link = join(dir, 'one/link');
    const args = [`--repo=${repo}`, `--root=${join(dir, 'one')}`, '--link=link', '--period=1h', '-v=9'];
    const process = sidecar(args, { GITSYNC_NATS: url });
    await untilPublished(link, first, process);
    await process.logged('connected to NATS');
    expect(process.stderr).not.toContain('n4ts-s3cr3t');
    const refused = follow('two', `--nats=${url}`);
    expect((await refused.process.exited).code).toBe(1);
    expect(refused.process.stderr).toContain('GITSYNC_NATS');
    expect(refused.process.stderr).not.toContain('n4ts-s3cr3t');
  });
});
