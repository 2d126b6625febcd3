import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/platform/clock.ts';
import { PageDoor } from '../../../src/relay/browser/page-door.ts';
import { sessionRoute } from '../../../src/relay/browser/session-route.ts';
import { Sessions } from '../../../src/relay/browser/sessions.ts';
import { Access } from '../../../src/relay/server/access/access.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { principal, serving } from '../../kit/page-kit.ts';
import { silentLog } from '../../kit/silent-log.ts';
import { tempDir } from '../../kit/temp.ts';

/** What the page's own requests have, as a browser sends them over HTTPS or from this machine. */
const OWN = { 'git-sidecar-page': '1', 'sec-fetch-site': 'same-origin' };

async function setUp(rules: string | null = 'bearer secret-1 h/*\n') {
  const path = join(tempDir(), 'access');
  writeFileSync(path, rules ?? '');
  const access = new Access(rules === null ? undefined : path, silentLog, systemClock);
  await access.open();
  const clock = new HandClock();
  const sessions = new Sessions(clock);
  const door = new PageDoor(access, sessions);
  let ended = 0;
  const onEnd = (): void => {
    ended += 1;
  };
  const url = await serving(
    sessionRoute({ access, door, sessions, onEnd }),
    { path: '/share', answer: async (_url, request, response) => void response.end(door.ownerOf(request)) },
    {
      path: '/data',
      answer: async (_url, request, response) => {
        const known = door.identify(request, response);
        if (known) response.end(known.id);
      },
    },
  );
  const logIn = async (token: string, headers: Record<string, string> = OWN): Promise<Response> =>
    await fetch(`${url}/session`, { method: 'POST', headers, body: new URLSearchParams({ token }) });
  const cookieOf = (response: Response): string => response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  return {
    ...{ url, access, clock, sessions, logIn, cookieOf, path, ended: () => ended },
    share: async (headers: Record<string, string>): Promise<string> =>
      await (await fetch(`${url}/share`, { headers })).text(),
    read: async (cookie: string, headers: Record<string, string> = {}): Promise<Response> =>
      await fetch(`${url}/data`, { headers: { cookie, ...headers } }),
  };
}

