import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Oid } from '../../src/model/oid.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { Board } from '../../src/relay/nats/board.ts';
import { parseRepositoryName } from '../../src/relay/protocol/repository-name.ts';
import { httpGit } from '../kit/http-git.ts';
import { type LyingServer, lyingServer } from '../kit/lying-server.ts';
import { nats } from '../kit/nats.ts';
import { SECRET } from '../kit/push-payloads.ts';
import { hostOf, startRelay } from '../kit/relay.ts';
import { Replica } from '../kit/replica.ts';
import { published, type Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { missing } from '../peers/programs.ts';
import { delay, until } from '../peers/wait.ts';

interface Scene {
  readonly dir: string;
  readonly replica: Replica;
  readonly server: LyingServer;
  readonly follow: (...more: string[]) => { readonly process: Sidecar; readonly link: string };
  readonly inbound: readonly string[];
}

/** A git server that shows what was pushed only when the test says so, and nobody who looks again within an hour. */
async function setUp(): Promise<Scene> {
  const dir = tempDir();
  const replica = new Replica(dir, { a: 'one' });
  const server = await lyingServer(await httpGit(join(dir, 'served')));
  writeFileSync(join(dir, 'secret'), SECRET);
  writeFileSync(join(dir, 'token'), 'a-token');
  const args = [`--repo=${server.url}/repo.git`, `--root=${join(dir, 'root')}`, '--link=link', '--period=1h'];
  return {
    dir,
    replica,
    server,
    follow: (...more) => ({ process: sidecar([...args, ...more]), link: join(dir, 'root', 'link') }),
    inbound: [`--push-secret-file=${join(dir, 'secret')}`, `--sync-token-file=${join(dir, 'token')}`],
  };
}

async function push(url: string, to: string, from?: string): Promise<void> {
  const body = JSON.stringify({ ref: 'refs/heads/main', ...(from && { before: from }), after: to });
  const headers = { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': SECRET };
  expect((await fetch(`${url}/push`, { method: 'POST', headers, body })).status).toBe(202);
}

const urlOf = async (process: Sidecar): Promise<string> =>
  `http://127.0.0.1:${(await process.logged('serving HTTP')).port}`;

/** The server was asked after the notification, and showed the old commit. */
async function untilAskedInVain({ server }: Scene, before: number): Promise<void> {
  await until('it is asked in vain', () => server.requests.length >= before + 2);
}

describe('a notification that outruns the git server’s replica', () => {
  test('a sidecar publishes the commit when the replica shows it', async () => {
    const scene = await setUp();
    const { replica, server, follow, inbound } = scene;
    const { process, link } = follow('--ref=main', '--http-bind=127.0.0.1:0', ...inbound);
    await untilPublished(link, replica.primary.head(), process);
    const url = await urlOf(process);
    const asked = server.requests.length;
    const oid = replica.primary.commit({ a: 'two' });
    await push(url, oid);
    await untilAskedInVain(scene, asked);
    replica.catchUp();
    await untilPublished(link, oid, process);
    // It came true: nothing more is asked.
    const then = server.requests.length;
    await delay(1500);
    expect(server.requests).toHaveLength(then);
  });

  test('the notifications of two pushes come in the wrong order: the last commit is published', async () => {
    const scene = await setUp();
    const { replica, server, follow, inbound } = scene;
    const { process, link } = follow('--ref=main', '--http-bind=127.0.0.1:0', ...inbound);
    const first = replica.primary.head();
    await untilPublished(link, first, process);
    const url = await urlOf(process);
    const asked = server.requests.length;
    const second = replica.primary.commit({ a: 'two' });
    replica.catchUp();
    const third = replica.primary.commit({ a: 'three' });
    await push(url, third, second);
    await push(url, second, first);
    await untilPublished(link, second, process);
    await until('the third is asked for in vain', () => server.requests.length >= asked + 3);
    replica.catchUp();
    await untilPublished(link, third, process);
  });

  test('POST /sync?commit=…&wait=… answers when that commit is published', async () => {
    const scene = await setUp();
    const { replica, server, follow, inbound } = scene;
    const { process, link } = follow('--ref=main', '--http-bind=127.0.0.1:0', ...inbound);
    await untilPublished(link, replica.primary.head(), process);
    const url = await urlOf(process);
    const asked = server.requests.length;
    const oid = replica.primary.commit({ a: 'two' });
    const headers = { authorization: 'Bearer a-token' };
    const answer = fetch(`${url}/sync?commit=${oid}&wait=60s`, { method: 'POST', headers });
    await untilAskedInVain(scene, asked);
    replica.catchUp();
    expect(await (await answer).json()).toMatchObject({ status: 'synced', oid });
    expect(published(link)).toBe(oid);
    expect((await fetch(`${url}/sync?commit=main`, { method: 'POST', headers })).status).toBe(400);
  });

  test('a relay passes the commit on when the replica shows it', async () => {
    const scene = await setUp();
    const { dir, replica, server, follow, inbound } = scene;
    const relay = await startRelay({ dir, args: [`--allow=${server.url}/*`, '--period=1h', ...inbound] });
    const { process, link } = follow(`--relay=${relay.url}`);
    await untilPublished(link, replica.primary.head(), process);
    const asked = server.requests.length;
    const oid = replica.primary.commit({ a: 'two' });
    await push(relay.url, oid);
    await untilAskedInVain(scene, asked);
    replica.catchUp();
    await untilPublished(link, oid, process);
  });
});

describe.skipIf(missing('nats-server'))('a note on NATS that outruns the git server’s replica', () => {
  test('a sidecar publishes the commit when the replica shows it', async () => {
    const scene = await setUp();
    const { dir, replica, server, follow } = scene;
    const board = await nats(join(dir, 'jetstream'));
    const { process, link } = follow('--ref=main', `--nats=${board.url}`);
    await untilPublished(link, replica.primary.head(), process);
    await process.logged('connected to NATS');
    const asked = server.requests.length;
    const oid = replica.primary.commit({ a: 'two' });
    const name = parseRepositoryName(`${hostOf(server.url)}/repo.git`);
    if (!name) throw new Error('unreachable');
    const options = { user: undefined, credentialsFile: undefined, caFile: undefined, name: 'test' };
    const writer = new Board({ ...options, servers: [board.url], clock: systemClock, log: silentLog });
    const ref = { name: 'refs/heads/main', oid: oid as Oid };
    await writer.note(name, new Map([[ref.name, ref]]), new Map());
    await writer.close();
    await untilAskedInVain(scene, asked);
    replica.catchUp();
    await untilPublished(link, oid, process);
  });
});
