import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { type OverviewEntry, overviewRoute } from '../../src/serve/overview-page.ts';

const BROWSER = 'text/html,application/xhtml+xml,*/*;q=0.8';

async function ask(
  entries: readonly OverviewEntry[],
  more: { accept?: string; path?: string; hasPage?: boolean } = {},
) {
  const { accept = BROWSER, path = '/', hasPage = false } = more;
  const sent = { status: 0, headers: {} as Record<string, string>, body: '' };
  const response = {
    writeHead: (status: number, headers: Record<string, string>) => Object.assign(sent, { status, headers }),
    end: (body: string) => Object.assign(sent, { body }),
  };
  const route = overviewRoute(
    '1.2.3',
    () => entries,
    () => hasPage,
  );
  const request = { method: 'GET', headers: { accept } } as IncomingMessage;
  const isAnswered = await route(new URL(path, 'http://h'), request, response as unknown as ServerResponse);
  return { isAnswered, ...sent };
}

test('a browser sees what each service does, in words', async () => {
  const facts = { ready: true, published: { ref: 'refs/heads/main', oid: 'abc' }, lastDeployment: null, releases: [] };
  const { status, body } = await ask([{ name: 'sync', facts }]);
  expect(status).toBe(200);
  expect(body).toContain('<h2>sync</h2>');
  expect(body).toContain('<dt>ready</dt><dd>yes</dd>');
  expect(body).toContain('<dt>oid</dt><dd>abc</dd>');
  expect(body).toContain('<dt>last deployment</dt><dd>–</dd>');
});

test('nothing that a server or a program said becomes markup, and the page may load nothing', async () => {
  const evil = '<script>alert(1)</script>"\'&\u001b[31m\u202e';
  const { body, headers } = await ask([{ name: evil, facts: { [evil]: evil, error: evil } }]);
  expect(body).not.toContain('<script');
  expect(body).not.toMatch(/[\u001b\u202e]/);
  expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]+';/);
});

test('very many facts, and very deep ones, end', async () => {
  let deep: unknown = 'x';
  for (let level = 0; level < 50; level += 1) deep = { deep };
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`n${index}`, index]));
  const { body } = await ask([{ name: 'a', facts: { deep, many } }]);
  expect(body.length).toBeLessThan(20_000);
  expect(body).toContain('4800 more');
});

test.each([
  ['a probe', { accept: '*/*' }],
  ['another path', { path: '/x' }],
  ['a relay, which has its own page', { hasPage: true }],
])('%s gets what it got without the page', async (_who, more) => {
  expect((await ask([], more)).isAnswered).toBe(false);
});
