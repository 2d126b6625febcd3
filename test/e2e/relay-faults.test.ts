import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import process, { env } from 'node:process';
import { describe, expect, test } from 'vitest';

import { systemClock } from '../../src/platform/clock.ts';
import { SseFeed } from '../../src/relay/client/sse-feed.ts';
import { parseRepositoryName } from '../../src/relay/protocol/repository-name.ts';
import { readHttpSettings } from '../../src/remote/http-settings.ts';
import { httpGit } from '../kit/http-git.ts';
import { type LyingServer, lyingServer, type Mood } from '../kit/lying-server.ts';
import { generator } from '../kit/random.ts';
import { hostOf, type RunningRelay, startRelay } from '../kit/relay.ts';
import { published, type Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { treeOf } from '../kit/tree-check.ts';
import { Upstream } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';
import { delay, until } from '../peers/wait.ts';

interface Scene {
  readonly dir: string;
  readonly upstream: Upstream;
  readonly first: string;
  readonly server: LyingServer;
  readonly repo: string;
  readonly follow: (relay: string, name: string, ...more: string[]) => { process: Sidecar; link: string };
  readonly relay: (...more: string[]) => Promise<RunningRelay>;
}

async function setUp(): Promise<Scene> {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const other = new Upstream(dir, 'other.git');
  const first = upstream.commit({ a: 'one', 'd/b': 'two' });
  const server = await lyingServer(await httpGit(dir));
  server.other = other.commit({ evil: 'yes' });
  const repo = `${server.url}/repo.git`;
  return {
    dir,
    upstream,
    first,
    server,
    repo,
    relay: async (...more) => await startRelay({ dir, args: [`--allow=${server.url}/*`, ...more] }),
    follow: (relay, name, ...more) => {
      const link = join(dir, name, 'link');
      const args = [`--repo=${repo}`, `--root=${join(dir, name)}`, '--link=link', `--relay=${relay}`, '--period=200ms'];
      return { process: sidecar([...args, ...more]), link };
    },
  };
}

describe('a git server that fails or lies', () => {
  test.each<Mood>([
    'reset',
    'truncated-pack',
    'wrong-pack',
    'flipped-byte',
    'garbage-refs',
    'redirect',
    'gone',
    'busy',
  ])(
    '%s: nothing wrong is published, what is there is served, and the push arrives when the server is honest again',
    async (mood) => {
      const { dir, upstream, first, server, follow, relay } = await setUp();
      const { url, process: relayProcess } = await relay();
      const { process, link } = follow(url, 'one');
      await untilPublished(link, first, process);
      server.mood = mood;
      const second = upstream.commit({ a: 'three' });
      await relayProcess.logged('the git server cannot be followed');
      expect(published(link)).toBe(first);
      // Somebody new gets what the relay has.
      const late = follow(url, 'two');
      await untilPublished(late.link, first, late.process);
      server.mood = 'honest';
      await untilPublished(link, second, process);
      await untilPublished(late.link, second, late.process);
      expect(treeOf(link)).toEqual(treeOf(upstream.work));
      expect(existsSync(join(dir, 'one/link/evil'))).toBe(false);
    },
  );

  test('one that stalls: the relay goes on serving', async () => {
    const { first, server, follow, relay } = await setUp();
    const { url, get } = await relay();
    const { process, link } = follow(url, 'one');
    await untilPublished(link, first, process);
    server.mood = 'stall';
    const asked = server.requests.length;
    await until('a request hangs', () => server.requests.length > asked);
    const late = follow(url, 'two');
    await untilPublished(late.link, first, late.process);
    expect((await get('/healthz')).status).toBe(200);
  });

  test('the relay says how old it is, keeps its mirrors over a restart without the server, and catches up', async () => {
    const { upstream, first, server, follow, relay } = await setUp();
    const one = await relay();
    const { process, link } = follow(one.url, 'one');
    await untilPublished(link, first, process);
    server.mood = 'gone';
    upstream.commit({ a: 'later' });
    await one.process.logged('the git server cannot be followed');
    const asOf = async ({ get }: RunningRelay) => {
      const status = (await (await get('/status')).json()) as {
        repositories: { asOf: string; trouble: string | null }[];
      };
      return status.repositories[0];
    };
    expect((await asOf(one))?.trouble).toBe('ERR_REMOTE_UNREACHABLE');
    const before = Date.parse((await asOf(one))?.asOf ?? '');
    await one.process.stop();
    const two = await relay();
    const late = follow(two.url, 'two');
    await untilPublished(late.link, first, late.process);
    expect(Date.parse((await asOf(two))?.asOf ?? '')).toBe(before);
    server.mood = 'honest';
    await untilPublished(late.link, upstream.head(), late.process);
    expect(Date.parse((await asOf(two))?.asOf ?? '')).toBeGreaterThan(before);
  });

  test('--max-staleness tells a subscriber that the relay is behind', async () => {
    const { first, server, follow, relay } = await setUp();
    const { url } = await relay();
    const { process, link } = follow(url, 'one', '--http-bind=127.0.0.1:0', '--max-staleness=1s');
    await untilPublished(link, first, process);
    const { port } = await process.logged('serving HTTP');
    server.mood = 'gone';
    await process.logged('ERR_RELAY_STALE', 60_000);
    await until(
      'it is not ready any more',
      async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 503,
    );
    server.mood = 'honest';
    await until('it is ready again', async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200);
  });
});

describe('a mirror that is damaged', () => {
  test('is noticed when somebody fetches, and fetched again; nobody gets half an answer', async () => {
    const { dir, upstream, first, server, follow, relay } = await setUp();
    const { url, process: relayProcess } = await relay('--period=1h');
    const { process, link } = follow(url, 'one');
    await untilPublished(link, first, process);
    const mirrors = join(dir, 'relay/repositories');
    const objects = join(mirrors, readdirSync(mirrors)[0] ?? '', 'objects');
    for (const name of readdirSync(objects).filter((each) => each.length === 2))
      rmSync(join(objects, name), { recursive: true });
    // The answer of before is kept; another question is not.
    const late = follow(url, 'two', '--depth=2');
    await relayProcess.logged('the mirror is damaged');
    await untilPublished(late.link, first, late.process);
    expect(treeOf(late.link)).toEqual(treeOf(upstream.work));
    expect(server.requests.filter((line) => line.endsWith(' fetch'))).toHaveLength(2);
  });

  test('or cannot even be opened: the next relay fetches it again', async () => {
    const { dir, first, follow, relay } = await setUp();
    const one = await relay();
    const { process, link } = follow(one.url, 'one');
    await untilPublished(link, first, process);
    await one.process.stop();
    const mirrors = join(dir, 'relay/repositories');
    writeFileSync(join(mirrors, readdirSync(mirrors)[0] ?? '', 'config'), '[core\n');
    const two = await relay();
    const late = follow(two.url, 'two');
    await untilPublished(late.link, first, late.process);
  });
});

describe('a relay that fails', () => {
  test('is gone: the revision stays, without a failure that ends anything, and the next one comes when it is back', async () => {
    const { dir, upstream, first, server, follow } = await setUp();
    const port = await freePort();
    const start = async () => await startRelay({ dir, port, args: [`--allow=${server.url}/*`] });
    const relay = await start();
    const { process, link } = follow(relay.url, 'one');
    await untilPublished(link, first, process);
    await relay.process.stop('SIGKILL');
    const second = upstream.commit({ a: 'while it was away' });
    await process.logged('the relay cannot be followed');
    const asked = server.requests.length;
    await delay(1500);
    expect(published(link)).toBe(first);
    expect(server.requests).toHaveLength(asked);
    await start();
    await untilPublished(link, second, process);
  });

  test('--relay-fallback: the git server is asked instead, and the relay again when it is back', async () => {
    const { dir, upstream, first, server, follow } = await setUp();
    const port = await freePort();
    const start = async () => await startRelay({ dir, port, args: [`--allow=${server.url}/*`] });
    const relay = await start();
    const { process, link } = follow(relay.url, 'one', '--relay-fallback');
    await untilPublished(link, first, process);
    await relay.process.stop('SIGKILL');
    const second = upstream.commit({ a: 'while it was away' });
    await untilPublished(link, second, process);
    expect(process.stderr).toContain('asking the git server');
    await start();
    await until('it follows the relay again', () => process.count('following the relay') === 2, 60_000);
    await untilPublished(link, upstream.commit({ a: 'and back' }), process);
  });

  test('one that was never there: without --relay-fallback an error that says so, with it the git server', async () => {
    const { first, follow } = await setUp();
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const alone = follow(nobody, 'one');
    await alone.process.logged('ERR_RELAY_UNREACHABLE');
    expect(published(alone.link)).toBeUndefined();
    const free = follow(nobody, 'two', '--relay-fallback');
    await untilPublished(free.link, first, free.process);
  });

  test('is killed at random instants under load: nobody publishes a wrong tree, nobody stays behind', async () => {
    const { dir, upstream, first, server, follow } = await setUp();
    const port = await freePort();
    const start = async () => await startRelay({ dir, port, args: [`--allow=${server.url}/*`] });
    const seed = Number(env.KILL_SEED ?? Math.floor(Math.random() * 1e6));
    process.stderr.write(`relay kill test: seed ${seed} (KILL_SEED)\n`);
    const random = generator(seed);
    let relay = await start();
    const followers = ['one', 'two', 'three'].map((name) => follow(relay.url, name));
    for (const { link, process } of followers) await untilPublished(link, first, process);
    for (let round = 0; round < 6; round += 1) {
      const oid = upstream.commit({ a: `round ${round}`, [`f${round}`]: 'x'.repeat(round * 5000), 'd/b': `${round}` });
      await delay(random() * 250);
      await relay.process.stop('SIGKILL');
      relay = await start();
      for (const { link, process } of followers) await untilPublished(link, oid, process);
      for (const { link } of followers) expect(treeOf(link)).toEqual(treeOf(upstream.work));
    }
    expect(readdirSync(join(dir, 'relay/answers')).length).toBeLessThan(20);
  }, 300_000);

  test('comes back to a whole fleet: everybody follows again, spread over time, and the git server notices nothing', async () => {
    const { dir, upstream, first, server } = await setUp();
    const port = await freePort();
    const start = async () => await startRelay({ dir, port, args: [`--allow=${server.url}/*`] });
    const relay = await start();
    const name = parseRepositoryName(`${hostOf(server.url)}/repo.git`);
    if (!name) throw new Error('unreachable');
    const settings = readHttpSettings(new URL(relay.url), [], {});
    const facts = {
      url: relay.url,
      repository: name,
      wanted: { names: ['HEAD'], newest: undefined },
      settings,
      agent: 'test',
      clock: systemClock,
      log: silentLog,
    };
    const feeds = Array.from(
      { length: 300 },
      () => new SseFeed({ ...facts, token: async () => undefined, report: () => undefined, random: Math.random }),
    );
    const knows = (oid: string) => feeds.filter(({ told }) => told?.refs.get('HEAD')?.oid === oid).length;
    try {
      await until('all of them follow', () => knows(first) === feeds.length);
      await relay.process.stop('SIGKILL');
      await until('all of them noticed', () => feeds.every(({ isConnected }) => !isConnected));
      const back: number[] = [];
      for (const feed of feeds) {
        const ignore = feed.onChange(() => {
          if (!feed.isConnected) return;
          back.push(performance.now());
          ignore();
        });
      }
      const again = await start();
      await again.process.logged('following', 30_000);
      const [asked, since] = [server.requests.length, performance.now()];
      await until('all of them are back', () => back.length === feeds.length, 60_000);
      expect(Math.max(...back) - Math.min(...back)).toBeGreaterThan(200);
      const seconds = (performance.now() - since) / 1000;
      // It polls ten times a second, as ever.
      expect(server.requests.length - asked).toBeLessThan(10 + seconds * 15);
      const second = upstream.commit({ a: 'two' });
      await until('all of them are told', () => knows(second) === feeds.length);
    } finally {
      for (const feed of feeds) feed.close();
    }
  });

  test('subscribers that are half open or never read cost the others nothing', async () => {
    const { upstream, first, server, follow, relay } = await setUp();
    const { url, port } = await relay();
    const { process, link } = follow(url, 'one');
    await untilPublished(link, first, process);
    const dead = Array.from({ length: 50 }, () => {
      const socket = connect(port, '127.0.0.1');
      socket.write(`GET /events?repo=${hostOf(server.url)}/repo.git HTTP/1.1\r\nhost: x\r\n\r\n`);
      socket.pause();
      return socket;
    });
    const never = connect(port, '127.0.0.1');
    never.write('GET /events?repo=');
    await until('they are there', async () => {
      const { subscribers } = (await (await fetch(`${url}/status`)).json()) as { subscribers: number };
      return subscribers === 51;
    });
    await untilPublished(link, upstream.commit({ a: 'for those who read' }), process);
    for (const socket of [...dead, never]) socket.destroy();
    await until('they are gone', async () => {
      const { subscribers } = (await (await fetch(`${url}/status`)).json()) as { subscribers: number };
      return subscribers === 1;
    });
  });
});
