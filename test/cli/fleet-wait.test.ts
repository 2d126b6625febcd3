import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandLine } from '../kit/command-line.ts';
import { type HttpStub, httpStub } from '../kit/http-stub.ts';
import { selfSigned } from '../kit/self-signed.ts';
import { tempDir } from '../kit/temp.ts';

const COMMIT = '774384f18c94634265a98335b365e0d59513b4c6';
const OTHER = '3f1f06d7a36e508f9d6037b5127fdaa065017455';
const REF = 'git.example.com/team/web.git#main';

const fleet = async (...words: string[]) => await commandLine(['fleet', ...words]);

/** An entry of `GET /rollouts` in which `COMMIT` is being rolled out. */
function entry(own: object = {}): object {
  return {
    ...{
      repository: 'git.example.com/team/web.git',
      ref: 'refs/heads/main',
      status: 'running',
      why: 'stage a is open',
    },
    ...{ oid: COMMIT, completed: OTHER, tip: COMMIT, queued: [], refused: [], pinned: null, journal: [] },
    stages: [{ name: 'a', instances: 2, done: 1, failed: 0 }],
    ...own,
  };
}

const COMPLETE = entry({ status: 'complete', completed: COMMIT, stages: [], why: 'nothing is under way' });
const HALTED = entry({
  ...{ status: 'halted', refused: [COMMIT], why: 'web-1 failed' },
  journal: [{ what: 'halted', oid: COMMIT, why: 'web-1: it exited\u001b[2J' }],
});

type Step = object | ((response: ServerResponse) => void);

/** A relay that gives these answers, one after the other, and the last one again and again. */
async function relay(...steps: Step[]): Promise<HttpStub> {
  let at = 0;
  return await httpStub((_request, response) => {
    const step = steps[Math.min(at, steps.length - 1)];
    at += 1;
    if (typeof step === 'function') step(response);
    else response.end(JSON.stringify({ rollouts: step === undefined ? [] : [step], sharing: null }));
  });
}

const fails =
  (status: number, body = ''): Step =>
  (response) =>
    response.writeHead(status).end(body);
const hangsUp: Step = (response) => response.destroy();

