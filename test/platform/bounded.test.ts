import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { bounded, releasable, settledWithin } from '../../src/platform/bounded.ts';

const never = new Promise<never>(() => undefined);

describe('a bounded wait', () => {
  test('ends with its signal, whatever it waits for', async () => {
    const stop = new AbortController();
    const waiting = bounded(never, stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(bounded(never, stop.signal)).rejects.toThrow('enough');
  });

  test('gives what came before the signal, and leaves nothing in it', async () => {
    const { signal } = new AbortController();
    expect(await bounded(Promise.resolve(1), signal)).toBe(1);
    await expect(bounded(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('a time limit says whether it was kept', async () => {
    expect([await settledWithin(never, 5), await settledWithin(Promise.reject(new Error('no')), 5000)]).toEqual([
      false,
      true,
    ]);
  });
});

describe('items that can be released', () => {
  test('are released while the next one has not come', async () => {
    let released = false;
    async function* source() {
      yield 1;
      await never;
    }
    const items = releasable(source(), () => {
      released = true;
    });
    expect(await items.next()).toEqual({ done: false, value: 1 });
    void items.next();
    await items.return?.();
    expect(released).toBe(true);
    expect(await items.next()).toEqual({ done: true, value: undefined });
  });
});
