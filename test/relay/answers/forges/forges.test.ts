import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../../src/platform/clock.ts';
import { HttpClient } from '../../../../src/platform/http-client.ts';
import { createAsk } from '../../../../src/relay/answers/asking.ts';
import type { StatusState } from '../../../../src/relay/answers/commit-status.ts';
import { DeliveryFailure } from '../../../../src/relay/answers/delivery-failure.ts';
import { forgeOf } from '../../../../src/relay/answers/forges/forge.ts';
import type { ShownStatus } from '../../../../src/relay/answers/forges/forge-api.ts';
import {
  azureStandIn,
  bitbucketCloudStandIn,
  bitbucketDataCenterStandIn,
  type ForgeStandIn,
  giteaStandIn,
  githubStandIn,
  gitlabStandIn,
} from '../../../kit/stand-ins/forges.ts';
import { tempDir } from '../../../kit/temp.ts';
import { oid } from '../../rollout/kit.ts';
import { answer, NOBODY, repository, tools } from '../kit.ts';

const STATES: readonly StatusState[] = ['pending', 'running', 'success', 'failure', 'stopped'];
const PAGE = 'page-url: "https://relay.example/?repo={{repository}}"';

interface Row {
  readonly start: () => Promise<ForgeStandIn>;
  readonly api: string;
  readonly to: string;
  readonly name: string;
  readonly place: string;
  readonly states: readonly string[];
  readonly longest: number;
}

const ROWS: Readonly<Record<string, Row>> = {
  GitHub: {
    ...{ start: async () => await githubStandIn(), api: '', to: 'github', name: 'github.com/team/web.git' },
    ...{ place: 'team/web', longest: 140, states: ['pending', 'pending', 'success', 'failure', 'error'] },
  },
  'GitHub Enterprise': {
    ...{ start: async () => await githubStandIn('/api/v3'), api: '/api/v3', to: 'github', name: 'git.corp/team/web' },
    ...{ place: 'team/web', longest: 140, states: ['pending', 'pending', 'success', 'failure', 'error'] },
  },
  GitLab: {
    ...{ start: gitlabStandIn, api: '/api/v4', to: 'gitlab', name: 'gitlab.com/group/sub/web.git' },
    ...{ place: 'group/sub/web', longest: 255, states: ['pending', 'running', 'success', 'failed', 'canceled'] },
  },
  'Gitea and Forgejo': {
    ...{ start: giteaStandIn, api: '/api/v1', to: 'gitea', name: 'codeberg.org/team/web.git' },
    ...{ place: 'team/web', longest: 255, states: ['pending', 'pending', 'success', 'failure', 'error'] },
  },
  'Bitbucket Cloud': {
    ...{ start: bitbucketCloudStandIn, api: '/2.0', to: 'bitbucket-cloud', name: 'bitbucket.org/team/web.git' },
    ...{ place: 'team/web', longest: 255, states: ['INPROGRESS', 'INPROGRESS', 'SUCCESSFUL', 'FAILED', 'STOPPED'] },
  },
  'Bitbucket Data Center': {
    ...{ start: bitbucketDataCenterStandIn, api: '', to: 'bitbucket-data-center', name: 'git.corp/scm/TEAM/web.git' },
    ...{ place: 'TEAM/web', longest: 255, states: ['INPROGRESS', 'INPROGRESS', 'SUCCESSFUL', 'FAILED', 'CANCELLED'] },
  },
  'Azure DevOps': {
    ...{ start: azureStandIn, api: '', to: 'azure-devops', name: 'dev.azure.com/org/the project/_git/web' },
    ...{ place: 'org/the project/web', longest: 255 },
    states: ['pending', 'pending', 'succeeded', 'failed', 'notApplicable'],
  },
};

