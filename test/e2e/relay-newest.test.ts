import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { httpStub } from '../kit/http-stub.ts';
import { nats } from '../kit/nats.ts';
import { startRelay } from '../kit/relay.ts';
import { Releases } from '../kit/releases.ts';
import { sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { missing } from '../peers/programs.ts';

async function setUp() {
  const dir = tempDir();
  const upstream = new Releases(dir);
  const git = await httpGit(dir);
  const root = join(dir, 'root');
  const link = join(root, 'link');
  const args = [`--repo=${git}/repo.git`, `--root=${root}`, '--link=link', '--period=1h'];
  return { dir, upstream, git, link, args };
}

describe('a sync of versions behind a relay', () => {
  test.each([
    ['version', '--ref-semver=>=1 <2'],
    ['name', '--ref-pattern=v1.*'],
  ])(
    'by %s: gets the newest one without a poll of its own, and goes back when that is deleted',
    async (order, rule) => {
      const { dir, upstream, git, link, args } = await setUp();
      upstream.release('v1.0.0');
      const first = upstream.release('v1.1.0', { annotated: true });
      upstream.release('v2.0.0');
      const relay = await startRelay({ dir, args: [`--allow=${git}/*`] });
      const process = sidecar([...args, rule, `--ref-order=${order}`, `--relay=${relay.url}`]);
      await untilPublished(link, first, process);
      upstream.release('v1.0.1');
      const second = upstream.release('v1.2.0');
      await untilPublished(link, second, process);
      const moved = upstream.release('v1.2.0');
      await untilPublished(link, moved, process);
      upstream.withdraw('v1.2.0');
      await untilPublished(link, first, process);
      expect((await process.logged('the tag has moved')).ref).toBe('refs/tags/v1.2.0');
      expect((await process.logged('going back')).before).toBe('refs/tags/v1.2.0');
    },
  );

  test('says what the relay has when nothing matches, and gets what matches later', async () => {
    const { dir, upstream, git, link, args } = await setUp();
    upstream.release('v1.0.0');
    const relay = await startRelay({ dir, args: [`--allow=${git}/*`] });
    const process = sidecar([...args, '--ref-semver=^3', `--relay=${relay.url}`]);
    expect((await process.logged('ERR_REMOTE_NO_MATCH')).error).toContain('v1.0.0');
    await untilPublished(link, upstream.release('v3.0.0'), process);
  });

  test('is refused by an older relay with a reason that says so, and asks the git server where it may', async () => {
    const { upstream, link, args } = await setUp();
    const first = upstream.release('v1.0.0');
    // What 0.1.0 answers: no name of a ref holds a star.
    const old = await httpStub((_request, response) => void response.writeHead(400).end('up to 64 names of refs\n'));
    const alone = sidecar([...args, '--ref-semver=*', `--relay=${old.url}`, '--init-period=200ms']);
    const line = await alone.logged('ERR_RELAY_OLD');
    expect(line.hint).toContain('Update the relay');
    await alone.stop();
    const process = sidecar([...args, '--ref-semver=*', `--relay=${old.url}`, '--relay-fallback', '--period=100ms']);
    await untilPublished(link, first, process);
  });
});

test.skipIf(missing('nats-server'))(
  'a note on NATS about a newer version, or that the newest is gone, wakes a sync',
  async () => {
    const { dir, upstream, git, link, args } = await setUp();
    const server = await nats(join(dir, 'jetstream'));
    const first = upstream.release('v1.0.0');
    await startRelay({ dir, args: [`--allow=${git}/*`, `--follow=${git}/repo.git`, `--nats=${server.url}`] });
    const process = sidecar([...args, '--ref-semver=<2', `--nats=${server.url}`, '-v=1']);
    await untilPublished(link, first, process);
    await process.logged('connected to NATS');
    upstream.release('v0.9.0');
    upstream.release('v2.0.0');
    const second = upstream.release('v1.1.0');
    await untilPublished(link, second, process);
    upstream.withdraw('v1.1.0');
    await untilPublished(link, first, process);
  },
);
