import { describe, expect, test } from 'vitest';
import { LenientAnswer, MalformedAnswer } from '../../src/platform/lenient-answer.ts';

interface Read {
  readonly status: number | undefined;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Reads an answer that comes in pieces of `size` bytes and ends the connection. */
function read(text: string, size: number, method = 'GET'): Read {
  const bytes = Buffer.from(text, 'latin1');
  const answer = new LenientAnswer(method);
  for (let at = 0; at < bytes.length; at += size) answer.push(bytes.subarray(at, at + size));
  answer.end();
  const { head, body } = answer;
  return { status: head?.status, headers: Object.fromEntries(head?.headers ?? []), body: body.toString('latin1') };
}

/** What Go's net/http reads, and so git-sync's hooks and credential URLs do. */
const ACCEPTED: readonly [string, string, string][] = [
  ['as the standard says', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 'ok'],
  ['lines that end with LF alone', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', 'ok'],
  ['both line ends in one head', 'HTTP/1.1 200 OK\r\nA: b\nContent-Length: 2\r\n\nok', 'ok'],
  ['HTTP/1.0, no header, the body ends with the connection', 'HTTP/1.0 200 OK\n\nusername=a\n', 'username=a\n'],
  ['no reason', 'HTTP/1.1 200\nContent-Length: 2\n\nok', 'ok'],
  ['no reason, and the blank before it', 'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok', 'ok'],
  ['two blanks before the status', 'HTTP/1.1  200 OK\nContent-Length: 2\n\nok', 'ok'],
  ['lower-case names, no blank before the value', 'HTTP/1.1 200 OK\ncontent-length:2\n\nok', 'ok'],
  ['blanks around the value', 'HTTP/1.1 200 OK\nContent-Length: \t 2 \n\nok', 'ok'],
  ['a blank behind the name', 'HTTP/1.1 200 OK\nX-A : b\nContent-Length: 2\n\nok', 'ok'],
  ['a header without a name', 'HTTP/1.1 200 OK\n: b\nContent-Length: 2\n\nok', 'ok'],
  ['a folded header', 'HTTP/1.1 200 OK\nX-A: a\n\t b\nContent-Length: 2\n\nok', 'ok'],
  ['bytes that are no ASCII', 'HTTP/1.1 200 Gr\xfc\xdfe\nX-\xe4: \xfc\nContent-Length: 2\n\nok', 'ok'],
  ['a version that nobody has seen', 'HTTP/1.7 200 OK\nContent-Length: 2\n\nok', 'ok'],
  ['the same length twice', 'HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 2\n\nok', 'ok'],
  ['an interim answer before it', 'HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok', 'ok'],
  ['more than it announced', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nokay', 'ok'],
  ['pieces', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;x=y\r\no\r\n1\r\nk\r\n0\r\n\r\n', 'ok'],
  ['pieces whose lines end with LF', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n', 'ok'],
  [
    'pieces with blanks behind their lengths',
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2  \r\nok\r\n0 \r\n\r\n',
    'ok',
  ],
  ['pieces and a length', 'HTTP/1.1 200 OK\nContent-Length: 9\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n', 'ok'],
];

describe('an answer', () => {
  test.each(ACCEPTED)('%s', (_what, text, body) => {
    const expected = { status: 200, body };
    for (const size of [1, 7, text.length]) expect(read(text, size)).toMatchObject(expected);
  });

  test('its headers have lower-case names; of two the first is used, a folded one is one line', () => {
    const { headers } = read('HTTP/1.1 302 Found\nLocation: /a\nLOCATION: /b\nX-A: c\n d\n\n', 1);
    expect(headers).toEqual({ location: '/a', 'x-a': 'c d' });
  });

  test.each([
    ['204 has no body', 'HTTP/1.1 204 No Content\nContent-Length: 5\n\n', 'GET'],
    ['nor does that to HEAD', 'HTTP/1.1 200 OK\nContent-Length: 5\n\n', 'HEAD'],
  ])('to %s', (_what, text, method) => {
    expect(read(text, 3, method).body).toBe('');
  });

  test.each([
    ['no HTTP', 'hello\n\n'],
    ['no version', 'HTTP/1 200 OK\n\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\n\n'],
    ['a status with letters', 'HTTP/1.1 200OK\n\n'],
    ['a line without a colon', 'HTTP/1.1 200 OK\nhello\n\n'],
    ['a length that is none', 'HTTP/1.1 200 OK\nContent-Length: many\n\n'],
    ['a head without an end', 'HTTP/1.1 200 OK\nA: b\n'],
    ['less than it announced', 'HTTP/1.1 200 OK\nContent-Length: 3\n\nok'],
    ['a piece without a length', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nok\n0\n\n'],
    ['pieces without an end', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n'],
    ['nothing', ''],
  ])('%s is refused', (_what, text) => {
    expect(() => read(text, 4)).toThrow(MalformedAnswer);
  });

  test('a head that never ends is refused before it fills the memory', () => {
    const answer = new LenientAnswer('GET');
    expect(() => {
      for (;;) answer.push(Buffer.alloc(65536, 'a'));
    }).toThrow('too long');
  });
});