async function setUp({ start, api, to, name }: Row, more = '') {
  const server = await start();
  const tokenFile = join(tempDir(), 'token');
  writeFileSync(tokenFile, 'good-token\n');
  const user = to === 'bitbucket-data-center' ? 'user: robot, ' : '';
  const where = `repository: "h.example/**", url: "${server.url}${api}"`;
  const config = answer(`to: ${to}, ${where}, token-file: ${tokenFile}, ${user}${PAGE}${more}`);
  const open = forgeOf(config, tools());
  const { authorize, hints, alwaysResets } = open;
  const options = { http: new HttpClient({}), clock: systemClock, authorize, hints, alwaysResets };
  const status = (own: Partial<ShownStatus> = {}): ShownStatus => ({
    ...{ repository: repository(name), ref: 'refs/heads/main', policy: 'web', oid: oid(1), state: 'running' },
    ...{ text: 'stage 1 of 2', context: 'git-sidecar/web/main', page: 'https://relay.example/?repo=x' },
    ...own,
  });
  const send = async (own: Partial<ShownStatus> = {}): Promise<void> =>
    await open.send(status(own), createAsk(options, NOBODY));
  const failureOf = async (own: Partial<ShownStatus> = {}): Promise<DeliveryFailure> => {
    const error: unknown = await send(own).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error instanceof DeliveryFailure) return error;
    throw new Error(`no failure, but ${String(error)}`);
  };
  return { server, tokenFile, send, failureOf };
}

describe.each(Object.entries(ROWS))('%s', (_name, row) => {
  test('shows each state of a commit under the name of the status, with a link', async () => {
    const { server, send } = await setUp(row);
    for (const state of STATES) await send({ state });
    expect([...new Set(server.statuses.map(({ state }) => state))]).toEqual([...new Set(row.states)]);
    expect(server.statuses.at(-1)).toEqual({
      ...{ place: row.place, oid: oid(1), context: 'git-sidecar/web/main', state: row.states.at(-1) },
      ...{ text: 'stage 1 of 2', page: 'https://relay.example/?repo=x' },
    });
  });

  test('takes texts and names that are too long for it, shortened', async () => {
    const { server, send } = await setUp(row);
    await send({ text: 'ä👍'.repeat(300), context: `git-sidecar/${'x'.repeat(180)}/one` });
    await send({ text: 'ok', context: `git-sidecar/${'x'.repeat(180)}/two` });
    const [first, second] = server.statuses;
    expect([...(first?.text ?? '')].length).toBe(row.longest);
    expect(first?.context).not.toBe(second?.context);
  });

  test('refuses a wrong token; the next one in the file is taken', async () => {
    const { server, tokenFile, send, failureOf } = await setUp(row);
    server.token = 'rotated';
    const failure = await failureOf();
    expect(failure).toMatchObject({ verdict: 'blocked', code: 'ERR_ANSWER_REFUSED' });
    expect(failure.hint).toContain('token-file');
    expect(`${failure.message} ${failure.hint}`).not.toContain('good-token');
    writeFileSync(tokenFile, 'rotated');
    await send();
    expect(server.statuses.length).toBe(1);
  });

  test('is not asked about repositories that it cannot have', async () => {
    const { server, failureOf } = await setUp(row);
    const failure = await failureOf({ repository: repository('h.example/alone') });
    expect(failure).toMatchObject({ verdict: 'refused' });
    expect(failure.detail).toContain('h.example/alone is not like');
    expect(server.requests).toEqual([]);
  });

  test('says that a commit is not there, and asks for time when it has trouble', async () => {
    const { server, failureOf } = await setUp(row);
    server.missing.add(oid(1));
    expect((await failureOf()).verdict).not.toBe('again');
    server.interrupt({ status: 502, body: 'Bad Gateway' }, { status: 503, headers: { 'retry-after': '7' } });
    expect(await failureOf()).toMatchObject({ verdict: 'again', retryAfterMs: undefined });
    expect(await failureOf()).toMatchObject({ verdict: 'again', retryAfterMs: 7000 });
  });
});

