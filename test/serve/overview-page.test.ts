import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { answerOverview, type OverviewEntry, wantsOverview } from '../../src/serve/overview-page.ts';

const BROWSER = 'text/html,application/xhtml+xml,*/*;q=0.8';

async function ask(entries: readonly OverviewEntry[]) {
  const sent = { status: 0, headers: {} as Record<string, string>, body: '' };
  const response = {
    writeHead: (status: number, headers: Record<string, string>) => Object.assign(sent, { status, headers }),
    end: (body: string) => Object.assign(sent, { body }),
  };
  const answer = answerOverview('1.2.3', () => entries);
  await answer(new URL('http://h/'), {} as IncomingMessage, response as unknown as ServerResponse);
  return sent;
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

test.each<[string, { accept?: string; path?: string; method?: string }, boolean]>([
  ['a browser at /', {}, true],
  ['a probe', { accept: '*/*' }, false],
  ['a browser at another path', { path: '/x' }, false],
  ['a form', { method: 'POST' }, false],
])('%s: is shown it, %j: %s', (_who, { accept = BROWSER, path = '/', method = 'GET' }, isShown) => {
  expect(wantsOverview(path, { method, headers: { accept } } as IncomingMessage)).toBe(isShown);
});
