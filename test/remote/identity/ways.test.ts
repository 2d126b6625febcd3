import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../../src/config/build-config.ts';
import { load } from '../../../src/config/load.ts';
import { HttpClient } from '../../../src/platform/http-client.ts';
import { createProcessRunner } from '../../../src/platform/process/runner.ts';
import { Redactor } from '../../../src/platform/redact.ts';
import { CredentialSource } from '../../../src/remote/credential-source.ts';
import type { IdentityConfig } from '../../../src/remote/identity/identity-config.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { httpStub } from '../../kit/http-stub.ts';
import { silentLog } from '../../kit/silent-log.ts';
import { tempDir } from '../../kit/temp.ts';

const { signal } = new AbortController();
const REPO = 'https://git.test/app.git';

function open(args: readonly string[], env: Readonly<Record<string, string>> = {}, identity?: IdentityConfig) {
  const built = buildSyncConfig(load('sync', [`--repo=${REPO}`, '--root=/git', ...args], env).settings, env);
  const config = identity ? { ...built, identity } : built;
  const redactor = new Redactor();
  const counted: string[] = [];
  const clock = new HandClock();
  const source = new CredentialSource({
    ...{ config, clock, redactor, random: () => 0, log: silentLog, runner: createProcessRunner() },
    http: new HttpClient(config.environment),
    helperEnvironment: () => ({ PATH: process.env.PATH ?? '' }),
    onAskpass: () => undefined,
    onGithubToken: () => undefined,
    onIdentity: (name, ok) => void counted.push(`${name} ${ok}`),
  });
  return { source, redactor, counted, clock };
}

describe('a proxy of the environment', () => {
  const answer = JSON.stringify({ access_token: 'S3cret', expires_in: 3600 });

  test('is used for a party somewhere else', async () => {
    const proxy = await httpStub((_request, response) => void response.end(answer));
    const tokenFile = join(tempDir(), 'token');
    writeFileSync(tokenFile, 'proof');
    const where = ['--identity-endpoint=http://exchange.test/token', `--identity-token-file=${tokenFile}`];
    const { source } = open(['--identity=exchange', ...where], { HTTP_PROXY: proxy.url });
    expect(await source.read(signal)).toEqual([{ url: REPO, username: 'oauth2', password: 'S3cret' }]);
    expect(proxy.requests[0]?.path).toBe('http://exchange.test/token');
  });

  /** An address of this machine that proxies are used for, unlike 127.0.0.1. */
  const here = (url: string): string => url.replace('127.0.0.1', '0.0.0.0');
  const answers: Readonly<Record<string, (url: string) => IdentityConfig>> = {
    azure: (endpoint) => ({
      ...{ kind: 'azure', tokenFile: undefined, tenantId: '', clientId: '', scope: 's', username: 'oauth2' },
      endpoint,
    }),
    google: (metadataUrl) => ({ kind: 'google', credentialsFile: undefined, metadataUrl, scope: '', username: 'u' }),
    aws: (url) => ({ kind: 'aws', keys: { from: 'container', url }, region: 'r', stsUrl: undefined }),
  };

  test.each(Object.keys(answers))(
    'is not used for the metadata service of %s, which belongs to this machine',
    async (name) => {
      const proxy = await httpStub((_request, response) => void response.end(answer));
      const keys = { AccessKeyId: 'k', SecretAccessKey: 's', Token: 't', Expiration: '2100-01-01T00:00:00Z' };
      const service = await httpStub(
        (_request, response) => void response.end(name === 'aws' ? JSON.stringify(keys) : answer),
      );
      const { source } = open([], { HTTP_PROXY: proxy.url, http_proxy: proxy.url }, answers[name]?.(here(service.url)));
      expect(await source.read(signal)).toHaveLength(1);
      expect([proxy.requests.length, service.requests.length]).toEqual([0, 1]);
    },
  );
});

describe('credentials from several places', () => {
  const helper = '--credential-helper=!f() { echo username=h; echo password=from-helper; }; f';

  test('a helper is asked once, and its password is hidden from the log', async () => {
    const { source, redactor, counted } = open([helper]);
    await source.read(signal);
    expect(await source.read(signal)).toEqual([{ url: REPO, username: 'h', password: 'from-helper' }]);
    expect(counted).toEqual(['credential-helper true']);
    expect(redactor.redact('got from-helper')).not.toContain('from-helper');
  });

  test.each([
    ['--username', ['--username=u', '--password=p']],
    ['--credential', ['--credential={"url":"https://git.test/","username":"u","password":"p"}']],
  ])('no helper is asked where %s gives a password for the server', async (_name, args) => {
    const { source, counted } = open([helper, ...args]);
    expect(await source.read(signal)).toMatchObject([{ username: 'u', password: 'p' }]);
    expect(counted).toEqual([]);
  });

  test('a helper is asked where --credential is for another server', async () => {
    const { source } = open([helper, '--credential={"url":"https://other.test/","username":"u","password":"p"}']);
    expect((await source.read(signal)).map(({ url, username }) => `${username} ${url}`)).toEqual([
      'u https://other.test/',
      `h ${REPO}`,
    ]);
  });

  test('the refusal of another server forgets nothing', async () => {
    const { source, clock } = open([helper]);
    expect(source.refused(REPO)).toBe(false);
    await source.read(signal);
    await clock.advance(10_000);
    expect(source.refused('https://other.test/app.git')).toBe(false);
    expect(source.refused('https://git.test/lib.git')).toBe(true);
  });
});
