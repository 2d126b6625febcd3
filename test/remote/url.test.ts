import { describe, expect, test } from 'vitest';
import { parseRemoteUrl } from '../../src/remote/url.ts';

describe('repository URLs', () => {
  test.each([
    ['https://h/x.git', 'http', 'https://h/x.git', 'h'],
    ['http://h:8080/x', 'http', 'http://h:8080/x', 'h:8080'],
    ['ssh://git@h:22/x', 'ssh', 'ssh://git@h:22/x', 'h:22'],
    ['git@h:team/x.git', 'ssh', 'git@h:team/x.git', 'h'],
    ['h:x', 'ssh', 'h:x', 'h'],
    ['git://h/x', 'git', 'git://h/x', 'h'],
    ['file:///x', 'file', 'file:///x', undefined],
    ['/x/y', 'file', '/x/y', undefined],
    ['./a:b', 'file', './a:b', undefined],
    ['../x', 'file', '../x', undefined],
    ['git@[::1]:x', 'ssh', 'git@[::1]:x', '[::1]'],
  ])('%s', (text, transport, fetchUrl, host) =>
    expect(parseRemoteUrl(text)).toMatchObject({ transport, fetchUrl, host }),
  );

  test('http userinfo is taken out and decoded; a user alone has an empty password', () => {
    expect(parseRemoteUrl('https://me:p%40ss@h/x')).toMatchObject({
      fetchUrl: 'https://h/x',
      shownUrl: 'https://h/x',
      userinfo: { username: 'me', password: 'p@ss' },
    });
    expect(parseRemoteUrl('https://token@h/x').userinfo).toEqual({ username: 'token', password: '' });
  });
});
