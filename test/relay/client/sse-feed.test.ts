import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/platform/clock.ts';
import { SseFeed } from '../../../src/relay/client/sse-feed.ts';
import { type RelayEvent, writeEvent } from '../../../src/relay/protocol/events.ts';
import { digestOf, type Refs } from '../../../src/relay/protocol/refs.ts';
import { readHttpSettings } from '../../../src/remote/http-settings.ts';
import { at, oid, REPOSITORY, refsOf } from '../../kit/relay-fakes.ts';
import { silentLog } from '../../kit/silent-log.ts';
import { freePort } from '../../peers/ports.ts';
import { until } from '../../peers/wait.ts';

const endings: (() => void)[] = [];

afterEach(() => {
  for (const end of endings.splice(0)) end();
});

const main = (digit: string): Refs => refsOf(at('refs/heads/main', digit));
const refs = (digit: string, ageMs: number): RelayEvent => {
  return { kind: 'refs', id: digestOf(main(digit)), refs: main(digit), ageMs, relay: 'r' };
};
const change = (digit: string, ageMs: number): RelayEvent => {
  return { kind: 'change', id: digestOf(main(digit)), set: main(digit), gone: [], ageMs };
};
const beat = (ageMs: number, trouble?: string): RelayEvent => ({ kind: 'beat', ageMs, relay: 'r', trouble });

interface Stream {
  readonly request: IncomingMessage;
  say(...events: RelayEvent[]): void;
  end(): void;
}

