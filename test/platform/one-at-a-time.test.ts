import { describe, expect, test } from 'vitest';
import { OneAtATime } from '../../src/platform/one-at-a-time.ts';

const never = new AbortController().signal;

/** Work that ends when it is told to. */
function work(log: string[], name: string) {
  let end: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  return {
    end,
    run: async () => {
      log.push(`${name} begins`);
      await over;
      log.push(`${name} ends`);
    },
  };
}

const turn = async (): Promise<void> => await new Promise((done) => setImmediate(done));

describe('work that is done one at a time', () => {
  test('begins when the work before it has ended, also where that failed', async () => {
    const [turns, log] = [new OneAtATime(), [] as string[]];
    const [one, two] = [work(log, 'one'), work(log, 'two')];
    const first = turns.run(async () => {
      await one.run();
      throw new Error('one failed');
    }, never);
    const second = turns.run(two.run, never);
    first.catch(() => undefined);
    await turn();
    expect(log).toEqual(['one begins']);
    one.end();
    await expect(first).rejects.toThrow('one failed');
    two.end();
    await second;
    expect(log).toEqual(['one begins', 'one ends', 'two begins', 'two ends']);
    expect(turns.isBusy).toBe(false);
  });

  test('is left out when nobody waits for it any more, and what comes after it still waits for what is under way', async () => {
    const [turns, log] = [new OneAtATime(), [] as string[]];
    const [one, two, three] = [work(log, 'one'), work(log, 'two'), work(log, 'three')];
    const impatient = new AbortController();
    const first = turns.run(one.run, never);
    const second = turns.run(two.run, impatient.signal);
    const third = turns.run(three.run, never);
    impatient.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    await turn();
    expect(log).toEqual(['one begins']);
    expect(turns.isBusy).toBe(true);
    one.end();
    three.end();
    await Promise.all([first, third]);
    expect(log).toEqual(['one begins', 'one ends', 'three begins', 'three ends']);
  });
});
