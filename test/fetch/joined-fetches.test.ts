import { describe, expect, test } from 'vitest';
import { JoinedFetches, type JoinedOutcome } from '../../src/fetch/joined-fetches.ts';

const never = new AbortController().signal;
const turn = async (): Promise<void> => await new Promise((done) => setImmediate(done));

/** A git server that answers when it is let, and notes who asked for what. */
class Server {
  readonly fetches: { readonly by: string; readonly wishes: readonly string[] }[] = [];
  readonly joined = new JoinedFetches<string, string>();
  failing: ((by: string, wish: string) => Error | undefined) | undefined;
  broken: ((by: string) => Error | undefined) | undefined;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;

  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  release(): void {
    this.#open();
    this.#gate = Promise.resolve();
  }

  async want(wish: string, signal = new AbortController().signal): Promise<string> {
    return await this.joined.join(wish, async (wishes) => await this.#fetch(wish, wishes, signal), signal);
  }

  async #fetch(by: string, wishes: readonly string[], signal: AbortSignal): Promise<JoinedOutcome<string, string>> {
    this.fetches.push({ by, wishes });
    await Promise.race([this.#gate, new Promise((done) => signal.addEventListener('abort', done))]);
    if (signal.aborted) throw new Error('it was interrupted');
    const broken = this.broken?.(by);
    if (broken) throw broken;
    return {
      results: new Map(
        wishes.map((wish) => {
          const error = this.failing?.(by, wish);
          return [wish, error ? { error } : { result: `got ${wish}` }];
        }),
      ),
    };
  }
}

describe('fetches that are joined', () => {
  test('the first begins at once, and all that come while it is under way are served by the next one', async () => {
    const server = new Server();
    server.hold();
    const first = server.want('a');
    await turn();
    const others = ['b', 'c', 'd'].map((wish) => server.want(wish));
    await turn();
    expect(server.fetches).toEqual([{ by: 'a', wishes: ['a'] }]);
    server.release();
    expect(await Promise.all([first, ...others])).toEqual(['got a', 'got b', 'got c', 'got d']);
    expect(server.fetches.slice(1)).toEqual([{ by: 'b', wishes: ['b', 'c', 'd'] }]);
  });

  test('all that come in the same instant are served by one', async () => {
    const server = new Server();
    await Promise.all(['a', 'b', 'c'].map((wish) => server.want(wish)));
    expect(server.fetches).toEqual([{ by: 'a', wishes: ['a', 'b', 'c'] }]);
  });

  test('one that gives up while it fetches for others leaves them to the next of them', async () => {
    const server = new Server();
    const impatient = new AbortController();
    server.hold();
    const first = server.want('a', impatient.signal);
    const others = ['b', 'c'].map((wish) => server.want(wish));
    await turn();
    impatient.abort(new Error('stopped'));
    await expect(first).rejects.toThrow('stopped');
    server.release();
    expect(await Promise.all(others)).toEqual(['got b', 'got c']);
    expect(server.fetches.slice(1)).toEqual([{ by: 'b', wishes: ['b', 'c'] }]);
  });

  test('one that gives up while it waits is not fetched for', async () => {
    const server = new Server();
    const impatient = new AbortController();
    server.hold();
    const first = server.want('a');
    await turn();
    const second = server.want('b', impatient.signal);
    const third = server.want('c');
    impatient.abort(new Error('stopped'));
    await expect(second).rejects.toThrow('stopped');
    server.release();
    expect(await Promise.all([first, third])).toEqual(['got a', 'got c']);
    expect(server.fetches.slice(1)).toEqual([{ by: 'c', wishes: ['c'] }]);
  });

  test('what is missing for one is no failure of the others', async () => {
    const server = new Server();
    server.failing = (_by, wish) => (wish === 'b' ? new Error('there is no b') : undefined);
    const [a, b, c] = await Promise.allSettled(['a', 'b', 'c'].map((wish) => server.want(wish)));
    expect(a).toMatchObject({ value: 'got a' });
    expect(b).toMatchObject({ reason: new Error('there is no b') });
    expect(c).toMatchObject({ value: 'got c' });
  });

  test('what is wrong with the one that fetches is no failure of the others, which try once themselves', async () => {
    const server = new Server();
    server.broken = (by) => (by === 'a' ? new Error('a is ill') : undefined);
    const [a, b, c] = await Promise.allSettled(['a', 'b', 'c'].map((wish) => server.want(wish)));
    expect(a).toMatchObject({ reason: new Error('a is ill') });
    expect(b).toMatchObject({ value: 'got b' });
    expect(c).toMatchObject({ value: 'got c' });
    expect(server.fetches).toHaveLength(2);
  });

  test('a server that is down is asked twice for all, and not once for each', async () => {
    const server = new Server();
    server.broken = () => new Error('down');
    const all = await Promise.allSettled(Array.from({ length: 20 }, (_each, index) => server.want(`${index}`)));
    expect(all.every(({ status }) => status === 'rejected')).toBe(true);
    expect(server.fetches).toHaveLength(2);
  });

  test('other work on the repository waits for the fetch, and the next fetch for that', async () => {
    const server = new Server();
    const log: string[] = [];
    server.hold();
    const fetch = server.want('a').then(() => log.push('fetched a'));
    await turn();
    expect(server.joined.isBusy).toBe(true);
    const alone = server.joined.alone(async () => {
      await turn();
      log.push('worked alone');
    }, never);
    const next = server.want('b').then(() => log.push('fetched b'));
    server.release();
    await Promise.all([fetch, alone, next]);
    expect(log).toEqual(['fetched a', 'worked alone', 'fetched b']);
    expect(server.joined.isBusy).toBe(false);
  });
});
