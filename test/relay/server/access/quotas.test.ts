import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { Quotas, type Refused } from '../../../../src/relay/server/access/quotas.ts';
import { RequestTurns } from '../../../../src/relay/server/access/request-turns.ts';
import { HandClock } from '../../../kit/hand-clock.ts';

class Answer extends EventEmitter {
  status = 0;
  readonly headers: Record<string, string> = {};

  setHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  writeHead(status: number): this {
    this.status = status;
    return this;
  }

  end(): void {
    this.emit('close');
  }
}

function setUp({ mostPerSecond = 1000, mostUnderWay = 1000, mostBytesPerSecond = 0 }) {
  const socket = { bytesWritten: 0 };
  const clock = new HandClock();
  const refused: Refused[] = [];
  const quotas = new Quotas({
    clock,
    ownerOf: ({ headers }) => String(headers.who),
    mostPerSecond,
    mostBytesPerSecond,
    mostUnderWay: () => mostUnderWay,
    turns: new RequestTurns({ isShared: () => true, nextRound: setImmediate }),
    onRefused: (what) => refused.push(what),
  });
  const nothing = async (): Promise<void> => undefined;
  const [request, stream] = [quotas.sharing(nothing), quotas.sharingStreams(nothing)];
  /** @returns the answer while it is under way, or when it is a refusal */
  const ask = async (who: string, route = request): Promise<Answer> => {
    const answer = new Answer();
    const asked = { headers: { who }, socket } as unknown as IncomingMessage;
    await route(new URL('http://relay'), asked, answer as unknown as ServerResponse);
    return answer;
  };
  return { clock, refused, ask, stream, socket };
}

test('a token with many requests under way leaves room: another one is served, and it again when some have ended', async () => {
  const { refused, ask, stream } = setUp({ mostUnderWay: 100 });
  const greedy: Answer[] = [];
  for (let count = 0; count < 100; count += 1) greedy.push(await ask('greedy'));
  const served = greedy.filter(({ status }) => status === 0);
  expect(served.length).toBe(75);
  expect(greedy.at(-1)).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
  expect(refused).toHaveLength(25);
  for (const who of ['b', 'c', 'd']) expect((await ask(who)).status).toBe(0);
  expect((await ask('greedy')).status).toBe(503);
  for (const each of served) each.end();
  expect((await ask('greedy')).status).toBe(0);
  // Streams have places of their own.
  for (let count = 0; count < 200; count += 1) expect((await ask('e', stream)).status).toBe(0);
});

test('a token that floods the relay is answered with 429, and another one is served', async () => {
  const { clock, refused, ask, stream } = setUp({ mostPerSecond: 100 });
  const answers = await Promise.all(Array.from({ length: 200 }, async () => await ask('greedy', stream)));
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(125);
  expect(answers.at(-1)?.headers).toEqual({ 'retry-after': '1' });
  expect(new Set(refused)).toEqual(new Set(['requests']));
  for (let count = 0; count < 10; count += 1) expect((await ask('modest', stream)).status).toBe(0);
  await clock.advance(1000);
  expect((await ask('greedy', stream)).status).toBe(0);
});

test('a token that got more bytes than its share waits until they are paid, while another one goes on', async () => {
  const { clock, refused, ask, socket } = setUp({ mostBytesPerSecond: 1000 });
  const fetch = async (who: string, bytes: number): Promise<number> => {
    const answer = await ask(who);
    socket.bytesWritten += bytes;
    if (answer.status === 0) answer.end();
    return answer.status;
  };
  expect(await fetch('greedy', 30_000)).toBe(0);
  expect(await fetch('modest', 100)).toBe(0);
  expect(await fetch('greedy', 0)).toBe(429);
  expect(refused).toEqual(['bytes']);
  expect(await fetch('modest', 100)).toBe(0);
  // Alone it pays all thousand a second, down to what may come at once.
  await clock.advance(25_000);
  expect(await fetch('greedy', 0)).toBe(0);
});