/** What the documentation of each forge has an answer with too many requests look like, and for how long it is left in peace. */
const inSeconds = (seconds: number): string => String(Math.ceil(Date.now() / 1000) + seconds);
const LIMITS: readonly (readonly [
  forge: string,
  what: string,
  answer: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: unknown },
  leastMs: number,
  mostMs: number,
])[] = [
  [
    'GitLab',
    'an answer of its application',
    {
      status: 429,
      headers: {
        'retry-after': '40',
        ...{ 'ratelimit-limit': '600', 'ratelimit-name': 'throttle_authenticated_api', 'ratelimit-observed': '601' },
        ...{ 'ratelimit-remaining': '0', 'ratelimit-reset': inSeconds(40) },
      },
      body: 'Retry later',
    },
    40_000,
    40_000,
  ],
  [
    'GitLab',
    'an answer without Retry-After',
    {
      status: 429,
      headers: { 'ratelimit-limit': '600', 'ratelimit-observed': '601', 'ratelimit-reset': inSeconds(900) },
      body: 'Retry later',
    },
    800_000,
    910_000,
  ],
  [
    'Gitea and Forgejo',
    'an answer of the proxy before it',
    { status: 429, headers: { 'retry-after': '15' }, body: '<html>Too Many Requests</html>' },
    15_000,
    15_000,
  ],
  [
    'Gitea and Forgejo',
    'an answer of a proxy that says no time',
    { status: 429, headers: { 'ratelimit-reset': '900', 'ratelimit-remaining': '3' }, body: 'Too Many Requests' },
    60_000,
    60_000,
  ],
  [
    'Gitea and Forgejo',
    'an answer of a proxy that follows the drafts of the IETF',
    { status: 429, headers: { 'ratelimit-reset': '25', 'ratelimit-remaining': '0' }, body: 'Too Many Requests' },
    25_000,
    25_000,
  ],
  [
    'Bitbucket Cloud',
    'an answer, which says no time',
    {
      status: 429,
      headers: { 'x-ratelimit-limit': '1000', 'x-ratelimit-resource': 'api', 'x-ratelimit-nearlimit': 'true' },
      body: { type: 'error', error: { message: 'Rate limit for this resource has been exceeded' } },
    },
    60_000,
    60_000,
  ],
  [
    'Bitbucket Data Center',
    'an answer',
    {
      status: 429,
      headers: {
        ...{ 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '0', 'x-ratelimit-fillrate': '5' },
        ...{ 'x-ratelimit-interval-seconds': '1', 'retry-after': '6' },
      },
      body: { errors: [{ message: 'You have exceeded the allowed number of requests', exceptionName: null }] },
    },
    6000,
    6000,
  ],
  [
    'Azure DevOps',
    'an answer',
    {
      status: 429,
      headers: {
        ...{ 'retry-after': '120', 'x-ratelimit-resource': 'globalTSTU/60m', 'x-ratelimit-delay': '0' },
        ...{ 'x-ratelimit-limit': '200', 'x-ratelimit-remaining': '14', 'x-ratelimit-reset': inSeconds(900) },
      },
      body: { typeKey: 'RequestBlockedException', message: 'TF400733: The request has been canceled: exceeding usage' },
    },
    120_000,
    120_000,
  ],
  [
    'Azure DevOps',
    'an answer without Retry-After',
    {
      status: 429,
      headers: { 'x-ratelimit-remaining': '14', 'x-ratelimit-reset': inSeconds(900) },
      body: { message: 'TF400733: The request has been canceled' },
    },
    800_000,
    910_000,
  ],
];

test.each(LIMITS)('%s is left in peace as long as it says: %s', async (forge, _what, answered, least, most) => {
  const { server, send, failureOf } = await setUp(ROWS[forge] as Row);
  server.interrupt(answered);
  const failure = await failureOf();
  expect(failure).toMatchObject({ verdict: 'again', code: 'ERR_ANSWER_UNDELIVERED' });
  expect(failure.retryAfterMs).toBeGreaterThanOrEqual(least);
  expect(failure.retryAfterMs).toBeLessThanOrEqual(most);
  await send();
  expect(server.statuses.length).toBe(1);
});

test('no forge is missing among those with limits', () => {
  const own = ['GitHub', 'GitHub Enterprise'];
  expect(new Set([...LIMITS.map(([forge]) => forge), ...own])).toEqual(new Set(Object.keys(ROWS)));
});

