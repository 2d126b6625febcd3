import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { HttpSettings } from '../../src/remote/http-settings.ts';
import { UploadPack } from '../../src/remote/upload-pack.ts';
import { nginx } from '../kit/nginx.ts';
import { published, run } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import type { Nginx, NginxOptions } from '../peers/nginx.ts';
import { until } from '../peers/wait.ts';

const USERS = { alice: 'hunter2' };
const STATUSES = [301, 302, 307, 308];
/** Where the first server redirects to, and whether both are of one origin. */
const KINDS = {
  'a path of its own': { same: true },
  'its own origin': { same: true },
  'another port': { same: false },
  'another port, with a user and password': { same: false },
  'https, from http': { same: false },
  'http, from https': { same: false },
} as const;
type Kind = keyof typeof KINDS;
const ALL = Object.keys(KINDS) as Kind[];

interface Servers {
  /** With TLS where that is what the kind is about, or the test asks for it. */
  readonly first: Nginx;
  readonly second: Nginx;
  readonly oid: string;
  readonly dir: string;
  readonly repo: (status: number) => string;
  /** What the server that a redirect led to was shown, one line a request. */
  readonly arrived: () => string[];
  /** The certificates of both. */
  readonly caFile: string;
}

async function setUp(kind: Kind, options: Partial<NginxOptions> = {}): Promise<Servers> {
  const dir = tempDir();
  const projectRoot = join(dir, 'srv');
  const oid = new Upstream(projectRoot).commit({ a: 'one' });
  const isTls = { first: kind === 'http, from https', second: kind === 'https, from http' };
  const tls = (here: boolean) => here || options.tls === true;
  const second = await nginx(join(dir, 'second'), { ...options, projectRoot, tls: tls(isTls.second) });
  const targets: Record<Kind, string> = {
    'a path of its own': '/',
    'its own origin': '$scheme://$http_host/',
    'another port': `${second.url}/`,
    'another port, with a user and password': second.url.replace('://', '://mallory:evil@').concat('/'),
    'https, from http': `${second.url}/`,
    'http, from https': `${second.url}/`,
  };
  const redirects = STATUSES.map((status) => ({ prefix: `moved/${status}`, status, to: targets[kind] }));
  const first = await nginx(join(dir, 'first'), { ...options, projectRoot, redirects, tls: tls(isTls.first) });
  const caFile = join(dir, 'ca.pem');
  const own = [first, second].flatMap((each) =>
    each.url.startsWith('https') ? [readFileSync(each.caFile, 'utf8')] : [],
  );
  writeFileSync(caFile, own.join(''));
  const arrivedAt = KINDS[kind].same ? first : second;
  return {
    first,
    second,
    oid,
    dir,
    caFile,
    repo: (status) => `${first.url}/moved/${status}/repo.git`,
    arrived: () => linesOf(arrivedAt.secretsLog).filter((line) => !line.includes('/moved/')),
  };
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trim().split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

/** nginx writes its log after the answer. */
async function untilArrived(servers: Servers, requests: number): Promise<void> {
  await until(`${requests} requests are in the log`, () => servers.arrived().length >= requests);
}

const NOTHING = 'token=- scoped=- authorization=- cookie=- certificate=-';
const signal = new AbortController().signal;

/** Asks as the native poll does. */
async function discover(servers: Servers, status: number, settings: Partial<HttpSettings>, password?: string) {
  const all: HttpSettings = {
    verify: true,
    caFile: readFileSync(servers.caFile, 'utf8') === '' ? undefined : servers.caFile,
    clientCertificate: undefined,
    proxy: undefined,
    extraHeaders: [],
    cookieFile: undefined,
    userAgent: undefined,
    followRedirects: 'initial',
    ...settings,
  };
  const server = new UploadPack({ url: servers.repo(status), settings: all, agent: 'test', now: Date.now });
  const credentials = password === undefined ? [] : [{ url: servers.first.url, username: 'alice', password }];
  try {
    return await server.discover(credentials, signal).catch((error: Error) => error);
  } finally {
    server.close();
  }
}

describe('what our own requests show to the server that a redirect leads to', () => {
  test.each(ALL)('headers: %s', async (kind) => {
    const servers = await setUp(kind);
    const extraHeaders = ['X-Token: s3cret', 'Authorization: Bearer s3cret'];
    for (const status of STATUSES) await discover(servers, status, { extraHeaders });
    const expected = KINDS[kind].same ? 'token=s3cret scoped=- authorization=Bearer s3cret' : NOTHING;
    // A way back from https to http is left to git, which gets no headers to take along.
    const followed = kind === 'http, from https' ? 0 : STATUSES.length;
    await untilArrived(servers, followed);
    expect(servers.arrived()).toHaveLength(followed);
    for (const line of servers.arrived()) expect(line).toContain(expected);
  });

  test.each(ALL)('a user name and password: %s', async (kind) => {
    const servers = await setUp(kind, { users: USERS });
    for (const status of STATUSES) await discover(servers, status, {}, USERS.alice);
    const isShown = (): boolean => servers.arrived().some((line) => !line.includes('authorization=-'));
    if (KINDS[kind].same) await until('the password is in the log', isShown);
    expect(isShown()).toBe(KINDS[kind].same);
  });

  test.each(ALL)('cookies: %s', async (kind) => {
    const servers = await setUp(kind);
    const cookieFile = join(servers.dir, 'cookies');
    writeFileSync(cookieFile, '127.0.0.1\tFALSE\t/\tFALSE\t0\tpass\ts3cret\n');
    const answers = [];
    for (const status of STATUSES) answers.push(await discover(servers, status, { cookieFile }));
    const { same } = KINDS[kind];
    for (const line of servers.arrived()) expect(line).toContain(same ? 'cookie=pass=s3cret' : NOTHING);
    if (!same) expect(String(answers[0])).toMatch(/another server|redirects to http:/);
  });

  test.each(ALL.filter((kind) => !kind.includes('from')))('a client certificate: %s', async (kind) => {
    const servers = await setUp(kind, { tls: true, askForCertificate: true });
    const clientCertificate = { certFile: servers.first.caFile, keyFile: servers.first.keyFile };
    const answers = [];
    for (const status of STATUSES) answers.push(await discover(servers, status, { clientCertificate }));
    const { same } = KINDS[kind];
    await untilArrived(servers, same ? STATUSES.length : 0);
    expect(servers.arrived()).toHaveLength(same ? STATUSES.length : 0);
    for (const line of servers.arrived()) expect(line).toContain('certificate=CN=localhost');
    if (!same) expect(String(answers[0])).toContain('another server');
  });
});

/** How git-sidecar comes to the objects: by its own requests, with git for the objects, with git for everything. */
const WAYS = { native: [], 'git fetch': ['--depth=0'], 'git ls-remote': ['--git-config-add=http.delegation:none'] };

describe('what git shows to the server that a redirect leads to', () => {
  const rows = ALL.flatMap((kind) => Object.keys(WAYS).map((way) => [kind, way as keyof typeof WAYS] as const));

  test.each(rows)('headers: %s, %s', async (kind, way) => {
    const servers = await setUp(kind);
    const root = join(servers.dir, 'root');
    const env = {
      ...(readFileSync(servers.caFile, 'utf8') !== '' && { GIT_SSL_CAINFO: servers.caFile }),
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.extraHeader',
      GIT_CONFIG_VALUE_0: 'Cookie: s3cret',
    };
    const { code, stderr } = await run(
      [
        ...[`--repo=${servers.repo(302)}`, `--root=${root}`, '--link=link', '--one-time', ...WAYS[way]],
        '--git-config=http.extraHeader:"X-Token: s3cret"',
        '--git-config-add=http.extraHeader:"Authorization: Bearer s3cret"',
        `--git-config-add="http.${servers.first.url}/.extraHeader":"X-Scoped: s3cret"`,
      ],
      env,
    );
    const { same } = KINDS[kind];
    // git alone cannot be trusted with the redirect, and says where it leads to.
    const isFollowed = way !== 'git ls-remote' && kind !== 'http, from https';
    expect(code, stderr).toBe(isFollowed ? 0 : 1);
    if (isFollowed) expect(published(join(root, 'link'))).toBe(servers.oid);
    else expect(stderr).toContain('A redirect is not followed');
    const shown = 'token=s3cret scoped=s3cret authorization=Bearer s3cret cookie=s3cret';
    await untilArrived(servers, isFollowed ? 1 : 0);
    for (const line of servers.arrived()) expect(line).toContain(same ? shown : NOTHING);
    expect(servers.arrived().length > 0).toBe(isFollowed);
    expect(linesOf(servers.first.secretsLog)[0]).toContain(shown);
  });

  test.each(Object.keys(WAYS) as (keyof typeof WAYS)[])('a password and cookies: another port, %s', async (way) => {
    const servers = await setUp('another port', { users: USERS });
    const cookies = join(servers.dir, 'cookies');
    writeFileSync(cookies, '127.0.0.1\tFALSE\t/\tFALSE\t0\tpass\ts3cret\n');
    const common = [`--root=${join(servers.dir, 'root')}`, '--link=link', '--one-time', ...WAYS[way]];
    const env = { GITSYNC_USERNAME: 'alice', GITSYNC_PASSWORD: USERS.alice };
    expect((await run([`--repo=${servers.repo(307)}`, ...common], env)).code).toBe(1);
    const inUrl = servers.repo(302).replace('://', `://alice:${USERS.alice}@`);
    expect((await run([`--repo=${inUrl}`, ...common])).code).toBe(1);
    const { code } = await run(
      [`--repo=${servers.repo(301)}`, ...common, `--git-config=http.cookieFile:${cookies}`],
      env,
    );
    expect(code).toBe(1);
    for (const line of servers.arrived()) expect(line).toContain(NOTHING);
  });

  test.each(Object.keys(WAYS) as (keyof typeof WAYS)[])('a client certificate: another port, %s', async (way) => {
    const servers = await setUp('another port', { tls: true, askForCertificate: true });
    const env = {
      GIT_SSL_CAINFO: servers.caFile,
      GIT_SSL_CERT: servers.first.caFile,
      GIT_SSL_KEY: servers.first.keyFile,
    };
    const args = [`--repo=${servers.repo(302)}`, `--root=${join(servers.dir, 'root')}`, '--one-time', ...WAYS[way]];
    const { code, stderr } = await run(args, env);
    expect([code, stderr]).toEqual([1, expect.stringContaining('A redirect is not followed')]);
    expect(servers.arrived()).toEqual([]);
  });

  const settings = ['http.sslCert', 'http.URL/.sslCert', 'v3’s .gitconfig'] as const;
  const certificateRows = settings.flatMap((setting) =>
    Object.keys(WAYS).map((way) => [setting, way as keyof typeof WAYS] as const),
  );

  test.each(certificateRows)('a client certificate of git’s settings: %s, %s', async (setting, way) => {
    const servers = await setUp('another port', { tls: true, askForCertificate: true });
    const { caFile, keyFile } = servers.first;
    const place = setting === 'http.URL/.sslCert' ? `http.${servers.first.url}/` : 'http';
    const given = [`"${place}.sslCert":"${caFile}"`, `"${place}.sslKey":"${keyFile}"`];
    const isV3 = setting === 'v3’s .gitconfig';
    const home = join(servers.dir, 'home');
    mkdirSync(home);
    writeFileSync(join(home, '.gitconfig'), `[http]\nsslCert = ${caFile}\nsslKey = ${keyFile}\n`);
    const words = isV3 ? ['--compat=v3', '--branch=main'] : [`--git-config=${given.join(',')}`];
    const args = [`--repo=${servers.repo(302)}`, `--root=${join(servers.dir, 'root')}`, '--one-time', ...WAYS[way]];
    const env = { GIT_SSL_CAINFO: servers.caFile, ...(isV3 && { HOME: home }) };
    const { code, stderr } = await run([...args, ...words], env);
    expect([code, stderr]).toEqual([1, expect.stringContaining('A redirect is not followed')]);
    expect(servers.arrived()).toEqual([]);
  });

  test('without anything secret redirects are followed as ever, by git too', async () => {
    const servers = await setUp('another port');
    const args = [`--repo=${servers.repo(302)}`, `--root=${join(servers.dir, 'root')}`, '--link=link', '--one-time'];
    for (const way of Object.values(WAYS)) {
      const { code, stderr } = await run([...args, ...way]);
      expect(code, stderr).toBe(0);
    }
  });
});

describe('what other hosts are shown', () => {
  test('a submodule on another server gets no header that names no URL, one on the same server does', async () => {
    const servers = await setUp('another port');
    const sub = new Upstream(join(servers.dir, 'srv'), 'sub.git');
    sub.commit({ s: 'sub' });
    const main = new Upstream(join(servers.dir, 'srv'), 'main.git');
    for (const [name, url] of [
      ['here', `${servers.first.url}/sub.git`],
      ['there', `${servers.second.url}/sub.git`],
    ] as const)
      main.git('submodule', '--quiet', 'add', url, name);
    const oid = main.commit({ m: 'main' });
    const before = {
      first: linesOf(servers.first.secretsLog).length,
      second: linesOf(servers.second.secretsLog).length,
    };
    const root = join(servers.dir, 'root');
    const { code, stderr } = await run([
      ...[`--repo=${servers.first.url}/main.git`, `--root=${root}`, '--link=link', '--one-time'],
      '--git-config=http.extraHeader:"X-Token: s3cret"',
    ]);
    expect(code, stderr).toBe(0);
    expect(published(join(root, 'link'))).toBe(oid);
    const first = linesOf(servers.first.secretsLog).slice(before.first);
    const second = linesOf(servers.second.secretsLog).slice(before.second);
    expect(second).not.toEqual([]);
    for (const line of second) expect(line).toContain(NOTHING);
    for (const line of first) expect(line).toContain('token=s3cret');
  });

  test('a submodule whose server redirects to another takes no header along, and the hint says what to do', async () => {
    const servers = await setUp('another port');
    const sub = new Upstream(join(servers.dir, 'srv'), 'sub.git');
    sub.commit({ s: 'sub' });
    const main = new Upstream(join(servers.dir, 'srv'), 'main.git');
    main.git('submodule', '--quiet', 'add', `${servers.first.url}/moved/302/sub.git`, 'lib');
    main.commit({ m: 'main' });
    const before = servers.arrived().length;
    const { code, stderr } = await run([
      ...[`--repo=${servers.first.url}/main.git`, `--root=${join(servers.dir, 'root')}`, '--one-time'],
      '--git-config=http.extraHeader:"X-Token: s3cret"',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('A redirect is not followed');
    expect(servers.arrived().slice(before)).toEqual([]);
  });
});
