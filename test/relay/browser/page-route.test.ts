import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PageFiles } from '../../../src/relay/browser/page-files.ts';
import { chooseEncoding, pageRoutes } from '../../../src/relay/browser/page-route.ts';
import { serving } from '../../kit/page-kit.ts';
import { tempDir } from '../../kit/temp.ts';

const SCRIPT = 'export const text = "…";\n'.repeat(50);

async function page(): Promise<string> {
  const path = join(tempDir(), 'page.json');
  const files = {
    '/': { type: 'text/html; charset=utf-8', text: '<!doctype html>' },
    '/page/app-0123.js': { type: 'text/javascript; charset=utf-8', text: SCRIPT },
  };
  writeFileSync(path, JSON.stringify({ files }));
  return await serving(...pageRoutes(new PageFiles(path)));
}

/** The bytes as they come, and how they are encoded. */
async function raw(url: string, encoding: string): Promise<{ encoding: string | undefined; bytes: number }> {
  return await new Promise((resolve, reject) => {
    const asked = request(url, { headers: { 'accept-encoding': encoding } }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.once('end', () => resolve({ encoding: response.headers['content-encoding'], bytes }));
    });
    asked.once('error', reject).end();
  });
}

describe('the page of a relay', () => {
  test('comes with headers that let nothing in but its own scripts, styles and answers', async () => {
    const response = await fetch(`${await page()}/`);
    expect(await response.text()).toBe('<!doctype html>');
    expect(response.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    );
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
  });

  test('is asked for again each time and not sent again; its assets are kept for ever', async () => {
    const url = await page();
    const first = await fetch(`${url}/`);
    const etag = first.headers.get('etag') ?? '';
    expect(first.headers.get('cache-control')).toBe('no-cache');
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await fetch(`${url}/`, { headers: { 'if-none-match': known } });
      expect([again.status, await again.text()]).toEqual([304, '']);
    }
    const script = await fetch(`${url}/page/app-0123.js`);
    expect(script.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(await script.text()).toBe(SCRIPT);
  });

  test('is compressed as the client takes it', async () => {
    const url = `${await page()}/page/app-0123.js`;
    const [plain, gzip, br] = [await raw(url, 'identity'), await raw(url, 'gzip'), await raw(url, 'gzip, deflate, br')];
    expect([plain.encoding, gzip.encoding, br.encoding]).toEqual([undefined, 'gzip', 'br']);
    expect(plain.bytes).toBe(Buffer.byteLength(SCRIPT));
    expect(gzip.bytes).toBeLessThan(plain.bytes / 4);
    expect(br.bytes).toBeLessThan(plain.bytes / 4);
  });

  test.each([
    ['br;q=0, gzip', 'gzip'],
    ['*', 'br'],
    ['*;q=0', 'identity'],
    ['gzip;q=0.5', 'gzip'],
    ['deflate', 'identity'],
    [undefined, 'identity'],
  ])('a client that takes %s gets %s', (accepted, encoding) => {
    expect(chooseEncoding(accepted)).toBe(encoding);
  });

  test('has no other files, and takes nothing', async () => {
    const url = await page();
    for (const path of ['/page/other.js', '/page/', '/page/../x', '/page/__proto__', '/page/toString'])
      expect((await fetch(`${url}${path}`)).status, path).toBe(404);
    expect((await fetch(`${url}/`, { method: 'POST' })).status).toBe(405);
    const head = await fetch(`${url}/`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('is not there where the program runs from its source', async () => {
    expect((await fetch(`${await serving(...pageRoutes(undefined))}/`)).status).toBe(404);
  });

  test('comes again after its file could not be read', async () => {
    const path = join(tempDir(), 'page.json');
    const files = new PageFiles(path);
    await expect(files.find('/')).rejects.toThrow('ENOENT');
    writeFileSync(path, JSON.stringify({ files: { '/': { type: 'text/html', text: 'x' } } }));
    expect((await files.find('/'))?.bodies.identity.toString()).toBe('x');
  });
});
