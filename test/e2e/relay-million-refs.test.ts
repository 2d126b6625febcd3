import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { dataPacket, FLUSH_PACKET } from '../../src/remote/wire/pkt-line.ts';
import { httpGit } from '../kit/http-git.ts';
import { memoryGroup } from '../kit/memory-group.ts';
import { hostOf, startRelay } from '../kit/relay.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git, Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

const REFS = 1_000_000;
const OID = 'a'.repeat(40);
/** Relay, its processes and what the kernel keeps for them; without a bound on refs the relay alone took 825. */
const MEBIBYTES = 300;
const LONG_MS = 180_000;

const packets = (...lines: string[]): Buffer => Buffer.concat([...lines.map((line) => dataPacket(line)), FLUSH_PACKET]);

function* refs(): Generator<Buffer> {
  for (let from = 0; from < REFS; from += 1000) {
    const names = Array.from({ length: 1000 }, (_, index) => `refs/heads/branch-${`${from + index}`.padStart(7, '0')}`);
    yield Buffer.concat(names.map((name) => dataPacket(`${OID} ${name}`)));
  }
  yield FLUSH_PACKET;
}

/** A git server of one repository, which lists a million refs. */
async function endlessServer(): Promise<{ url: string; readonly asked: number; readonly answered: number }> {
  const seen = { asked: 0, answered: 0 };
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === 'GET') {
      response.setHeader('content-type', 'application/x-git-upload-pack-advertisement');
      response.write(packets('# service=git-upload-pack'));
      response.end(packets('version 2', 'agent=test', 'ls-refs=unborn', 'fetch=shallow', 'object-format=sha1'));
    } else {
      seen.asked += 1;
      response.setHeader('content-type', 'application/x-git-upload-pack-result');
      pipeline(Readable.from(refs()), response).then(
        () => {
          seen.answered += 1;
        },
        () => undefined,
      );
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(seen, { url: `http://127.0.0.1:${port}` });
}

test(
  'a git server that lists a million refs takes no memory of a relay, which serves the others',
  async ({ skip }) => {
    const group = memoryGroup(MEBIBYTES);
    if (!group) return skip();
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const oid = upstream.commit({ a: 'one' });
    const good = await httpGit(dir);
    const endless = await endlessServer();
    const args = [`--allow=${good}/*`, `--allow=${endless.url}/*`, `--follow=${endless.url}/huge.git`, '--period=1s'];
    const relay = await startRelay({ dir, args, enter: group.prefix });
    const isOver = (): boolean => relay.process.child.exitCode !== null;
    await until('it was asked again', () => endless.asked >= 3 || isOver(), LONG_MS);
    const clone = join(dir, 'clone');
    const from = `${relay.url}/git/${hostOf(good)}/repo.git`;
    await promisify(execFile)('git', ['clone', '-q', '--depth=1', from, clone], { env: GIT_ENV });
    expect(git(clone, 'rev-parse', 'HEAD')).toBe(oid);
    expect(relay.process.stderr).toContain('ERR_REMOTE_TOO_LARGE');
    // None of it was read to its end.
    expect([endless.answered, group.kills]).toEqual([0, 0]);
    await relay.process.stop();
  },
  LONG_MS,
);
