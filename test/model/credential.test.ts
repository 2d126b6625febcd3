import { describe, expect, test } from 'vitest';
import { credentialFor } from '../../src/model/credential.ts';

const of = (url: string, username = url) => ({ url, username, password: 'p' });

describe('choosing a credential', () => {
  const host = of('https://h');
  const path = of('https://h/team/repo');
  const other = of('https://other/');

  test.each([
    ['https://h/team/repo', path],
    ['https://h/team/repo/info/refs?service=x', path],
    ['https://h/team/repository', host],
    ['https://h/else', host],
    ['https://user@h/team/repo', path],
    ['https://H/x', host],
    ['https://other/x', other],
  ])('%s', (url, expected) => expect(credentialFor(url, [host, path, other])).toBe(expected));

  test('none for a host that has none, another port or another scheme', () => {
    for (const url of ['https://h2/', 'https://h:8443/', 'http://h/'])
      expect(credentialFor(url, [host, path])).toBeUndefined();
  });

  test('of equally specific ones the last; on a host with path credentials only, any of that host', () => {
    expect(credentialFor('https://h/x', [of('https://h', 'a'), of('https://h', 'b')])?.username).toBe('b');
    expect(credentialFor('https://h/x', [path])).toBe(path);
  });
});
