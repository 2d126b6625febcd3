import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { commandLine } from '../kit/command-line.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** The address of a server that answers this to everything. */
async function serve(status: number, body: string): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end(body));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const statusOf = async (...words: string[]) => await commandLine(['status', ...words]);

const READY = { kind: 'sync', ready: true, published: { oid: '774384f18c94634265a98335b365e0d59513b4c6' } };
const NOT_READY = { kind: 'run', ready: 'there is no process', error: 'ERR_RUN_LINK: no\u001b[2J link' };

test('prints a line for each unit, without terminal codes, and fails while one of them is not ready', async () => {
  const url = await serve(200, JSON.stringify({ units: { app: READY, web: NOT_READY } }));
  expect(await statusOf(url)).toEqual({
    status: 1,
    stderr: '',
    stdout:
      'UNIT  KIND  READY      COMMIT\n' +
      'app   sync  ready      774384f18c94\n' +
      'web   run   not ready  -             ERR_RUN_LINK: no\\u001b[2J link\n',
  });
});

test('says which revision a run left out, though what ran before is ready', async () => {
  const running = { oid: '774384f18c94634265a98335b365e0d59513b4c6' };
  const after = (outcome: string) => ({
    ...{ kind: 'run', ready: true, running },
    lastDeployment: { oid: '3f1f06d7a36e508f9d6037b5127fdaa065017455', outcome, reason: 'it exited with status 3' },
  });
  const units = { bad: after('failed'), unbuilt: after('build-failed'), good: after('deployed') };
  expect(await statusOf(await serve(200, JSON.stringify({ units })))).toEqual({
    status: 0,
    stderr: '',
    stdout:
      'UNIT     KIND  READY  COMMIT\n' +
      'bad      run   ready  774384f18c94  3f1f06d7a36e is not deployed: it exited with status 3\n' +
      'unbuilt  run   ready  774384f18c94  3f1f06d7a36e is not deployed: it exited with status 3\n' +
      'good     run   ready  774384f18c94\n',
  });
});

test('says when a changed document is not in force', async () => {
  const trouble = 'ERR_DOCUMENT_INVALID: up.yaml:21:5: listn is not known in a run; did you mean listen?';
  const { status, stdout } = await statusOf(await serve(200, JSON.stringify({ units: { app: READY }, trouble })));
  expect([status, stdout]).toEqual([0, expect.stringContaining(trouble)]);
});

test('where nothing listens, or another program answers, the error is about this address and not about a git server', async () => {
  for (const url of [await serve(200, 'hello'), await serve(404, '')])
    expect(await statusOf(url)).toMatchObject({ status: 1, stderr: expect.stringContaining('ERR_STATUS') });
  const gone = await serve(200, '');
  await new Promise((resolve) => servers.pop()?.close(resolve));
  const { status, stderr } = await statusOf(gone);
  expect([status, stderr]).toEqual([1, expect.stringContaining(`${gone}: connect ECONNREFUSED`)]);
  expect(stderr).toContain('ERR_STATUS');
});
