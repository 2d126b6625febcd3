import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dataPacket, FLUSH_PACKET } from '../../src/remote/wire/pkt-line.ts';
import { httpStub } from '../kit/http-stub.ts';
import { fixture } from '../kit/setup.ts';
import { type Sidecar, sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { until } from '../peers/wait.ts';

const PASSWORD = 'pa"ss\\wörd/9?';
const CAPABILITIES = ['version 2', 'ls-refs=unborn', 'fetch=shallow', 'object-format=sha1'];

/** A git server that wants a password and then says only `words`. */
async function sayingServer(words: (authorization: string) => string): Promise<string> {
  const { url } = await httpStub(({ method, headers: { authorization } }, response) => {
    if (authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm=x' }).end();
    } else if (method === 'GET') {
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
      const head = [dataPacket('# service=git-upload-pack'), FLUSH_PACKET];
      response.end(Buffer.concat([...head, ...CAPABILITIES.map(dataPacket), FLUSH_PACKET]));
    } else {
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' });
      response.end(dataPacket(`ERR ${words(authorization)}`));
    }
  });
  return `${url}/app.git`;
}

function follow(repo: string, format: string, ...more: string[]): Sidecar {
  const root = tempDir();
  const args = [`--repo=${repo}`, '--ref=main', `--root=${root}`, '--link=link', '--period=50ms', '--max-failures=-1'];
  return sidecar([...args, `--log-format=${format}`, '-v', '9', ...more], {
    GITSYNC_USERNAME: 'user',
    GITSYNC_PASSWORD: PASSWORD,
  });
}

async function untilFailed({ stderr }: { readonly stderr: string }, read: () => string): Promise<string> {
  return await until(
    () => `the sync failed; so far: ${stderr}`,
    () => (read().includes('sync failed') ? read() : undefined),
  );
}

describe('what a git server says', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const lower = encodeURIComponent(PASSWORD).toLowerCase();
  const echoes: Readonly<Record<string, (authorization: string) => string>> = {
    plain: () => PASSWORD,
    'as JSON': () => JSON.stringify({ password: PASSWORD }),
    'as Basic authentication': (authorization) => authorization,
    'base64 alone': () => base64(PASSWORD),
    'URL-encoded': () => `${encodeURIComponent(PASSWORD)} ${lower}`,
  };

  test.each(Object.entries(echoes))(
    'an echo of the password is in no log, error file or answer: %s',
    async (_name, words) => {
      const repo = await sayingServer((authorization) => `you sent ${words(authorization)} - so there`);
      const directory = tempDir();
      const [errorFile, token] = [join(directory, 'error.json'), join(directory, 'token')];
      writeFileSync(token, 'sync-token\n');
      const json = follow(
        repo,
        'json',
        `--error-file=${errorFile}`,
        '--http-bind=127.0.0.1:0',
        `--sync-token-file=${token}`,
        '--http-metrics',
      );
      const text = follow(repo, 'text');
      const { port } = await json.logged('serving HTTP');
      const ask = async (path: string, init: RequestInit = {}) =>
        await (await fetch(`http://127.0.0.1:${String(port)}${path}`, init)).text();
      const shown = [
        await untilFailed(json, () => json.stderr),
        await untilFailed(text, () => text.stderr),
        await ask('/sync?wait=20s', { method: 'POST', headers: { authorization: 'Bearer sync-token' } }),
        await ask('/metrics'),
        await until('the error file is there', () => readIfThere(errorFile)),
      ];
      for (const each of shown) {
        for (const part of [
          'pa"ss',
          'pa\\"ss',
          'rd/9',
          base64(PASSWORD).slice(2, 12),
          base64(`user:${PASSWORD}`).slice(8, 18),
          'pa%22ss',
        ])
          expect(each).not.toContain(part);
        if (each.includes('you sent')) expect(each).toMatch(/you sent .*\*{5}.* - so there/);
      }
      expect(shown.filter((each) => each.includes('you sent'))).toHaveLength(4);
    },
  );

  test('neither forges a line of the log nor acts on a terminal', async () => {
    const words =
      'oops\n12:00:00.000 published ref=refs/heads/main hash=forged\r\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e\u2028';
    const repo = await sayingServer(() => words);
    const text = follow(repo, 'text');
    const json = follow(repo, 'json');
    const said = (await untilFailed(text, () => text.stderr)) + (await untilFailed(json, () => json.stderr));
    expect(said).not.toMatch(/^12:00:00.000 published/m);
    expect(said.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Zl}\p{Bidi_Control}]/u);
    expect(said).toContain('oops\\n12:00:00.000');
    expect(json.logs.find(({ msg }) => msg === 'sync failed')?.error).toContain(words);
  });
});

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

describe('what Node and libraries say', () => {
  /** Runs with a module that misbehaves once the sync goes on. */
  function misbehaving(code: string): Sidecar {
    const { dir, args, upstream } = fixture();
    expect(upstream.head()).toMatch(/^[0-9a-f]{40}$/);
    const module = join(dir, 'misbehave.cjs');
    writeFileSync(module, `if (process.argv[1]?.includes('git-sync')) setTimeout(() => { ${code} }, 2000);`);
    return sidecar([...args, '--period=50ms', '-v', '1', '--log-format=json'], {
      NODE_OPTIONS: `--require=${module} --warnings`,
    });
  }

  const jsonOnly = ({ stderr }: Sidecar): void => {
    for (const line of stderr.split('\n').slice(0, -1)) expect(() => JSON.parse(line) as unknown, line).not.toThrow();
  };

  test('a warning, a deprecation and too many listeners are lines of the log', async () => {
    const process = misbehaving(`
      process.emitWarning('odd');
      process.emitWarning('old', 'DeprecationWarning', 'DEP9999');
      const emitter = new (require('node:events'))();
      for (let index = 0; index < 20; index += 1) emitter.on('x', () => undefined);
    `);
    await until('all three are logged', () => process.logs.filter(({ msg }) => msg === 'Node warns').length >= 3);
    jsonOnly(process);
    expect(process.logs.map(({ warning }) => warning)).toContain('old');
  });

  test.each([
    ['an error that nobody catches', "throw new Error('broken by a test')"],
    ['a rejection that nobody handles', "Promise.reject(new Error('broken by a test'))"],
  ])('%s is a line of the log and ends the process', async (_name, code) => {
    const process = misbehaving(code);
    expect((await process.exited).code).toBe(1);
    jsonOnly(process);
    // What else was going on may still say something before the end.
    const error = expect.stringContaining('broken by a test');
    expect(process.logs).toContainEqual(
      expect.objectContaining({ msg: 'internal error', code: 'ERR_INTERNAL', error }),
    );
  });
});
