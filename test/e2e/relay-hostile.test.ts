import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { DELIMITER_PACKET, dataPacket, FLUSH_PACKET } from '../../src/remote/wire/pkt-line.ts';
import { httpGit } from '../kit/http-git.ts';
import { hostOf, type RunningRelay, startRelay } from '../kit/relay.ts';
import { sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { delay, until } from '../peers/wait.ts';

const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

const V2 = { 'git-protocol': 'version=2', 'content-type': 'application/x-git-upload-pack-request' };

/** The body of a fetch with these lines. */
const bodyOf = (lines: readonly string[], capabilities: readonly string[] = ['object-format=sha1']): Buffer =>
  Buffer.concat([
    ...['command=fetch', ...capabilities].map(dataPacket),
    ...[DELIMITER_PACKET, ...lines.map(dataPacket), FLUSH_PACKET],
  ]);

async function setUp(...args: string[]) {
  const dir = tempDir();
  const upstream = new Upstream(join(dir, 'srv'), 'app.git');
  const old = upstream.commit({ a: 'zero' });
  const first = upstream.commit({ a: 'one' });
  const repo = `${await httpGit(join(dir, 'srv'))}/app.git`;
  const host = hostOf(repo);
  const relay = await startRelay({ dir, args: [`--allow=http://${host}/*`, '--http-metrics', ...args] });
  const url = `${relay.url}/git/${host}/app.git/git-upload-pack`;
  const ask = async (body: Buffer, headers: Record<string, string> = V2): Promise<string> => {
    const response = await fetch(url, { method: 'POST', headers, body });
    return Buffer.from(await response.arrayBuffer()).toString('latin1');
  };
  await relay.get(`/git/${host}/app.git/info/refs?service=git-upload-pack`, V2);
  const follow = (name: string, ...more: string[]) => {
    const link = join(dir, name, 'link');
    const where = [`--repo=${repo}`, `--root=${join(dir, name)}`, '--link=link', `--relay=${relay.url}`];
    return { link, process: sidecar([...where, '--period=200ms', ...more]) };
  };
  return { dir, upstream, old, first, relay, host, ask, follow };
}

async function metric({ get }: RunningRelay, name: string): Promise<number> {
  const text = await (await get('/metrics')).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1]);
}

describe('a client that crafts a question', () => {
  test('does not keep the others from the news: what git would cut short is never asked', async () => {
    const { upstream, first, ask, follow, relay } = await setUp();
    const { link, process } = follow('one');
    await untilPublished(link, first, process);
    const before = await metric(relay, 'git_sidecar_git_processes_started');
    const second = upstream.commit({ a: 'two' });
    const args = ['thin-pack', 'ofs-delta', 'no-progress', 'deepen 1', `want ${second}`, 'done'];
    const old = `want ${second} side-band-64k`;
    for (let round = 0; round < 20; round += 1) {
      expect(await ask(bodyOf([args.join('\0')]))).toContain('ERR ');
      expect(await ask(bodyOf([args.join('\n')]))).toContain('ERR ');
      expect(
        await ask(Buffer.concat([dataPacket(`${old} agent=x\0`), FLUSH_PACKET, dataPacket('done')]), {}),
      ).toContain('ERR ');
    }
    await untilPublished(link, second, process);
    const late = follow('two');
    await untilPublished(late.link, second, late.process);
    expect(before).toBeGreaterThan(0);
  });

  test('with 20,000 wants starts a handful of processes; no nonsense makes the mirror suspect or asks the git server', async () => {
    const { upstream, first, ask, relay } = await setUp('--period=1h');
    const started = async (): Promise<number> => await metric(relay, 'git_sidecar_git_processes_started');
    const before = await started();
    const requests = await metric(relay, 'git_sidecar_relay_upstream_requests');
    const wants = Array.from({ length: 20_000 }, (_, n) => `want ${n.toString(16).padStart(40, 'a')}`);
    const asked = await Promise.all([ask(bodyOf([...wants, 'done'])), ask(bodyOf([...wants, 'done']))]);
    for (const answer of asked) expect(answer).toContain('not our ref');
    expect((await started()) - before).toBeLessThan(6);
    const blob = upstream.head('HEAD:a');
    const nonsense = [
      ['done'],
      [`want ${first}`, 'deepen 0', 'done'],
      [`want ${first}`, `shallow ${blob}`, 'done'],
      [`want ${blob}`, 'deepen-since 4000000000', 'done'],
      [`want ${first}`, 'filter sparse:oid=HEAD', 'done'],
      [`want ${first}`, `have ${blob}`],
    ];
    // git may have begun to answer when it finds out: the connection breaks then.
    for (const lines of nonsense) await ask(bodyOf(lines)).catch(() => undefined);
    await ask(Buffer.from('zzzz'));
    await ask(randomBytes(2000), {});
    await delay(1000);
    expect(await metric(relay, 'git_sidecar_relay_upstream_requests')).toBe(requests);
    expect(relay.process.stderr).not.toMatch(/damaged|looked over/);
    expect(await ask(bodyOf([`want ${first}`, 'done']))).toContain('PACK');
  });
});