/** What each forge answers to a token whose time is over. */
const EXPIRED: readonly (readonly [forge: string, status: number, body: unknown, said: string])[] = [
  ['GitHub', 401, { message: 'Bad credentials', status: '401' }, 'Bad credentials'],
  ['GitHub Enterprise', 401, { message: 'Bad credentials' }, 'Bad credentials'],
  [
    'GitLab',
    401,
    {
      error: 'invalid_token',
      error_description: 'Token is expired. You can either do re-authorization or token refresh.',
    },
    'Token is expired',
  ],
  ['Gitea and Forgejo', 401, { message: 'token is expired', url: 'https://h/api/swagger' }, 'token is expired'],
  [
    'Bitbucket Cloud',
    401,
    { type: 'error', error: { message: 'Token is invalid, expired, or not supported for this endpoint.' } },
    'Token is invalid, expired',
  ],
  [
    'Bitbucket Data Center',
    401,
    { errors: [{ context: null, message: 'Authentication failed. The token has expired.', exceptionName: null }] },
    'The token has expired',
  ],
  [
    'Azure DevOps',
    401,
    '<!DOCTYPE html><title>Access Denied: The Personal Access Token used has expired.</title>',
    '401',
  ],
  // The page on which people sign in.
  ['Azure DevOps', 203, '<html>Sign In</html>', '203'],
  ['Azure DevOps', 302, '', 'redirect'],
];

test.each(EXPIRED)('%s: an expired token (%i) is no reason to go on asking', async (forge, status, body, said) => {
  const { server, failureOf } = await setUp(ROWS[forge] as Row);
  server.interrupt({ status, body, ...(status === 302 && { headers: { location: 'https://spsprodeus/_signin' } }) });
  const failure = await failureOf();
  expect(failure).toMatchObject({ verdict: 'blocked', code: 'ERR_ANSWER_REFUSED' });
  expect(failure.detail).toContain(said);
  expect(failure.hint).toContain('token-file');
});

const GITHUB = ROWS.GitHub as Row;

describe('GitHub', () => {
  test.each([
    [
      'primary limit',
      403,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 900) },
      800_000,
    ],
    ['secondary limit with a time', 403, { 'retry-after': '30' }, 30_000],
    ['secondary limit without a time', 403, {}, 60_000],
    ['429', 429, { 'retry-after': '5' }, 5000],
    // The time is that of the primary limit, which has requests left.
    [
      'secondary limit beside a primary one',
      429,
      { 'x-ratelimit-remaining': '4000', 'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 3000) },
      60_000,
    ],
  ])('is left in peace as long as its %s says', async (_name, status, headers, least) => {
    const { server, failureOf } = await setUp(GITHUB);
    server.interrupt({ status, headers, body: { message: 'You have exceeded a secondary rate limit' } });
    const failure = await failureOf();
    expect(failure.verdict).toBe('again');
    expect(failure.retryAfterMs).toBeGreaterThanOrEqual(least);
    expect(failure.retryAfterMs).toBeLessThan(least + 200_000);
  });

  test('says with 403 which permission is missing', async () => {
    const { server, failureOf } = await setUp(GITHUB);
    server.interrupt({ status: 403, body: { message: 'Resource not accessible by integration' } });
    const failure = await failureOf();
    expect(failure).toMatchObject({ verdict: 'blocked' });
    expect(failure.detail).toContain('Resource not accessible by integration');
    expect(failure.hint).toContain('Commit statuses: read and write');
  });

  test('shows the rollout as a deployment too, one of each commit, also after a restart', async () => {
    const server = await githubStandIn();
    const row = { ...GITHUB, start: async () => server };
    const first = await setUp(row, ', deployments: true, environment: staging');
    await first.send({ state: 'pending', text: 'waits' });
    const again = await setUp(row, ', deployments: true, environment: staging');
    await again.send({ state: 'running' });
    await again.send({ state: 'success', text: 'done' });
    expect(server.deployments).toMatchObject([{ sha: oid(1), environment: 'staging', task: 'deploy' }]);
    expect(server.deployments[0]?.statuses).toEqual([
      { state: 'queued', description: 'waits' },
      { state: 'in_progress', description: 'stage 1 of 2' },
      { state: 'success', description: 'done' },
    ]);
  });

  test('gets a status once when only its deployment fails', async () => {
    const { server, send, failureOf } = await setUp(GITHUB, ', deployments: true');
    await send();
    server.interrupt({ status: 201, body: {} }, { status: 500, body: 'oops' });
    expect((await failureOf({ state: 'success' })).verdict).toBe('again');
    await send({ state: 'success' });
    const posts = server.requests.filter(({ path, body }) => path.includes('/statuses/') && body.includes('success'));
    expect(posts.length).toBe(1);
  });

  test('is not reached with the GitHub App of a relay that has none', async () => {
    const server = await githubStandIn();
    const config = answer(`to: github, repository: "h.example/**", url: "${server.url}", github-app: true`);
    const { authorize } = forgeOf(config, tools());
    await expect(authorize({ method: 'POST', url: server.url }, NOBODY)).rejects.toThrow('the relay has no GitHub App');
    const own = forgeOf(config, { ...tools(), githubApp: { token: async () => 'of-the-app', refused: () => false } });
    expect(await own.authorize({ method: 'POST', url: server.url }, NOBODY)).toEqual({
      authorization: 'Bearer of-the-app',
    });
  });
});