describe('a session', () => {
  test('is opened with a token, and the cookie holds something else', async () => {
    const { logIn, read, cookieOf } = await setUp();
    const response = await logIn('secret-1');
    const [cookie = ''] = response.headers.getSetCookie();
    expect(response.status).toBe(204);
    expect(cookie).toMatch(/^git-sidecar-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain('secret');
    expect(await (await read(cookieOf(response))).text()).toMatch(/^bearer [0-9a-f]{64}$/);
  });

  test.each([
    ['a proxy speaks TLS', { 'x-forwarded-proto': 'https' }],
    ['a proxy says so in the newer way', { forwarded: 'for=1.2.3.4;proto=https' }],
  ])('has a cookie for secure pages only where %s', async (_what, headers) => {
    const { logIn, read, cookieOf } = await setUp();
    const response = await logIn('secret-1', { ...OWN, ...headers });
    expect(response.headers.getSetCookie()[0]).toMatch(/^__Host-git-sidecar-session=.*; Secure$/);
    expect((await read(cookieOf(response))).status).toBe(200);
  });

  test('is refused for a token that the file does not have, and for none', async () => {
    const { logIn, read } = await setUp();
    for (const token of ['secret-2', '', 'secret', ' ']) expect((await logIn(token)).status, token).toBe(401);
    expect((await read('git-sidecar-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')).status).toBe(401);
  });

  test.each([
    ['another site', { 'git-sidecar-page': '1', 'sec-fetch-site': 'cross-site' }],
    ['a neighbour of the same domain', { 'git-sidecar-page': '1', 'sec-fetch-site': 'same-site' }],
    ['a form, which cannot send the header', { 'sec-fetch-site': 'same-origin' }],
    ['an older browser on another site', { 'git-sidecar-page': '1', origin: 'https://evil.example' }],
    ['a frame without an origin', { 'git-sidecar-page': '1', origin: 'null' }],
    ['a client that does not say where it is', { 'git-sidecar-page': '1' }],
  ])('is neither opened nor ended by %s', async (_who, headers) => {
    const { url, logIn, read, cookieOf } = await setUp();
    expect((await logIn('secret-1', headers as unknown as Record<string, string>)).status).toBe(403);
    const cookie = cookieOf(await logIn('secret-1'));
    const ended = await fetch(`${url}/session`, { method: 'DELETE', headers: { ...headers, cookie } as never });
    expect(ended.status).toBe(403);
    expect((await read(cookie)).status).toBe(200);
  });

  test('is opened from a browser that sends only its origin', async () => {
    const { url, logIn } = await setUp();
    expect((await logIn('secret-1', { 'git-sidecar-page': '1', origin: url })).status).toBe(204);
  });

  test('ends when the person logs out, and the browser forgets it', async () => {
    const { url, logIn, read, cookieOf, ended } = await setUp();
    const cookie = cookieOf(await logIn('secret-1'));
    const response = await fetch(`${url}/session`, { method: 'DELETE', headers: { ...OWN, cookie } });
    expect(response.headers.getSetCookie().every((each) => each.includes('Max-Age=0'))).toBe(true);
    expect((await read(cookie)).status).toBe(401);
    expect(ended()).toBe(1);
  });

  test('ends when its token leaves the access file', async () => {
    const { logIn, read, cookieOf, path, access } = await setUp();
    const cookie = cookieOf(await logIn('secret-1'));
    writeFileSync(path, 'bearer another-one h/*\n');
    await access.refresh();
    expect((await read(cookie)).status).toBe(401);
  });

  test('ends after twelve hours', async () => {
    const { logIn, read, cookieOf, clock } = await setUp();
    const cookie = cookieOf(await logIn('secret-1'));
    await clock.advance(12 * 3_600_000 - 1);
    expect((await read(cookie)).status).toBe(200);
    await clock.advance(1);
    expect((await read(cookie)).status).toBe(401);
  });

  test('is replaced by the next one of the same browser', async () => {
    const { url, logIn, cookieOf, sessions } = await setUp();
    const cookie = cookieOf(await logIn('secret-1'));
    const body = new URLSearchParams({ token: 'secret-1' });
    await fetch(`${url}/session`, { method: 'POST', headers: { ...OWN, cookie }, body });
    expect(sessions.size).toBe(1);
  });

  test('gives way to newer ones of the same token, never to those of another one, and there are never too many', () => {
    const sessions = new Sessions(new HandClock());
    const first = sessions.open(principal('quiet'));
    for (let index = 0; index < 150; index += 1) sessions.open(principal('busy'));
    expect(sessions.size).toBe(101);
    expect(sessions.find(first)?.id).toBe('quiet');
    for (let index = 0; index < 1200; index += 1) sessions.open(principal(`person ${index}`));
    expect(sessions.size).toBe(1000);
  });

  test('uses the share of its token; all that is not known uses one share', async () => {
    const { logIn, cookieOf, share } = await setUp();
    const cookie = cookieOf(await logIn('secret-1'));
    const ofToken = await share({ authorization: 'Bearer secret-1' });
    expect(ofToken).toMatch(/^bearer /);
    expect(await share({ cookie })).toBe(ofToken);
    for (const headers of [{}, { cookie: 'git-sidecar-session=x' }, { authorization: 'Bearer wrong', cookie }])
      expect(await share(headers as Record<string, string>)).toBe('strangers');
  });

  test('gives way to a token that is shown with it', async () => {
    const { logIn, read, cookieOf } = await setUp();
    const cookie = cookieOf(await logIn('secret-1'));
    expect((await read(cookie, { authorization: 'Bearer wrong' })).status).toBe(401);
  });

  test('the page is not answered with what makes a browser ask for a password by itself', async () => {
    const { read } = await setUp();
    expect((await read('')).headers.get('www-authenticate')).toContain('Basic');
    expect((await read('', { 'git-sidecar-page': '1' })).headers.get('www-authenticate')).toBeNull();
  });

  test('is not needed where there is no access file', async () => {
    const { url } = await setUp(null);
    expect(await (await fetch(`${url}/session`)).json()).toEqual({ open: true, known: true, session: false });
    expect((await fetch(`${url}/data`)).status).toBe(200);
  });

  test('the page can ask whether there is one', async () => {
    const { url, logIn, cookieOf } = await setUp();
    const ask = async (cookie: string): Promise<unknown> =>
      await (await fetch(`${url}/session`, { headers: { cookie } })).json();
    expect(await ask('')).toEqual({ open: false, known: false, session: false });
    expect(await ask(cookieOf(await logIn('secret-1')))).toEqual({ open: false, known: true, session: true });
  });
});
