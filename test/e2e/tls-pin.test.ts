import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pinOf } from '../../src/platform/pinned-key.ts';
import { diagnose } from '../doctor/kit.ts';
import { nginx } from '../kit/nginx.ts';
import { proxy } from '../kit/proxy.ts';
import { startRelay } from '../kit/relay.ts';
import { published, run } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { NGINX_PROGRAMS, type Nginx, type NginxOptions } from '../peers/nginx.ts';
import { missing } from '../peers/programs.ts';

/** How git-sidecar comes to the objects: by its own requests, with git for the objects, with git for everything. */
const WAYS = { native: [], 'git fetch': ['--depth=0'], 'git ls-remote': ['--git-config-add=http.delegation:none'] };
type Way = keyof typeof WAYS;
const ALL = Object.keys(WAYS) as Way[];
const STRANGE = `sha256//${'A'.repeat(43)}=`;

const pinOfServer = (server: Nginx): string => pinOf(new X509Certificate(readFileSync(server.caFile)));
const requests = (server: Nginx): string[] => {
  try {
    return readFileSync(server.secretsLog, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
};

async function setUp(options: Partial<NginxOptions> = {}) {
  const dir = tempDir();
  const upstream = new Upstream(join(dir, 'srv'));
  const oid = upstream.commit({ a: 'one' });
  const server = await nginx(join(dir, 'nginx'), { projectRoot: join(dir, 'srv'), tls: true, ...options });
  const root = join(dir, 'root');
  const args = [`--repo=${server.url}/repo.git`, `--root=${root}`, '--link=link', '--one-time'];
  return { dir, upstream, oid, server, args, link: join(root, 'link'), env: { GIT_SSL_CAINFO: server.caFile } };
}

describe.skipIf(missing(...NGINX_PROGRAMS))('--tls-pin', () => {
  test.each(ALL)('the pinned key is accepted, another one is refused before anything is asked: %s', async (way) => {
    const { oid, server, args, link, env } = await setUp();
    const strange = await run([...args, ...WAYS[way], `--tls-pin=${STRANGE}`], env);
    expect(strange.code).toBe(1);
    expect(strange.stderr).toContain('ERR_REMOTE_TLS_PIN');
    expect(strange.stderr).toContain('openssl s_client -connect');
    expect(requests(server)).toEqual([]);
    if (way !== 'git ls-remote') {
      expect(strange.stderr).toContain(`it shows the key ${pinOfServer(server)}, and only ${STRANGE} is accepted`);
      const [, command = ''] = /This prints the key behind `sha256\/\/`: `([^`]+)`/.exec(strange.stderr) ?? [];
      expect(command).toContain(`openssl s_client -connect 127.0.0.1:${server.port} </dev/null`);
      const printed = execFileSync('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'] });
      expect(`sha256//${printed.toString().trim()}`).toBe(pinOfServer(server));
    }
    const good = await run([...args, ...WAYS[way], `--tls-pin=${STRANGE}`, `--tls-pin=${pinOfServer(server)}`], env);
    expect(good.code, good.stderr).toBe(0);
    expect(published(link)).toBe(oid);
  });

  test.each(ALL)('is checked where certificates are not: %s', async (way) => {
    const { server, args } = await setUp();
    const words = [...args, ...WAYS[way], '--git-config=http.sslVerify:false'];
    const strange = await run([...words, `--tls-pin=${STRANGE}`]);
    expect([strange.code, strange.stderr]).toEqual([1, expect.stringContaining('ERR_REMOTE_TLS_PIN')]);
    expect(requests(server)).toEqual([]);
    expect((await run([...words, `--tls-pin=${pinOfServer(server)}`])).code).toBe(0);
  });

  test.each(ALL)('a redirect to another server is not followed, one on the same server is: %s', async (way) => {
    const second = await setUp();
    const { dir, oid, server, args, link, env } = await setUp({
      redirects: [{ prefix: 'away', status: 302, to: `${second.server.url}/` }],
    });
    const both = join(dir, 'both.pem');
    writeFileSync(both, [server, second.server].map(({ caFile }) => readFileSync(caFile, 'utf8')).join(''));
    const pin = `--tls-pin=${pinOfServer(server)}`;
    const at = (path: string): string[] =>
      args.map((arg) => (arg.startsWith('--repo=') ? `--repo=${server.url}/${path}/repo.git` : arg));
    const away = await run([...at('away'), ...WAYS[way], pin], { GIT_SSL_CAINFO: both });
    expect([away.code, away.stderr]).toEqual([1, expect.stringContaining('A redirect is not followed')]);
    expect(requests(second.server)).toEqual([]);
    // git alone cannot tell the two apart.
    if (way === 'git ls-remote') return;
    const moved = await run([...at('moved'), ...WAYS[way], pin], env);
    expect(moved.code, moved.stderr).toBe(0);
    expect(published(link)).toBe(oid);
  });

  test('the key is that of the git server, not that of a proxy before it', async () => {
    const { oid, server, args, link, env } = await setUp();
    const between = await proxy('me:pw');
    const through = { ...env, HTTPS_PROXY: `http://me:pw@${between.address}` };
    const strange = await run([...args, `--tls-pin=${STRANGE}`], through);
    expect(strange.stderr).toContain(`it shows the key ${pinOfServer(server)}`);
    expect(requests(server)).toEqual([]);
    const good = await run([...args, `--tls-pin=${pinOfServer(server)}`], through);
    expect(good.code, good.stderr).toBe(0);
    expect(published(link)).toBe(oid);
    expect(between.seen.length).toBeGreaterThan(1);
  });

  test('is not for submodules on other servers', async () => {
    const second = await setUp();
    const { dir, upstream, server, args, link } = await setUp();
    upstream.git(
      '-c',
      `http.sslCAInfo=${second.server.caFile}`,
      'submodule',
      '--quiet',
      'add',
      `${second.server.url}/repo.git`,
      'sub',
    );
    const oid = upstream.commit({ b: 'two' });
    const both = join(dir, 'both.pem');
    writeFileSync(both, [server, second.server].map(({ caFile }) => readFileSync(caFile, 'utf8')).join(''));
    const { code, stderr } = await run([...args, `--tls-pin=${pinOfServer(server)}`], { GIT_SSL_CAINFO: both });
    expect(code, stderr).toBe(0);
    expect(published(link)).toBe(oid);
    expect(readFileSync(join(link, 'sub/a'), 'utf8')).toBe('one');
  });

  test('a relay is given pins by git’s own setting', async () => {
    const { dir, server, env } = await setUp();
    const pinned = (pin: string): string => `--git-config-add="http.${server.url}/.pinnedPubkey":"${pin}"`;
    const start = async (name: string, pin: string) =>
      await startRelay({
        dir,
        root: join(dir, name),
        args: [`--follow=${server.url}/repo.git`, pinned(pin)],
        env,
      });
    const strange = await start('strange', STRANGE);
    await strange.process.logged('ERR_REMOTE_TLS_PIN');
    expect(requests(server)).toEqual([]);
    const good = await start('good', pinOfServer(server));
    await good.process.logged('mirrored');
  });

  test('doctor prints the key that it sees, and whether it is the pinned one', async () => {
    const { server, args, env } = await setUp();
    const words = args.filter((arg) => arg !== '--one-time');
    const plain = await diagnose(words, env);
    expect(plain.stdout).toContain(`key ${pinOfServer(server)}`);
    const good = await diagnose([...words, `--tls-pin=${pinOfServer(server)}`], env);
    expect(good.stdout).toContain(`key ${pinOfServer(server)}, as pinned`);
    expect(good.status, good.stdout).toBe(0);
    const strange = await diagnose([...words, `--tls-pin=${STRANGE}`], env);
    expect(strange.stdout).toContain(
      `the server shows the key ${pinOfServer(server)}, and only ${STRANGE} is accepted`,
    );
    expect(strange.status).toBe(1);
  });
});
