import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunConfig } from '../../src/config/run-config.ts';
import { SidecarError } from '../../src/model/error.ts';
import type { Oid } from '../../src/model/oid.ts';
import { callWebhook } from '../../src/notify/webhook.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { HttpClient } from '../../src/platform/http-client.ts';
import type { Logger } from '../../src/platform/log.ts';
import { createAsk } from '../../src/relay/answers/asking.ts';
import { Reports } from '../../src/relay/client/reports.ts';
import { SseFeed } from '../../src/relay/client/sse-feed.ts';
import { askPassword } from '../../src/remote/askpass.ts';
import { gitHubApp } from '../../src/remote/github-app.ts';
import { readHttpSettings } from '../../src/remote/http-settings.ts';
import { exchangeIdentity } from '../../src/remote/identity/exchange.ts';
import { UploadPack } from '../../src/remote/upload-pack.ts';
import type { Instance } from '../../src/run/instance.ts';
import { Launch } from '../../src/run/launch.ts';
import { waitUntilReady } from '../../src/run/readiness.ts';
import { failingServer, HTTP_FAILURES, type HttpFailure } from '../kit/failing-server.ts';
import { at, REPOSITORY } from '../kit/relay-fakes.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { until } from '../peers/wait.ts';

/** Long enough for any answer that comes, and what the silent server is given. */
const patience = (failure: HttpFailure): AbortSignal => AbortSignal.timeout(failure === 'timeout' ? 300 : 30_000);

/** The same where a client has a limit of its own; a busy machine takes a second to load its certificates. */
const limitFor = (failure: HttpFailure): number => (failure === 'timeout' ? 300 : 30_000);

const http = new HttpClient({});
const { oid } = at('refs/heads/main', 'a') as { oid: Oid };
const release = { id: 'a', path: '/nonexistent', digest: '', deployedAt: 0 };

/** What a person reads: the code, and the line of the log. */
interface Shown {
  readonly code: string | undefined;
  readonly text: string;
  readonly hint?: string;
}

async function failureOf(work: Promise<unknown>): Promise<Shown> {
  const error = await work.then(
    () => expect.unreachable('it has to fail'),
    (failure: unknown) => failure,
  );
  expect(error).toBeInstanceOf(SidecarError);
  const { code, message, hint } = error as SidecarError;
  return { code, text: message, hint };
}

/** A relay is asked in the background: what it could not do shows in the trouble of the feed. */
async function troubleOf(url: string, failure: HttpFailure): Promise<Shown> {
  const settings = readHttpSettings(new URL(url), [], {});
  const shared = {
    url,
    repository: REPOSITORY,
    wanted: { names: [], newest: undefined },
    settings,
    agent: 'test',
    clock: systemClock,
    log: silentLog,
  };
  const feed = new SseFeed({
    ...shared,
    token: async () => undefined,
    report: () => undefined,
    random: () => 0,
    answerMs: limitFor(failure),
  });
  try {
    const trouble = await until('the feed is in trouble', () => feed.trouble, 30_000);
    return { code: trouble.code, text: `the relay ${url}: ${trouble.detail}` };
  } finally {
    feed.close();
  }
}

/** What cannot be reported is tried again with the next stream; the log says why. */
async function reportTo(url: string, failure: HttpFailure): Promise<Shown> {
  const lines: Shown[] = [];
  const log: Logger = {
    ...silentLog,
    info: (_level, _message, { code, reason } = {}) => void lines.push({ code: String(code), text: String(reason) }),
  };
  const settings = readHttpSettings(new URL(url), [], {});
  const reports = new Reports({
    ...{ url, instance: 'one', settings, token: async () => undefined, clock: systemClock, log },
    timeoutMs: limitFor(failure),
  });
  try {
    reports.opened();
    reports.published({ ref: 'refs/heads/main', oid });
    return await until('the log says why', () => lines[0], 30_000);
  } finally {
    reports.close();
  }
}

