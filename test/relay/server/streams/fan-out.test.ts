import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { FanOut } from '../../../../src/relay/server/streams/fan-out.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

describe('an event for very many streams', () => {
  test('is with all of a few before the call returns, in their order', () => {
    const fanOut = new FanOut<number>();
    const got: number[] = [];
    fanOut.add('one', numbers(100), (receiver) => got.push(receiver));
    fanOut.run();
    expect(got).toEqual(numbers(100));
  });

  test('reaches the one stream of a small owner before most of those of a large one, whichever came first', () => {
    const fanOut = new FanOut<string>();
    const got: string[] = [];
    const send = (receiver: string): void => void got.push(receiver);
    fanOut.add(
      'large',
      numbers(50_000).map(() => 'large'),
      send,
    );
    fanOut.add('small', ['small'], send);
    fanOut.run();
    expect(got.indexOf('small')).toBeGreaterThan(0);
    expect(got.indexOf('small')).toBeLessThan(100);
  });

  test('lets other work go on meanwhile, and reaches everybody once', async () => {
    const fanOut = new FanOut<number>();
    const got: number[] = [];
    fanOut.add('one', numbers(5000), (receiver) => got.push(receiver));
    fanOut.run();
    expect(got.length).toBeLessThan(1000);
    let turns = 0;
    for (; got.length < 5000; turns += 1) await turn();
    expect(turns).toBeGreaterThan(5);
    for (let more = 0; more < 5; more += 1) await turn();
    expect(got).toEqual(numbers(5000));
  });

  test('takes no longer where each receiver was added by itself', async () => {
    const fanOut = new FanOut<number>();
    const got: number[] = [];
    for (const receiver of numbers(5000)) fanOut.add('one', [receiver], (each) => got.push(each));
    fanOut.run();
    let turns = 0;
    for (; got.length < 5000; turns += 1) await turn();
    expect(turns).toBeLessThan(30);
    expect(got).toEqual(numbers(5000));
  });

  test('comes behind the event before it, also where that one is still on its way', async () => {
    const fanOut = new FanOut<number>();
    const got = new Map<number, string>(numbers(3000).map((receiver) => [receiver, '']));
    for (const event of ['a', 'b', 'c']) {
      fanOut.add('one', numbers(3000), (receiver) => got.set(receiver, `${got.get(receiver)}${event}`));
      fanOut.run();
    }
    while ([...got.values()].some((events) => events.length < 3)) await turn();
    expect(new Set(got.values())).toEqual(new Set(['abc']));
  });
});