describe('the ordinary case', () => {
  test('long questions that do not end are refused when they are too many, and counted; short ones are answered meanwhile', async () => {
    const { first, relay, host, ask } = await setUp('--period=1h');
    const head = Object.entries({ host: 'relay', ...V2, 'content-length': '1000000' });
    const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const begun = `POST /git/${host}/app.git/git-upload-pack HTTP/1.1\r\n${lines}\r\n${'a'.repeat(70_000)}`;
    let refused = 0;
    // Three are read, 48 wait.
    for (let count = 0; count < 60; count += 1) {
      const socket = connect(relay.port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.once('data', (chunk: Buffer) => {
        if (chunk.toString('latin1').startsWith('HTTP/1.1 503')) refused += 1;
      });
      socket.write(begun);
    }
    await until('nine are refused', () => refused === 9);
    expect(await ask(bodyOf([`want ${first}`, 'done']))).toContain('packfile');
    const text = await (await relay.get('/metrics')).text();
    expect(text).toContain('git_sidecar_relay_refused_total{what="answers"} 9');
  });

  test('200 equal fetches, of tips and of what is no tip, are one answer each', async () => {
    const { upstream, old, ask, relay } = await setUp();
    const second = upstream.commit({ a: 'two' });
    await until('it is here', async () => (await ask(bodyOf([`want ${second}`, 'done']))).includes('PACK'));
    const started = async (): Promise<number> => await metric(relay, 'git_sidecar_git_processes_started');
    const computed = async (): Promise<number> => await metric(relay, 'git_sidecar_relay_fetches');
    const [before, answers] = [await started(), await computed()];
    for (const want of [second, old]) {
      const body = (agent: number): Buffer =>
        bodyOf(
          ['ofs-delta', `want ${want}`, 'done'],
          [`agent=git/${agent}`, 'object-format=sha1', `session-id=${agent}`],
        );
      const all = await Promise.all(Array.from({ length: 200 }, async (_, n) => await ask(body(n))));
      expect(new Set(all).size).toBe(1);
      expect(all[0]).toContain('PACK');
    }
    expect((await computed()) - answers).toBe(2);
    // Two commands found out that the second one may be had. Tidying up may have begun beside it.
    expect((await started()) - before).toBeLessThan(10);
  }, 60_000);
});

describe('readers that do not read', () => {
  test('hold no more than --cache-size, metrics show it, and who reads gets what it asks for', async () => {
    const { dir, upstream, relay, host, ask, follow } = await setUp('--cache-size=8Mi', '--period=200ms');
    const second = upstream.commit({ big: randomBytes(4 * 2 ** 20).toString('latin1') });
    await until('it is here', async () => (await ask(bodyOf([`want ${second}`, 'done']))).includes('PACK'), 60_000);
    const { link, process } = follow('one');
    await untilPublished(link, second, process);
    const held = (): number => readdirSync(join(dir, 'relay/answers')).length;
    for (let n = 0; n < 30; n += 1) {
      const body = bodyOf(['no-progress', `want ${second}`, `have ${randomBytes(20).toString('hex')}`, 'done']);
      const socket = connect(relay.port, '127.0.0.1');
      socket.pause();
      socket.on('error', () => undefined);
      sockets.push(socket);
      const head = `POST /git/${host}/app.git/git-upload-pack HTTP/1.1\r\nhost: x\r\ngit-protocol: version=2\r\n`;
      socket.write(`${head}content-length: ${body.length}\r\n\r\n`);
      socket.write(body);
    }
    const bytes = async (): Promise<number> => await metric(relay, 'git_sidecar_relay_answer_bytes');
    await until('they hold much', async () => (await bytes()) > 5 * 2 ** 20, 60_000);
    await delay(3000);
    expect(await bytes()).toBeLessThanOrEqual(8 * 2 ** 20);
    expect(held()).toBeLessThanOrEqual(10);
    // The news takes the way that it always took; fetches that find no room are told to come again, and do.
    const third = upstream.commit({ small: 'x' });
    for (const socket of sockets.splice(0)) socket.destroy();
    await untilPublished(link, third, process);
    await until('what they held is free again', async () => (await bytes()) < 8 * 2 ** 20);
  }, 120_000);
});