/** A relay whose words the test chooses, and a feed that follows it without long pauses. */
async function setUp(
  answer: (request: IncomingMessage, response: ServerResponse) => boolean = () => false,
  more: { readonly silenceMs?: number } = {},
) {
  const streams: Stream[] = [];
  const server = createServer((request, response) => {
    if (answer(request, response)) return;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    streams.push({
      request,
      say: (...events) => {
        for (const event of events) response.write(writeEvent(event));
      },
      end: () => response.destroy(),
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock: Clock = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: async () => await new Promise((done) => setTimeout(done, 5)),
  };
  const feed = new SseFeed({
    ...{
      url,
      repository: REPOSITORY,
      wanted: { names: ['refs/heads/main'], newest: undefined },
      settings: readHttpSettings(new URL(url), [], {}),
    },
    ...{ token: async () => 'tok', report: () => '{"r":1}', agent: 'test', clock, random: () => 0, log: silentLog },
    ...more,
  });
  endings.push(() => {
    feed.close();
    server.closeAllConnections();
    server.close();
  });
  const stream = async (index: number): Promise<Stream> => await until(`stream ${index}`, () => streams[index]);
  const knows = (digit: string): boolean => feed.told?.refs.get('refs/heads/main')?.oid === oid(digit);
  return { feed, stream, knows };
}

test('a relay that was away for a moment, with many failures in it, is not waited for much longer than that', async () => {
  let now = 0;
  const pauses: { readonly away: number; readonly pause: number }[] = [];
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: async (ms) => {
      pauses.push({ away: now, pause: ms });
      now += 100;
      await new Promise((done) => setTimeout(done, 1));
    },
  };
  const url = `http://127.0.0.1:${await freePort()}`;
  const feed = new SseFeed({
    ...{
      url,
      repository: REPOSITORY,
      wanted: { names: [], newest: undefined },
      settings: readHttpSettings(new URL(url), [], {}),
    },
    ...{ token: async () => 'tok', report: () => undefined, agent: 'test', clock, random: () => 1, log: silentLog },
  });
  endings.push(() => feed.close());
  await until('it failed often', () => pauses.length > 25);
  for (const { away, pause } of pauses) expect(pause).toBeLessThanOrEqual(Math.max(1000, away));
});

describe('the event stream of a relay', () => {
  test('that a firewall forgot is opened again on another connection, and what is new comes over that', async () => {
    const { feed, stream, knows } = await setUp(() => false, { silenceMs: 300 });
    const first = await stream(0);
    first.say(refs('1', 0));
    await until('it knows', () => knows('1'));
    // From here on nothing comes, and nobody ends the connection.
    let lost = 0;
    feed.onChange(() => (lost += feed.isConnected ? 0 : 1));
    const second = await stream(1);
    expect(second.request.socket).not.toBe(first.request.socket);
    expect(lost).toBe(1);
    second.say(refs('2', 0));
    await until('it knows more', () => knows('2'));
  });

  test('is believed when it goes back at once, although the relay has not asked the git server in between', async () => {
    const { stream, knows } = await setUp();
    const { say } = await stream(0);
    say(refs('1', 0));
    await until('it knows', () => knows('1'));
    // By a policy of the relay, a minute after it asked the git server.
    say(change('2', 60_000));
    await until('it was released', () => knows('2'));
    say(change('1', 60_000));
    await until('it went back', () => knows('1'));
  });

  test('says with a release by a policy that it is one, also where the commit stays the same', async () => {
    const { feed, stream, knows } = await setUp();
    const { say } = await stream(0);
    say(refs('1', 0));
    await until('it knows', () => knows('1'));
    const released = refsOf({ ...at('refs/heads/main', '1'), isReleased: true });
    say({ kind: 'change', id: digestOf(released), set: released, gone: [], ageMs: 1000 });
    await until('it knows that too', () => feed.told?.refs.get('refs/heads/main')?.isReleased);
  });

  test('is asked for with token, refs and report, and followed from change to change', async () => {
    const { feed, stream, knows } = await setUp();
    const { request, say } = await stream(0);
    expect(request.url).toBe('/events?repo=h.example%2Fteam%2Fapp.git&ref=refs%2Fheads%2Fmain');
    expect(request.headers).toMatchObject({ authorization: 'Bearer tok', 'git-sidecar-report': '{"r":1}' });
    expect(request.headers['last-event-id']).toBeUndefined();
    say(refs('1', 0));
    await until('it knows', () => knows('1'));
    say(change('2', 0));
    await until('it knows more', () => knows('2'));
    expect(feed.isConnected).toBe(true);
  });

  test('that breaks is opened again with the last id, and what was missed is told', async () => {
    const { feed, stream, knows } = await setUp();
    const one = await stream(0);
    one.say(refs('1', 0));
    await until('it knows', () => knows('1'));
    one.end();
    await until('it noticed', () => !feed.isConnected);
    const two = await stream(1);
    expect(two.request.headers['last-event-id']).toBe(digestOf(main('1')));
    two.say(refs('3', 0));
    await until('it knows', () => knows('3'));
  });

  test('of a relay that is behind takes nothing back; once that has asked the git server, its word counts', async () => {
    const { feed, stream, knows } = await setUp();
    const one = await stream(0);
    one.say(refs('1', 0), change('2', 0));
    await until('it knows', () => knows('2'));
    one.end();
    const two = await stream(1);
    two.say(refs('1', 60_000), beat(60_000));
    await until('it follows again', () => feed.isConnected);
    expect(knows('2')).toBe(true);
    two.say(change('3', 50_000));
    await until('that was read', () => new Promise<boolean>((done) => setTimeout(() => done(true), 30)));
    expect(knows('2')).toBe(true);
    two.say(beat(0));
    await until('it is confirmed', () => knows('3'));
    // Somebody has pushed the old commit again: a relay that has asked since then is believed.
    two.say(change('1', 0));
    await until('it is back', () => knows('1'));
  });

  test('that knows what we know says so by silence', async () => {
    const { feed, stream, knows } = await setUp();
    const one = await stream(0);
    one.say(refs('1', 0));
    await until('it knows', () => knows('1'));
    one.end();
    const two = await stream(1);
    two.say(beat(0));
    await until('it follows again', () => feed.isConnected);
    two.say(change('2', 0));
    await until('it knows more', () => knows('2'));
  });

  test('in trouble says so, and when it is over', async () => {
    const { feed, stream } = await setUp();
    const { say } = await stream(0);
    say(refs('1', 0), { kind: 'trouble', code: 'ERR_REMOTE_AUTH', detail: 'x' });
    await until('it is told', () => feed.trouble?.code === 'ERR_REMOTE_AUTH');
    say(beat(9000, 'ERR_REMOTE_AUTH'));
    await until('it is told again', () => (feed.told?.ageMs ?? 0) === 9000);
    expect(feed.trouble?.code).toBe('ERR_REMOTE_AUTH');
    say(beat(0));
    await until('it is over', () => feed.trouble === undefined);
  });

  test.each([
    [401, 'ERR_RELAY_REFUSED'],
    [404, 'ERR_RELAY_REFUSED'],
    [503, 'ERR_RELAY_UNREACHABLE'],
    [200, 'ERR_RELAY_UNREACHABLE'],
  ])('a status of %i without a stream is %s, and it is tried again', async (status, code) => {
    let times = 0;
    const { feed, stream } = await setUp((_request, response) => {
      times += 1;
      if (times > 2) return false;
      response.writeHead(status, { 'content-type': 'text/html' }).end('<p>login</p>');
      return true;
    });
    await until('it is told', () => feed.trouble?.code === code);
    await stream(0);
  });
});
