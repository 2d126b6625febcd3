import { describe, expect, test } from 'vitest';
import { proxyFor } from '../../src/platform/proxy.ts';
import { cookieHeader } from '../../src/remote/cookies.ts';
import { readHttpSettings, UnsupportedHttpSetting } from '../../src/remote/http-settings.ts';

const url = new URL('https://git.example.com/team/repo.git');
const read = (settings: Record<string, string> | [string, string][], env: Record<string, string> = {}) =>
  readHttpSettings(
    url,
    (Array.isArray(settings) ? settings : Object.entries(settings)).map(([key, value]) => ({ key, value })),
    env,
  );

describe('git’s http settings', () => {
  test('defaults', () => {
    expect(read({})).toEqual({
      verify: true,
      caFile: undefined,
      clientCertificate: undefined,
      proxy: undefined,
      extraHeaders: [],
      cookieFile: undefined,
      userAgent: undefined,
      followRedirects: 'initial',
    });
  });

  test('pinned keys are read as curl reads them; a file of one is left to git', () => {
    const [one, two] = ['A', 'B'].map((letter) => `sha256//${letter.repeat(43)}=`);
    expect(read({ 'http.https://git.example.com/.pinnedPubkey': `${one};${two}` }).pins).toEqual([one, two]);
    expect(read({ 'http.https://other.example/.pinnedPubkey': `${one}` }).pins).toBeUndefined();
    expect(() => read({ 'http.pinnedPubkey': '/etc/key.pem' })).toThrow(UnsupportedHttpSetting);
  });

  test('variables beat settings, a section for the URL beats the general one', () => {
    expect(
      read({
        'http.sslCAInfo': '/a',
        'http.https://git.example.com/team.sslCAInfo': '/b',
        'http.https://git.example.com/other.sslCAInfo': '/c',
      }).caFile,
    ).toBe('/b');
    expect(read({ 'http.sslCAInfo': '/a' }, { GIT_SSL_CAINFO: '/env' }).caFile).toBe('/env');
    expect(read({}, { GIT_SSL_NO_VERIFY: '1' }).verify).toBe(false);
    expect(read({ 'http.sslVerify': 'false' }).verify).toBe(false);
    expect(read({ 'HTTP.SSLCert': '/c', 'http.sslKey': '/k' }).clientCertificate).toEqual({
      certFile: '/c',
      keyFile: '/k',
    });
  });

  test('extra headers add up, an empty one clears them', () => {
    expect(
      read([
        ['http.extraHeader', 'A: 1'],
        ['http.extraHeader', 'B: 2'],
      ]).extraHeaders,
    ).toEqual(['A: 1', 'B: 2']);
    expect(
      read([
        ['http.extraHeader', 'A: 1'],
        ['http.extraHeader', ''],
        ['http.extraHeader', 'B: 2'],
      ]).extraHeaders,
    ).toEqual(['B: 2']);
  });

  test.each([
    [{ 'http.sslVersion': 'tlsv1.2' }, {}],
    [{ 'http.https://*.example.com.sslVerify': 'false' }, {}],
    [{ 'http.curloptResolve': 'x' }, {}],
    [{ 'url.ssh://git@h/.insteadOf': 'https://git.example.com/' }, {}],
    [{}, { GIT_SSL_CAPATH: '/x' }],
    [{ 'http.proxy': 'socks5://p' }, {}],
  ])('what only git can honour is left to git: %j %j', (settings, env) => {
    expect(() => read(settings as Record<string, string>, env as Record<string, string>)).toThrow(
      UnsupportedHttpSetting,
    );
  });

  test('settings of other URLs and of other kinds do not matter', () => {
    expect(() =>
      read({
        'http.https://elsewhere/.sslVersion': 'x',
        'core.compression': '1',
        'http.postBuffer': '1',
        'url.x.insteadOf': 'nick:',
      }),
    ).not.toThrow();
  });
});

describe('the proxy', () => {
  test.each([
    [{ https_proxy: 'http://p:1' }, 'http://p:1'],
    [{ HTTPS_PROXY: 'p:2' }, 'http://p:2'],
    [{ http_proxy: 'http://p:1' }, undefined],
    [{ all_proxy: 'http://p:3' }, 'http://p:3'],
    [{ https_proxy: 'http://p', no_proxy: 'example.com' }, undefined],
    [{ https_proxy: 'http://p', NO_PROXY: '.example.com,x' }, undefined],
    [{ https_proxy: 'http://p', no_proxy: 'ample.com' }, 'http://p'],
    [{ https_proxy: 'http://p', no_proxy: '*' }, undefined],
    [{ https_proxy: 'http://p', no_proxy: 'git.example.com:8443' }, 'http://p'],
    [{ https_proxy: 'http://p', no_proxy: 'git.example.com:443' }, undefined],
    [{ https_proxy: '' }, undefined],
  ])('%j', (env, expected) => expect(proxyFor(url, undefined, env as Record<string, string>)).toBe(expected));

  test('http.proxy beats the variables; networks in no_proxy; HTTP_PROXY in capitals is not read', () => {
    expect(proxyFor(url, 'http://mine', { https_proxy: 'http://p' })).toBe('http://mine');
    expect(
      proxyFor(new URL('http://10.1.2.3/x'), undefined, { http_proxy: 'http://p', no_proxy: '10.0.0.0/8' }),
    ).toBeUndefined();
    expect(
      proxyFor(new URL('http://11.1.2.3/x'), undefined, { http_proxy: 'http://p', no_proxy: '10.0.0.0/8,fd00::/8' }),
    ).toBe('http://p');
    expect(proxyFor(new URL('http://h/x'), undefined, { HTTP_PROXY: 'http://p' })).toBeUndefined();
  });
});

describe('cookies', () => {
  const line = (...fields: string[]) => fields.join('\t');
  const text = [
    '# Netscape HTTP Cookie File',
    line('.example.com', 'TRUE', '/', 'FALSE', '0', 'a', '1'),
    line('#HttpOnly_git.example.com', 'FALSE', '/team', 'TRUE', '0', 'b', '2'),
    line('git.example.com', 'FALSE', '/', 'FALSE', '1', 'old', 'x'),
    line('other.com', 'FALSE', '/', 'FALSE', '0', 'c', '3'),
  ].join('\n');

  test('those of the host, the path and the scheme that have not expired', () => {
    expect(cookieHeader(text, url, Date.now())).toBe('a=1; b=2');
    expect(cookieHeader(text, new URL('http://git.example.com/team/x'), Date.now())).toBe('a=1');
    expect(cookieHeader(text, new URL('https://example.org/'), Date.now())).toBeUndefined();
  });
});
