import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { deadline } from '../../src/platform/deadline.ts';
import { delay } from '../peers/wait.ts';

describe('a deadline', () => {
  test('fires with its parent, with the parent’s reason', () => {
    const parent = new AbortController();
    const { signal } = deadline(parent.signal, undefined);
    parent.abort(new Error('enough'));
    expect(signal.reason).toEqual(new Error('enough'));
    expect(deadline(parent.signal, 1000).signal.aborted).toBe(true);
  });

  test('fires when time is up, as a TimeoutError', async () => {
    const limit = deadline(new AbortController().signal, 10);
    await delay(40);
    expect(limit.signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  test('is put off as long as more time is granted, and never brought forward', async () => {
    const limit = deadline(new AbortController().signal, 60_000);
    limit.grant(1);
    await delay(30);
    expect(limit.signal.aborted).toBe(false);
    limit.end();
    const short = deadline(new AbortController().signal, 30);
    short.grant(60_000);
    await delay(60);
    expect(short.signal.aborted).toBe(false);
    short.end();
    expect(short.signal.reason).toMatchObject({ name: 'AbortError' });
  });

  test('of months does not fire at once', async () => {
    const limit = deadline(new AbortController().signal, 1000 * 3600_000);
    await delay(20);
    expect(limit.signal.aborted).toBe(false);
    limit.dispose();
  });

  test('leaves nothing in its parent once disposed', async () => {
    const parent = new AbortController();
    for (let times = 0; times < 100; times += 1) deadline(parent.signal, 10).dispose();
    expect(getEventListeners(parent.signal, 'abort')).toEqual([]);
    await delay(30);
  });
});