/** How each of our HTTP clients shows the failure of the server at `url`. */
const CLIENTS: Readonly<Record<string, (url: string, failure: HttpFailure) => Promise<Shown>>> = {
  'the git server': async (url, failure) => {
    const settings = readHttpSettings(new URL(url), [], {});
    const remote = new UploadPack({ url: `${url}/app.git`, settings, agent: 'test', now: Date.now });
    const credentials = [{ url, username: 'u', password: 'p' }];
    return await failureOf(remote.discover(credentials, patience(failure)).finally(() => remote.close()));
  },
  'the stream of the relay': async (url, failure) => await troubleOf(url, failure),
  'the reports to the relay': async (url, failure) => await reportTo(url, failure),
  'the webhook': async (url, failure) => {
    const config = { url, method: 'POST', successStatus: 200, timeoutMs: 30_000, backoffMs: 1000, sendHash: true };
    return await failureOf(callWebhook(config, http, { oid, worktree: '/' }, patience(failure)));
  },
  'the askpass service': async (url, failure) => await failureOf(askPassword(url, http, patience(failure))),
  'the GitHub App': async (url, failure) => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const app = { baseUrl: url, issuer: '1', installationId: 2, privateKey: pem, privateKeyFile: undefined };
    return await failureOf(gitHubApp(app, http, systemClock).obtain(patience(failure)));
  },
  'the party of an identity': async (url, failure) => {
    const tokenFile = join(tempDir(), 'token');
    writeFileSync(tokenFile, 'token');
    const config = { kind: 'exchange', endpoint: `${url}/token`, tokenFile, username: 'u' } as const;
    const tools = { http, direct: http, clock: systemClock, learn: () => undefined };
    const identity = exchangeIdentity({ ...config, audience: '', scope: '', clientId: '' }, tools);
    return await failureOf(identity.obtain(patience(failure)));
  },
  'the receiver of an answer': async (url, failure) => {
    const hints = { 401: '', 403: '', 404: '', other: '' };
    const options = { http, clock: systemClock, authorize: async () => ({}), hints };
    return await failureOf(createAsk(options, patience(failure))({ method: 'POST', url: `${url}/hook`, body: '{}' }));
  },
  'the readiness probe': async (url, failure) => {
    const text = await waitUntilReady({ exited: new Promise(() => undefined) } as Instance, {
      checks: [{ kind: 'http', url }],
      timeoutMs: failure === 'timeout' ? 1 : 100,
      ...{ clock: systemClock, runner: undefined as never, http, env: {}, cwd: '/' },
      signal: new AbortController().signal,
    });
    return { code: undefined, text: text ?? '' };
  },
  'the reload': async (url, failure) => {
    const config = { reload: { kind: 'http', url }, readyTimeoutMs: 30_000 } as unknown as RunConfig;
    const parts = { config, stateDir: '/nonexistent', runner: undefined as never, openOutput: undefined as never };
    const launch = new Launch({
      ...parts,
      clock: systemClock,
      http,
      log: silentLog,
      hasReaders: () => false,
      redact: (text) => text,
    });
    return await failureOf(launch.reload(undefined as never, release, patience(failure)));
  },
};

/** Codes of a client: for what never answers, for a status of 500, and for one of 401. */
const CODES: Readonly<Record<string, readonly [string | undefined, string | undefined, string | undefined]>> = {
  'the git server': ['ERR_REMOTE_UNREACHABLE', 'ERR_REMOTE_UNREACHABLE', 'ERR_REMOTE_AUTH'],
  'the stream of the relay': ['ERR_RELAY_UNREACHABLE', 'ERR_RELAY_UNREACHABLE', 'ERR_RELAY_REFUSED'],
  'the reports to the relay': ['ERR_RELAY_UNREACHABLE', 'ERR_RELAY_UNREACHABLE', 'ERR_RELAY_REFUSED'],
  'the webhook': ['ERR_NOTIFY_WEBHOOK', 'ERR_NOTIFY_WEBHOOK', 'ERR_NOTIFY_WEBHOOK'],
  'the askpass service': [
    'ERR_REMOTE_CREDENTIAL_SOURCE',
    'ERR_REMOTE_CREDENTIAL_SOURCE',
    'ERR_REMOTE_CREDENTIAL_SOURCE',
  ],
  'the GitHub App': ['ERR_REMOTE_CREDENTIAL_SOURCE', 'ERR_REMOTE_CREDENTIAL_SOURCE', 'ERR_REMOTE_CREDENTIAL_SOURCE'],
  'the party of an identity': [
    'ERR_REMOTE_CREDENTIAL_SOURCE',
    'ERR_REMOTE_CREDENTIAL_SOURCE',
    'ERR_REMOTE_CREDENTIAL_SOURCE',
  ],
  'the receiver of an answer': ['ERR_ANSWER_UNDELIVERED', 'ERR_ANSWER_UNDELIVERED', 'ERR_ANSWER_REFUSED'],
  'the readiness probe': [undefined, undefined, undefined],
  'the reload': ['ERR_RUN_RELOAD', 'ERR_RUN_RELOAD', 'ERR_RUN_RELOAD'],
};

/** Words of the party in the text. */
const PARTY: Readonly<Record<string, RegExp>> = {
  'the git server': /^ask http/,
  'the stream of the relay': /relay/,
  'the reports to the relay': /relay|^report to/,
  'the webhook': /^call the webhook/,
  'the askpass service': /^ask for credentials/,
  'the GitHub App': /GitHub App/,
  'the party of an identity': /token exchange/,
  'the receiver of an answer': /^write to/,
  'the readiness probe': /^not ready/,
  'the reload': /^reload/,
};

const REASON: Readonly<Record<HttpFailure, RegExp>> = {
  refused: /ECONNREFUSED/,
  tls: /self.signed certificate/i,
  timeout: /in time|within|not ready after/,
  500: /status 500/,
  401: /status 401/,
};

describe.each(Object.keys(CLIENTS))('%s', (name) => {
  test.each(HTTP_FAILURES)('that fails (%s) is named with the reason, under a code of its own', async (failure) => {
    const url = await failingServer(failure);
    const shown = await CLIENTS[name]?.(url, failure);
    const [silent, broken, refused] = CODES[name] ?? [];
    expect(shown?.code).toBe(failure === 500 ? broken : failure === 401 ? refused : silent);
    expect(shown?.text).toMatch(PARTY[name] as RegExp);
    expect(shown?.text).toMatch(REASON[failure]);
    if (shown?.code !== undefined) expect(shown.text).toContain(new URL(url).host);
    if (name !== 'the git server') expect(`${shown?.text} ${shown?.hint}`).not.toMatch(/git server|git ls-remote/);
    if (failure === 'tls' && shown?.hint !== undefined && shown.code !== 'ERR_RUN_RELOAD')
      expect(shown.hint).toMatch(/SSL_CERT_FILE|GIT_SSL_CAINFO/);
  });
});
