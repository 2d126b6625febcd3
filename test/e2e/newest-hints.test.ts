import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { lyingServer } from '../kit/lying-server.ts';
import { SECRET } from '../kit/push-payloads.ts';
import { startRelay } from '../kit/relay.ts';
import { Replica } from '../kit/replica.ts';
import { sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { until } from '../peers/wait.ts';

/** A git server that shows what was pushed only when the test says so, and a sync that looks again in an hour. */
async function setUp(through: 'server' | 'relay') {
  const dir = tempDir();
  const replica = new Replica(dir, { a: 'one' });
  const release = (tag: string): string => {
    const oid = replica.primary.commit({ a: tag }, tag);
    replica.primary.git('tag', tag);
    replica.primary.push(`refs/tags/${tag}`);
    return oid;
  };
  const first = release('v1.0.0');
  replica.catchUp();
  const server = await lyingServer(await httpGit(join(dir, 'served')));
  writeFileSync(join(dir, 'secret'), SECRET);
  const inbound = ['--http-bind=127.0.0.1:0', `--push-secret-file=${join(dir, 'secret')}`];
  const args = [`--repo=${server.url}/repo.git`, `--root=${join(dir, 'root')}`, '--link=link', '--period=1h'];
  const relay =
    through === 'relay'
      ? await startRelay({ dir, args: [`--allow=${server.url}/*`, '--period=1h', ...inbound.slice(1)] })
      : undefined;
  const own = relay ? [`--relay=${relay.url}`] : inbound;
  const process = sidecar([...args, '--ref-semver=<2', '-v=1', ...own]);
  const link = join(dir, 'root', 'link');
  await untilPublished(link, first, process);
  const url = relay?.url ?? `http://127.0.0.1:${(await process.logged('serving HTTP')).port}`;
  const push = async (tag: string, to: string, status = 202): Promise<void> => {
    const body = JSON.stringify({ ref: `refs/tags/${tag}`, before: '0'.repeat(40), after: to });
    const headers = { 'x-gitlab-event': 'Tag Push Hook', 'x-gitlab-token': SECRET };
    expect((await fetch(`${url}/push`, { method: 'POST', headers, body })).status).toBe(status);
  };
  return { replica, server, process, link, release, push, first };
}

describe.each(['server', 'relay'] as const)('a notification about a tag, from a %s that shows it late', (through) => {
  test('the new version is published when the replica shows it', async () => {
    const { replica, server, process, link, release, push } = await setUp(through);
    const asked = server.requests.length;
    const oid = release('v1.1.0');
    await push('v1.1.0', oid);
    await until('it is asked in vain', () => server.requests.length >= asked + 2);
    replica.catchUp();
    await untilPublished(link, oid, process);
  });
});

test('a notification about an older version, or one out of the range, is not waited for', async () => {
  const { replica, server, process, link, release, push } = await setUp('server');
  const asked = server.requests.length;
  await push('v2.0.0', release('v2.0.0'), 200);
  await push('v0.9.0', release('v0.9.0'));
  await until('it is asked once, for the older one', () => process.count('syncing now') === 1);
  const oid = release('v1.1.0');
  await push('v1.1.0', oid);
  replica.catchUp();
  await untilPublished(link, oid, process);
  // One for the older version; for the new one a few until the replica showed it, and those that fetched it.
  expect(server.requests.length - asked).toBeLessThan(10);
});
