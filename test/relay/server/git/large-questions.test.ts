import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { LargeQuestions } from '../../../../src/relay/server/git/large-questions.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { delay } from '../../../peers/wait.ts';

const MIB = 2 ** 20;
const MOST = 4 * MIB;
const never = new AbortController().signal;
setMaxListeners(0, never);

async function* piecesOf(bytes: number): AsyncGenerator<Buffer> {
  for (let left = bytes; left > 0; left -= 65_536) yield Buffer.alloc(Math.min(65_536, left));
}

describe('the questions of clients', () => {
  test('a small one is read at once, however many large ones of anybody are held and wait', async () => {
    const questions = new LargeQuestions(new HandClock());
    const large = Array.from({ length: 20 }, () => questions.read(piecesOf(MIB), MOST, 'greedy', never));
    const held = [await large[0], await large[1], await large[2]];
    for (const owner of ['greedy', 'another']) {
      const small = await questions.read(piecesOf(60_000), MOST, owner, never);
      expect(small?.body.length).toBe(60_000);
    }
    expect(held.map((each) => each?.body.length)).toEqual([MIB, MIB, MIB]);
    for (const each of large) void each.then((read) => read?.release());
    expect(await Promise.all(large)).toHaveLength(20);
  });

  test('one who holds as many large ones as it may, and has more that wait, leaves a place to another', async () => {
    const questions = new LargeQuestions(new HandClock());
    let greedy = 0;
    for (let count = 0; count < 20; count += 1)
      void questions.read(piecesOf(MIB), MOST, 'greedy', never).then(() => {
        greedy += 1;
      });
    const another = await questions.read(piecesOf(MIB), MOST, 'another', never);
    expect(another?.body.length).toBe(MIB);
    await delay(20);
    expect(greedy).toBe(3);
  });

  test('what one sends beyond its part of the bytes a second is refused, and taken again later; others send theirs', async () => {
    const clock = new HandClock();
    const questions = new LargeQuestions(clock);
    const send = async (owner: string): Promise<unknown> => {
      const read = await questions.read(piecesOf(4 * MIB), MOST, owner, never);
      read?.release();
      return read?.body.length;
    };
    const sent: unknown[] = [];
    for (let count = 0; count < 20; count += 1) sent.push(await send('greedy').catch((error) => error.code));
    expect(sent.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 4 * MIB));
    expect(sent.at(-1)).toBe('ERR_RELAY_FULL');
    expect(await send('another')).toBe(4 * MIB);
    await clock.advance(20_000);
    expect(await send('greedy')).toBe(4 * MIB);
  });

  test('one that is too long is not read to its end, and gives its place back, as one whose client goes away does', async () => {
    const questions = new LargeQuestions(new HandClock());
    let pieces = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        pieces += 1;
        yield Buffer.alloc(65_536);
      }
    }
    for (let count = 0; count < 8; count += 1)
      expect(await questions.read(endless(), MIB, 'one', never)).toBeUndefined();
    expect(pieces).toBeLessThan(8 * 20);
    const held = [];
    for (let count = 0; count < 3; count += 1) held.push(await questions.read(piecesOf(MIB), MOST, 'one', never));
    const leaving = new AbortController();
    const late = questions.read(piecesOf(MIB), MOST, 'one', leaving.signal);
    leaving.abort();
    await expect(late).rejects.toMatchObject({ code: 'ERR_RELAY_FULL' });
    held[0]?.release();
    expect(await questions.read(piecesOf(MIB), MOST, 'one', never)).toBeDefined();
  });
});
