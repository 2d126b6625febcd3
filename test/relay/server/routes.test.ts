import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { eventsRoute } from '../../../src/relay/server/routes.ts';
import { WHOLE_VIEW } from '../../../src/relay/server/streams/ref-view.ts';

/** A promise that is settled from outside. */
function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((done, fail) => {
    [resolve, reject] = [done, fail];
  });
  return { promise, resolve, reject };
}

/** The route with a hub that takes its time to prepare refs, behind a real HTTP server. */
async function serve(slow: 'before the head' | 'behind the head') {
  const follower = { upstream: { name: 'git.test/app' }, isKnown: true };
  const place = { whenOver: () => undefined, pass: () => undefined };
  const principal = { id: 'someone', viewOf: () => WHOLE_VIEW };
  const subscribed = vi.fn();
  const waiting = deferred<() => void>();
  let prepared = 0;
  const prepareFor = async (): Promise<void> => {
    prepared += 1;
    if (prepared === (slow === 'before the head' ? 1 : 2)) await new Promise<void>(waiting.resolve);
  };
  const { answer } = eventsRoute({
    doorkeeper: { identify: () => principal, admit: async () => follower },
    repositories: { peek: () => follower },
    hub: { reserve: () => place, prepareFor, mayFollow: () => true, subscribe: subscribed },
    fleet: {},
    keys: {},
    rollouts: { whenDecided: async () => undefined, viewOf: () => WHOLE_VIEW },
    onRefused: () => undefined,
  } as never);
  const left = deferred<void>();
  const done = deferred<void>();
  const server = createServer((request, response) => {
    response.once('close', () => left.resolve());
    answer(new URL(request.url ?? '', 'http://relay.test'), request, response).then(() => done.resolve(), done.reject);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  socket.write('GET /events?repo=git.test/app HTTP/1.1\r\nhost: relay\r\n\r\n');
  return { socket, subscribed, left: left.promise, done: done.promise, goOn: await waiting.promise };
}

test.each(['before the head', 'behind the head'] as const)(
  'a client that leaves while very many refs are prepared, %s of its stream, joins nothing',
  async (slow) => {
    const { socket, subscribed, left, done, goOn } = await serve(slow);
    socket.destroy();
    await left;
    // The stream has its socket from the server: it notices a little later that the client has gone.
    await new Promise((next) => setTimeout(next, 50));
    goOn();
    await done;
    expect(subscribed).not.toHaveBeenCalled();
  },
);

test('a client that waits for its refs joins', async () => {
  const { socket, subscribed, done, goOn } = await serve('behind the head');
  goOn();
  await done;
  expect(subscribed).toHaveBeenCalledOnce();
  socket.destroy();
});
