import { expect, test } from 'vitest';
import { withConnectionClose } from '../../src/run/closing-head.ts';

const CASES: readonly [string, string, string | undefined][] = [
  ['a head', 'HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody', 'HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\nbody'],
  [
    'keep-alive is replaced',
    'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n',
  ],
  ['half a head', 'HTTP/1.1 200 OK\r\nA: b\r\n', undefined],
  ['half a status line', 'HTT', undefined],
  ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n', 'SSH-2.0-OpenSSH\r\n\r\n'],
  [
    'a switch of protocols',
    'HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\nx',
    'HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\nx',
  ],
  ['an interim answer alone', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 100 Continue\r\n\r\n'],
  [
    'an interim answer and the real one',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nConnection: close\r\n\r\n',
  ],
  ['an interim answer and half of the real one', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204', undefined],
];

test.each(CASES)('the last answer of a connection: %s', (_name, head, expected) => {
  expect(withConnectionClose(Buffer.from(head, 'latin1'))?.toString('latin1')).toBe(expected);
});