describe('the GitHub App of a relay', () => {
  test('gives another token when GitHub does not take the one that was kept', async () => {
    const server = await githubStandIn();
    const config = answer(`to: github, repository: "h.example/**", url: "${server.url}", github-app: true`);
    let token = 'revoked';
    const refused = (): boolean => {
      token = 'good-token';
      return true;
    };
    const { send, authorize, hints } = forgeOf(config, {
      ...tools(),
      githubApp: { token: async () => token, refused },
    });
    const place = { repository: repository('h.example/team/web'), ref: 'refs/heads/main', policy: 'web', oid: oid(1) };
    const status = { ...place, state: 'success' as const, text: 'done', context: 'c', page: undefined };
    await send(status, createAsk({ http: new HttpClient({}), clock: systemClock, authorize, hints }, NOBODY));
    expect(server.statuses.length).toBe(1);
    expect(server.requests.length).toBe(2);
  });
});

describe('Azure DevOps', () => {
  test.each([
    ['dev.azure.com/org/_git/web', 'org/web/web'],
    ['ssh.dev.azure.com/v3/org/project/web', 'org/project/web'],
    ['org.visualstudio.com/DefaultCollection/project/_git/web', 'DefaultCollection/project/web'],
  ])('finds %s', async (name, place) => {
    const { server, send } = await setUp({ ...(ROWS['Azure DevOps'] as Row), name });
    await send();
    expect(server.statuses[0]?.place).toBe(place);
  });

  test('gets a token of Microsoft Entra ID as a bearer token', async () => {
    const { server, tokenFile, send } = await setUp(ROWS['Azure DevOps'] as Row);
    server.token = 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln';
    writeFileSync(tokenFile, server.token);
    await send();
    expect(server.requests.at(-1)?.headers.authorization).toMatch(/^Bearer eyJ/);
  });
});

describe('Bitbucket Cloud', () => {
  test('gets a password with its user', async () => {
    const server = await bitbucketCloudStandIn();
    const tokenFile = join(tempDir(), 'token');
    writeFileSync(tokenFile, 'app-password');
    const where = `repository: "h.example/**", url: "${server.url}/2.0"`;
    const config = answer(`to: bitbucket-cloud, ${where}, token-file: ${tokenFile}, user: me, ${PAGE}`);
    const headers = await forgeOf(config, tools()).authorize({ method: 'POST', url: server.url }, NOBODY);
    expect(headers).toEqual({ authorization: `Basic ${Buffer.from('me:app-password').toString('base64')}` });
  });
});
