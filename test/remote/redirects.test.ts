import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { refuseRedirects, scopeHeaders, scopeHeaderVariables } from '../../src/git/header-scope.ts';
import { callWebhook } from '../../src/notify/webhook.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { HttpClient } from '../../src/platform/http-client.ts';
import { createAsk } from '../../src/relay/answers/asking.ts';
import { Reports } from '../../src/relay/client/reports.ts';
import { SseFeed } from '../../src/relay/client/sse-feed.ts';
import { askPassword } from '../../src/remote/askpass.ts';
import { gitHubApp } from '../../src/remote/github-app.ts';
import { readHttpSettings } from '../../src/remote/http-settings.ts';
import { askParty } from '../../src/remote/identity/party.ts';
import { httpStub } from '../kit/http-stub.ts';
import { REPOSITORY } from '../kit/relay-fakes.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { git } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

const signal = new AbortController().signal;

/** A server that redirects to another one. */
async function setUp(status: number) {
  const second = await httpStub((_request, response) => void response.end('username=a\npassword=b\n'));
  const first = await httpStub(
    ({ path }, response) => void response.writeHead(status, { location: `${second.url}${path}` }).end(),
  );
  return { first, second };
}

describe('services that are no git servers', () => {
  const statuses = [301, 302, 303, 307, 308];

  test.each(statuses)(
    'askpass, webhook, GitHub, identities and receivers of answers: %d is an answer, and nothing is sent after it',
    async (status) => {
      const { first, second } = await setUp(status);
      const http = new HttpClient({});
      const withPassword = first.url.replace('://', '://user:s3cret@');
      await expect(askPassword(`${withPassword}/ask`, http, signal)).rejects.toThrow(`status ${status}`);
      const hook = { url: `${withPassword}/hook`, method: 'POST', successStatus: 200, timeoutMs: 5000, sendHash: true };
      await expect(callWebhook(hook as never, http, { oid: 'x' } as never, signal)).rejects.toThrow(`status ${status}`);
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      const app = { baseUrl: first.url, issuer: '1', installationId: 1, privateKey: pem, privateKeyFile: undefined };
      await expect(gitHubApp(app, http, systemClock).obtain(signal)).rejects.toThrow(`status ${status}`);
      const question = { party: 'p', method: 'GET', url: `${first.url}/token`, hint: '' } as const;
      const headers = { authorization: 'Bearer s3cret' };
      await expect(askParty({ ...question, headers }, http, 0, signal)).rejects.toThrow(`status ${status}`);
      const hints = { 401: '', 403: '', 404: '', other: '' };
      const ask = createAsk({ http, clock: systemClock, authorize: async () => headers, hints }, signal);
      await expect(ask({ method: 'POST', url: `${first.url}/hook` })).rejects.toThrow(`status ${status}`);
      expect(first.requests.map((request) => request.headers.authorization !== undefined)).toEqual(Array(5).fill(true));
      expect(second.requests).toEqual([]);
    },
  );

  test.each(statuses)('the stream of a relay and reports to it: %d leads nowhere', async (status) => {
    const { first, second } = await setUp(status);
    const settings = readHttpSettings(new URL(first.url), [], {});
    const shared = { url: first.url, settings, token: async () => 's3cret', clock: systemClock, log: silentLog };
    const feed = new SseFeed({
      ...shared,
      ...{
        repository: REPOSITORY,
        wanted: { names: [], newest: undefined },
        report: () => undefined,
        agent: 'test',
        random: () => 0,
      },
    });
    const reports = new Reports({ ...shared, instance: 'a' });
    reports.opened();
    onTestFinished(() => {
      feed.close();
      reports.close();
    });
    reports.published({ ref: 'refs/heads/main', oid: '1'.repeat(40) } as never);
    await until('both have asked', () => new Set(first.requests.map(({ path }) => path.split('?')[0])).size === 2);
    await until('the stream is given up', () => feed.trouble !== undefined);
    expect(second.requests).toEqual([]);
  });
});

