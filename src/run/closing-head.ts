/** A longer head is passed on as it is. */
const LONGEST_HEAD = 64 * 1024;

/**
 * Says in the head of an HTTP/1 answer that the connection is closed behind it (RFC 9112, 9.6), so that the client
 * sends no further request on it.
 *
 * @param bytes from the beginning of an answer on
 * @returns the bytes to pass on; undefined as long as the head is not complete
 */
export function withConnectionClose(bytes: Buffer): Buffer | undefined {
  const text = bytes.toString('latin1', 0, LONGEST_HEAD);
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1];
  const isPossible = status !== undefined || (bytes.length < 12 && 'HTTP/1.'.startsWith(text.slice(0, 7)));
  if (!isPossible || status === '101') return bytes;
  const end = /\r?\n\r?\n/.exec(text);
  if (!end) return bytes.length >= LONGEST_HEAD ? bytes : undefined;
  const bodyAt = end.index + end[0].length;
  // An interim answer (100, 103) comes before the real one.
  if (status?.startsWith('1')) {
    const rest = bytes.length === bodyAt ? Buffer.alloc(0) : withConnectionClose(bytes.subarray(bodyAt));
    return rest && Buffer.concat([bytes.subarray(0, bodyAt), rest]);
  }
  const lines = text.slice(0, end.index).split(/\r?\n/);
  const kept = lines.filter((line) => !/^(?:connection|keep-alive)\s*:/i.test(line));
  const head = Buffer.from(`${[...kept, 'Connection: close'].join('\r\n')}\r\n\r\n`, 'latin1');
  return Buffer.concat([head, bytes.subarray(bodyAt)]);
}
