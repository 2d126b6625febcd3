import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MessageTracker } from '../../src/run/http-boundary.ts';

function follow(kind: 'request' | 'response', text: string, methods: string[] = []): MessageTracker {
  const tracker = new MessageTracker(kind);
  tracker.methods.push(...methods);
  tracker.feed(Buffer.from(text));
  return tracker;
}

const facts = ({ isLost, isBetween, completed }: MessageTracker) => ({ isLost, isBetween, completed });

const REQUESTS: readonly [string, string, ReturnType<typeof facts>][] = [
  ['nothing', '', { isLost: false, isBetween: true, completed: 0 }],
  ['half a head', 'GET / HTTP/1.1\r\nHost', { isLost: false, isBetween: false, completed: 0 }],
  ['a GET', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', { isLost: false, isBetween: true, completed: 1 }],
  ['two pipelined', 'GET / HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n', { isLost: false, isBetween: true, completed: 2 }],
  ['a body', 'POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc', { isLost: false, isBetween: true, completed: 1 }],
  ['half a body', 'POST / HTTP/1.1\r\ncontent-length:3\r\n\r\nab', { isLost: false, isBetween: false, completed: 0 }],
  [
    'chunks with a trailer',
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n',
    { isLost: false, isBetween: true, completed: 1 },
  ],
  [
    'chunks without their end',
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n',
    { isLost: false, isBetween: false, completed: 0 },
  ],
  ['an upgrade', 'GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n', { isLost: true, isBetween: false, completed: 0 }],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\n\r\n', { isLost: true, isBetween: false, completed: 0 }],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', { isLost: true, isBetween: false, completed: 0 }],
  ['TLS', '\x16\x03\x01\x02\x00\n\n', { isLost: true, isBetween: false, completed: 0 }],
  [
    'two lengths',
    'POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc',
    { isLost: true, isBetween: false, completed: 0 },
  ],
];

const RESPONSES: readonly [string, string, string, ReturnType<typeof facts>][] = [
  [
    'a length',
    'GET',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    { isLost: false, isBetween: true, completed: 1 },
  ],
  ['HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', { isLost: false, isBetween: true, completed: 1 }],
  ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', { isLost: false, isBetween: true, completed: 1 }],
  [
    '304',
    'GET',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
    { isLost: false, isBetween: true, completed: 1 },
  ],
  [
    '100 and then 200',
    'PUT',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    { isLost: false, isBetween: true, completed: 1 },
  ],
  ['101', 'GET', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', { isLost: true, isBetween: false, completed: 0 }],
  ['a body until close', 'GET', 'HTTP/1.1 200 OK\r\n\r\nabc', { isLost: true, isBetween: false, completed: 0 }],
  [
    'connection: close',
    'GET',
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    { isLost: true, isBetween: false, completed: 0 },
  ],
];

describe('where HTTP messages end', () => {
  test.each(REQUESTS)('requests: %s', (_name, text, expected) => {
    const { isLost, isBetween, completed } = follow('request', text);
    expect({ isLost, completed, isBetween: isBetween && !isLost }).toEqual(expected);
  });

  test.each(RESPONSES)('responses: %s', (_name, method, text, expected) => {
    const { isLost, isBetween, completed } = follow('response', text, [method]);
    expect({ isLost, completed, isBetween: isBetween && !isLost }).toEqual(expected);
  });

  test('however the bytes are cut, the verdict is the same', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...REQUESTS.map(([, text]) => text)), { maxLength: 4 }),
        fc.array(fc.nat(30), { maxLength: 60 }),
        (texts, cuts) => {
          const bytes = Buffer.from(texts.join(''));
          const whole = new MessageTracker('request');
          whole.feed(bytes);
          const pieces = new MessageTracker('request');
          let at = 0;
          for (const cut of cuts) {
            pieces.feed(bytes.subarray(at, at + cut));
            at += cut;
          }
          pieces.feed(bytes.subarray(at));
          expect(facts(pieces)).toEqual(facts(whole));
        },
      ),
    );
  });

  test('any bytes: it says something, and is lost for ever once it is lost', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const tracker = new MessageTracker('response');
        tracker.feed(Buffer.from(bytes));
        const before = tracker.isLost;
        tracker.feed(Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'));
        if (before) expect(tracker.isLost).toBe(true);
      }),
    );
  });
});
