import { execFileSync } from 'node:child_process';
import { request } from 'node:https';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { hostOf } from '../kit/relay.ts';
import { tempDir } from '../kit/temp.ts';
import { startUp } from '../kit/up.ts';
import { git, Upstream } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

async function setUp() {
  const dir = tempDir();
  const upstream = new Upstream(join(dir, 'srv'), 'app.git');
  const oid = upstream.commit({ a: 'one' });
  const url = await httpGit(join(dir, 'srv'));
  const relay = (more: object) => ({
    name: 'mirror',
    root: join(dir, 'relay'),
    allow: `${url}/*`,
    follow: `${url}/app.git`,
    period: '200ms',
    ...more,
  });
  const path = `/git/${hostOf(url)}/app.git`;
  return { dir, upstream, oid, url, relay, path };
}

/** The status of an HTTPS answer, whoever signed the certificate; undefined when nobody speaks TLS there. */
async function secureStatus(port: number, path: string): Promise<number | undefined> {
  return await new Promise((done) => {
    const asked = request({ port, path, host: '127.0.0.1', rejectUnauthorized: false }, (answer) => {
      answer.resume();
      done(answer.statusCode);
    });
    asked.on('error', () => done(undefined));
    asked.end();
  });
}

describe('a relay in a document', () => {
  test('with an address of its own serves there alone; it is shown at the address of the document', async () => {
    const { dir, url, oid, relay, path } = await setUp();
    const own = await freePort();
    const { up, map, bind } = await startUp(dir, (address) => ({
      http: { bind: address, metrics: true },
      sync: [{ name: 'app', repo: `${url}/app.git`, root: join(dir, 'root'), link: 'current', period: '200ms' }],
      relay: [relay({ 'http-bind': `127.0.0.1:${own}` })],
    }));
    for (const unit of ['app', 'mirror']) await up.untilReady(unit);
    const answered = (port: number): string =>
      git(dir, 'ls-remote', `http://127.0.0.1:${port}${path}`, 'refs/heads/main').split('\t')[0] ?? '';
    expect(answered(own)).toBe(oid);
    expect((await up.get(`${path}/info/refs?service=git-upload-pack`))?.status).toBe(404);
    expect((await up.unit('mirror'))?.ready).toBe(true);
    // It goes away with its unit, and nothing else does.
    map.write({
      http: { bind, metrics: true },
      sync: [{ name: 'app', repo: `${url}/app.git`, root: join(dir, 'root'), link: 'current', period: '200ms' }],
    });
    up.process.kill('SIGHUP');
    await until('nobody listens there', async () =>
      fetch(`http://127.0.0.1:${own}/readyz`).then(
        () => false,
        () => true,
      ),
    );
    expect((await up.get('/readyz/app'))?.status).toBe(200);
    expect(up.lines('app', 'starting up')).toBe(1);
  });

  test.skipIf(missing('openssl'))(
    'with certificates makes the address of the document speak TLS, from the first request on and when it comes later',
    async () => {
      const { dir, url, relay } = await setUp();
      const [key, certificate] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
      const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      execFileSync('openssl', [...words, '-subj', '/CN=localhost', '-keyout', key, '-out', certificate], {
        stdio: 'ignore',
      });
      const sync = { name: 'app', repo: `${url}/app.git`, root: join(dir, 'root'), link: 'current', period: '200ms' };
      const make = (bind: string, relays: readonly object[]) => ({ http: { bind }, sync: [sync], relay: relays });
      const secured = relay({ 'tls-cert-file': certificate, 'tls-key-file': key });
      const { up, map, bind } = await startUp(dir, (address) => make(address, [secured]));
      const port = Number(bind.split(':')[1]);
      await until('it answers', async () => (await secureStatus(port, '/readyz/mirror')) === 200);
      expect(await up.get('/healthz')).toBeUndefined();

      map.write(make(bind, []));
      up.process.kill('SIGHUP');
      await until('it speaks plain HTTP', async () => (await up.get('/readyz/app'))?.status === 200);
      map.write(make(bind, [secured]));
      up.process.kill('SIGHUP');
      await until('it speaks TLS again', async () => (await secureStatus(port, '/readyz/mirror')) === 200);
      expect(await up.get('/healthz')).toBeUndefined();
      expect(up.lines('app', 'starting up')).toBe(1);
    },
  );
});