describe('headers that name no URL', () => {
  const settings = [
    { key: 'http.extraHeader', value: 'A: 1' },
    { key: 'HTTP.EXTRAHEADER', value: 'B: 2' },
    { key: 'http.https://other.example/.extraHeader', value: 'C: 3' },
    { key: 'http.sslCAInfo', value: '/ca' },
  ];
  const scoped = scopeHeaders(settings, 'https://git.example:8443');
  const headers = (url: string) => readHttpSettings(new URL(url), scoped, {}).extraHeaders;

  test('are for the repository’s server: a relay is not shown them, nor another port or scheme', () => {
    expect(headers('https://git.example:8443/a/b.git')).toEqual(['A: 1', 'B: 2']);
    for (const url of [
      'https://relay.example/',
      'https://git.example/',
      'http://git.example:8443/',
      'https://x.git.example:8443/',
    ])
      expect(headers(url)).toEqual([]);
    expect(headers('https://other.example/')).toEqual(['C: 3']);
  });

  test('in variables too, whatever their number; other variables stay', () => {
    const env = {
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'http.extraheader',
      GIT_CONFIG_KEY_1: 'http.proxy',
      HOME: '/x',
    };
    expect(scopeHeaderVariables(env, 'https://h')).toEqual({ ...env, GIT_CONFIG_KEY_0: 'http.https://h/.extraHeader' });
  });

  test('git follows no redirect from where a header, a cookie or a certificate belongs to, and all others as ever', () => {
    const origin = 'https://h';
    const of = (given: string[], env = {}) =>
      refuseRedirects({ settings: given.map((key) => ({ key, value: 'x' })), env, origin }).map(({ key }) => key);
    expect(of(['http.sslCAInfo', 'http.proxy'])).toEqual([]);
    expect(of(['http.https://a/b.extraHeader', 'http.https://a/b.sslCert'])).toEqual([
      'http.https://a/b.followRedirects',
    ]);
    expect(of(['http.cookieFile'])).toEqual(['http.https://h/.followRedirects']);
    expect(of(['http.https://h/.pinnedPubkey'])).toEqual(['http.https://h/.followRedirects']);
    expect(of([], { GIT_SSL_CERT: '/c' })).toEqual(['http.https://h/.followRedirects']);
    expect(of([], { GIT_CONFIG_KEY_3: 'http.https://v/.extraHeader' })).toEqual(['http.https://v/.followRedirects']);
    expect(of(['http.extraHeader'])).toEqual(['http.followRedirects']);
  });
});

describe('git-lfs, which follows redirects by itself', () => {
  test('leaves out Authorization on another server', async ({ skip }) => {
    if (missing('git-lfs')) skip();
    const data = 'large\n';
    const oid = createHash('sha256').update(data).digest('hex');
    const second = await httpStub((_request, response) => void response.end(data));
    const first = await httpStub(({ path, headers }, response) => {
      const href = `http://${headers.host}/object`;
      const objects = [{ oid, size: data.length, actions: { download: { href } } }];
      if (path === '/object') response.writeHead(302, { location: `${second.url}/object` }).end();
      else {
        response.setHeader('content-type', 'application/vnd.git-lfs+json');
        response.end(JSON.stringify({ transfer: 'basic', objects }));
      }
    });
    const dir = tempDir();
    git(dir, 'init', '-q');
    git(dir, 'remote', 'add', 'origin', `${first.url}/repo.git`);
    const setting = `http.${first.url}/.extraHeader=Authorization: Bearer s3cret`;
    const done = promisify(execFile)('git', ['-c', setting, 'lfs', 'smudge'], { cwd: dir, timeout: 30_000 });
    done.child.stdin?.end(`version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${data.length}\n`);
    expect((await done).stdout).toBe(data);
    expect(first.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer s3cret', 'Bearer s3cret']);
    expect(second.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});