describe('fleet wait', () => {
  test('ends with 0 when the rollout is complete, with a line for each step on the way', async () => {
    const { url } = await relay(entry(), COMPLETE);
    expect(await fleet('wait', url, REF, COMMIT)).toEqual({
      status: 0,
      stdout: 'running 774384f18c94: a 1/2; stage a is open\ncomplete 774384f18c94: nothing is under way\n',
      stderr: '',
    });
  });

  test('takes --commit and --timeout, seven digits of the commit, and prints JSON for a program', async () => {
    const { url } = await relay(COMPLETE);
    const { status, stdout } = await fleet('wait', url, REF, '--commit=774384F', '--timeout=1h', '--json');
    expect([status, JSON.parse(stdout)]).toEqual([0, COMPLETE]);
    expect((await fleet('wait', url, REF, '774384f', '--within=1h')).status).toBe(0);
  });

  test('ends with 1 when the rollout halted, and says why without terminal codes', async () => {
    const { url } = await relay(entry(), HALTED);
    const { status, stderr } = await fleet('wait', url, REF, COMMIT);
    expect([status, stderr]).toEqual([1, '774384f18c94 is not rolled out: halted: web-1: it exited\\u001b[2J\n']);
  });

  test('ends with 1 at once when another commit took its place', async () => {
    const journal = [{ what: 'replaced', oid: COMMIT, why: 'another takes its place' }];
    const { url } = await relay(entry({ oid: OTHER, journal }));
    expect(await fleet('wait', url, REF, COMMIT)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('replaced: another takes its place'),
    });
  });

  test('ends with 3 when its time is over, and says what it waited for', async () => {
    const { url } = await relay(entry());
    const { status, stderr } = await fleet('wait', url, REF, COMMIT, '--timeout=100ms');
    expect(status).toBe(3);
    expect(stderr).toContain('not complete after 0.1 s; running 774384f18c94: a 1/2; stage a is open');
    expect(stderr).toContain('ERR_FLEET_TIMEOUT');
  });

  test('waits for a ref that the relay does not show yet, and asks a relay that fails or hangs up again', async () => {
    const steps = [hangsUp, fails(503, 'starting'), entry(), fails(502)];
    for (const step of steps) {
      const { url } = await relay(step, COMPLETE);
      expect((await fleet('wait', url, REF, COMMIT)).status).toBe(0);
    }
    const { url } = await relay(undefined as unknown as object, COMPLETE);
    const { status, stdout } = await fleet('wait', url, REF, COMMIT);
    expect([status, stdout]).toEqual([0, expect.stringContaining('nobody follows it yet')]);
  });

  test('ends with 3, and not as if the relay had refused, when the relay answered once and then no more', async () => {
    const { url } = await relay(entry(), fails(503, 'full'));
    const { status, stderr } = await fleet('wait', url, REF, COMMIT, '--within=4s');
    expect([status, stderr]).toEqual([3, expect.stringContaining('no answer: 503: full')]);
  });

  test('ends with 4 when the relay never answered', async () => {
    const { url } = await relay(hangsUp);
    const { status, stderr, stdout } = await fleet('wait', url, REF, COMMIT, '--within=100ms');
    expect([status, stderr]).toEqual([4, expect.stringContaining('ERR_FLEET_UNREACHABLE')]);
    expect(stdout).toContain('no answer: ');
  });

  test.each<[string, Step]>([
    ['refuses the token', fails(401, 'a token is needed')],
    ['does not know the path', fails(404)],
    ['is another program', (response) => response.end('hello')],
    ['answers with other JSON', (response) => response.end('{"rollouts":{}}')],
  ])('ends with 4 at once when the other side %s', async (_what, step) => {
    const { url, requests } = await relay(step);
    const { status, stderr } = await fleet('wait', url, REF, COMMIT);
    expect([status, stderr, requests.length]).toEqual([4, expect.stringContaining('ERR_FLEET:'), 1]);
  });

  test('ends with 4 at once when the certificate of the relay is not trusted, or the token cannot be read', async () => {
    const { url } = await httpStub((_request, response) => void response.end(), selfSigned());
    expect(await fleet('wait', url, REF, COMMIT)).toMatchObject({
      status: 4,
      stderr: expect.stringContaining('SSL_CERT_FILE'),
    });
    expect((await fleet('wait', url, REF, COMMIT, '--token-file=/nowhere')).status).toBe(4);
  });

  test.each([
    [['wait', 'http://h', REF]],
    [['wait', 'http://h', REF, 'main']],
    [['wait', 'http://h', REF, '774384']],
    [['wait', 'http://h', REF, COMMIT, `--commit=${OTHER}`]],
    [['pause', 'http://h', REF, `--commit=${OTHER}`, '--why=x', '--who=x']],
    [['wait', 'ftp://h', REF, COMMIT]],
    [['wait', 'http://h', COMMIT]],
  ])('ends with 2 for the words %j', async (words) => {
    expect((await fleet(...words)).status).toBe(2);
  });
});

describe('an order', () => {
  test.each([
    [403, 'steer'],
    [409, 'nothing is paused'],
    [503, 'no relay decides'],
  ])('ends with 1 when the relay answers %i, and says what the relay says', async (status, detail) => {
    const { url } = await relay(fails(status, JSON.stringify({ code: 'ERR_X', detail })));
    const said = await fleet('resume', url, REF, '--why=x', '--who=me');
    expect(said).toMatchObject({ status: 1, stderr: expect.stringContaining(`${status}: ${detail}`) });
  });

  test('names its commit as a word or with --commit, and shows what became of the rollout', async () => {
    const { url, requests } = await httpStub((_request, response) => void response.end(JSON.stringify(HALTED)));
    for (const words of [[COMMIT], [`--commit=${COMMIT}`]]) {
      const { status, stdout } = await fleet('revert', url, REF, ...words, '--why=x', '--who=me');
      expect([status, stdout]).toEqual([0, expect.stringContaining('halted')]);
    }
    const order = { order: 'revert', who: 'me', why: 'x', to: COMMIT };
    expect(requests.map(({ body }) => JSON.parse(body) as unknown)).toEqual([order, order]);
  });

  test('shows the token of the file', async () => {
    const token = join(tempDir(), 'token');
    writeFileSync(token, 'boss\n');
    const { url, requests } = await relay(COMPLETE);
    await fleet(url, `--token-file=${token}`);
    expect(requests[0]?.headers.authorization).toBe('Bearer boss');
  });
});
