import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { nginx } from '../kit/nginx.ts';
import { openPrivateMounts } from '../kit/private-mounts.ts';
import { github } from '../kit/push-payloads.ts';
import { published, read, run, untilPublished } from '../kit/sidecar.ts';
import { sshd } from '../kit/sshd.ts';
import { tempDir } from '../kit/temp.ts';
import { startUp } from '../kit/up.ts';
import { Upstream } from '../kit/upstream.ts';
import { goodApp } from '../kit/web-app.ts';
import { NGINX_PROGRAMS } from '../peers/nginx.ts';
import { freePort } from '../peers/ports.ts';
import { missing } from '../peers/programs.ts';
import { sshUnavailable } from '../peers/sshd.ts';
import { until } from '../peers/wait.ts';

const REFS = ['main', 'next', 'old', 'rc', 'v1'];

/** `/slow` is answered when somebody made the file that `GO` names. */
const SERVER = `
const http = require('node:http');
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const version = readFileSync('version', 'utf8').trim();
const server = http.createServer((request, response) => {
  if (request.url !== '/slow') return void response.end(version);
  writeFileSync(process.env.GO + '.asked', '');
  const timer = setInterval(() => {
    if (!existsSync(process.env.GO)) return;
    clearInterval(timer);
    response.end(version);
  }, 10);
});
server.listen(process.env.PORT, '127.0.0.1');
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
`;

/** A repository with a branch for each of `REFS`; `ref` holds the branch's name, and beside it is a web application. */
function repository(directory: string, name: string): Upstream {
  const upstream = new Upstream(directory, name);
  upstream.commit({ 'server.js': SERVER, version: '1', ref: 'main' });
  for (const ref of REFS.slice(1)) {
    upstream.git('checkout', '-q', '-b', ref, 'main');
    upstream.commit({ ref });
  }
  upstream.git('checkout', '-q', 'main');
  return upstream;
}

async function bodyOf(url: string): Promise<string | undefined> {
  try {
    return await (await fetch(url, { signal: AbortSignal.timeout(5000) })).text();
  } catch {
    return undefined;
  }
}

describe.skipIf(sshUnavailable() || missing(...NGINX_PROGRAMS))('a document with 20 syncs and two runs', () => {
  test('publishes all, serves both, answers for each, and ends with the applications drained', async () => {
    const dir = tempDir();
    const srv = join(dir, 'srv');
    const upstreams = ['a', 'b'].map((name) => repository(srv, `${name}.git`));
    const [one] = upstreams;
    if (!one) throw new Error('unreachable');
    const [web, shell] = await Promise.all([
      nginx(join(dir, 'nginx'), { projectRoot: srv, users: { reader: 'a password' } }),
      sshd(join(dir, 'ssh')),
    ]);
    writeFileSync(join(dir, 'password'), 'a password\n');
    writeFileSync(join(dir, 'token'), 'a-token\n');
    const name = (upstream: Upstream, kind: string, ref: string): string =>
      `${upstream === one ? 'a' : 'b'}-${kind}-${ref}`;
    const syncs = upstreams.flatMap((upstream, index) =>
      REFS.flatMap((ref) => {
        const repo = `${'ab'[index]}.git`;
        return [
          {
            name: name(upstream, 'http', ref),
            repo: `${web.url}/${repo}`,
            username: 'reader',
            'password-file': join(dir, 'password'),
          },
          {
            name: name(upstream, 'ssh', ref),
            repo: `ssh://${userInfo().username}@127.0.0.1:${shell.port}${srv}/${repo}`,
            'ssh-key-file': shell.keyFile,
            'ssh-known-hosts-file': shell.knownHostsFile,
          },
        ].map((sync) => ({ ...sync, ref, root: join(dir, 'git', sync.name), link: 'current' }));
      }),
    );
    expect(syncs).toHaveLength(20);
    const ports = [await freePort(), await freePort()];
    const { up, bind } = await startUp(dir, (address) => ({
      http: { bind: address, metrics: true, 'sync-token-file': join(dir, 'token') },
      log: { verbose: 1 },
      defaults: { period: '500ms' },
      sync: syncs,
      run: ports.map((port, index) => ({
        name: `web-${index}`,
        from: index === 0 ? 'a-http-main' : 'a-ssh-main',
        command: ['/bin/sh', '-c', `GO=${join(dir, 'go')} exec ${process.execPath} server.js`],
        listen: `127.0.0.1:${port}`,
        'ready-http': '/',
        'ready-for': '100ms',
        'drain-delay': '0s',
      })),
    }));
    const linkOf = (unit: string): string => join(dir, 'git', unit, 'current');

    await until(
      () => `everything is ready\n${up.process.stderr.slice(-3000)}`,
      async () => (await up.get('/readyz'))?.status === 200,
      60_000,
    );
    // Nobody was refused on the way, though all of them asked at once over what they share.
    expect(up.process.logs.filter(({ code }) => code === 'ERR_REMOTE_AUTH')).toEqual([]);
    for (const { name: unit, ref } of syncs) expect(read(linkOf(unit), 'ref'), unit).toBe(ref);
    for (const port of ports) expect(await bodyOf(`http://127.0.0.1:${port}/`)).toBe('1');

    // Each is answered for by its name.
    const { units } = await up.status();
    expect(Object.keys(units)).toEqual([...syncs.map((sync) => sync.name), 'web-0', 'web-1']);
    expect(units['b-ssh-rc']).toMatchObject({ kind: 'sync', ready: true });
    expect((await up.get('/readyz/web-1'))?.status).toBe(200);
    expect((await up.get('/readyz/nobody'))?.status).toBe(404);
    const shown = await run(['status', `http://${bind}`], {}, 'git-sidecar');
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/^web-0 +run +ready/m);
    const metrics = (await up.get('/metrics'))?.text ?? '';
    for (const { name: unit } of syncs)
      expect(metrics).toMatch(new RegExp(`git_sync_count_total\\{[^}]*unit="${unit}"[^}]*\\} [1-9]`));

    // A push to one branch reaches all that follow it, and the applications behind it.
    const oid = one.commit({ version: '2' });
    for (const kind of ['http', 'ssh']) await untilPublished(linkOf(name(one, kind, 'main')), oid, up.process);
    for (const port of ports)
      await until('the new version is served', async () => (await bodyOf(`http://127.0.0.1:${port}/`)) === '2');
    expect(up.lines('b-http-main', 'published')).toBe(1);

    // SIGTERM: what is under way at the application is finished.
    const slow = fetch(`http://127.0.0.1:${ports[0]}/slow`);
    await until('the application has the request', () => existsSync(join(dir, 'go.asked')));
    up.process.kill();
    await up.process.logged('stopping');
    writeFileSync(join(dir, 'go'), '');
    expect(await (await slow).text()).toBe('2');
    expect((await up.process.exited).code).toBe(143);
    for (const port of ports) expect(await bodyOf(`http://127.0.0.1:${port}/`)).toBeUndefined();
    expect(up.process.stderr).not.toContain('without having ended everything');
  }, 240_000);
});

describe('units fail alone', () => {
  test('a wrong credential, a full disk, a root that cannot be made and a crashing application touch nobody else', async () => {
    const mounts = openPrivateMounts();
    const dir = tempDir();
    const srv = join(dir, 'srv');
    const good = new Upstream(srv, 'good.git');
    const first = good.commit({ ...goodApp('1'), big: 'x' });
    const large = new Upstream(srv, 'large.git');
    large.commit({ large: Array.from({ length: 200_000 }, (_, at) => `${at * 7919} ${at}`).join('\n') });
    const url = await httpGit(srv);
    const full = join(dir, 'full');
    mkdirSync(full);
    mounts?.tmpfs(full, 1);
    const place = (unit: string) => ({ name: unit, root: join(dir, 'git', unit), link: 'current' });
    writeFileSync(join(dir, 'a-file'), '');
    const port = await freePort();
    const { up } = await startUp(
      dir,
      (bind) => ({
        http: { bind, metrics: true },
        defaults: { period: '200ms' },
        sync: [
          { ...place('good'), repo: `${url}/good.git` },
          { ...place('denied'), repo: `${url}/nothing-here.git` },
          { ...place('blocked'), repo: `${url}/good.git`, root: join(dir, 'a-file', 'root') },
          ...(mounts ? [{ ...place('full'), repo: `${url}/large.git`, root: join(full, 'root') }] : []),
        ],
        run: [
          { name: 'crashing', from: 'good', command: 'exit 3' },
          {
            name: 'web',
            from: 'good',
            command: [process.execPath, 'server.js'],
            listen: `127.0.0.1:${port}`,
            'ready-http': '/',
            'ready-for': '100ms',
            'drain-delay': '0s',
          },
        ],
      }),
      mounts?.enter,
    );
    const link = join(dir, 'git', 'good', 'current');
    await up.untilReady('good');
    await up.untilReady('web');
    expect(published(link)).toBe(first);
    await up.process.logged('ERR_REMOTE_NOT_FOUND');
    if (mounts) await until('the disk is full', async () => (await up.unit('full'))?.error?.includes('ERR_'));
    const { units } = await up.status();
    for (const unit of ['denied', 'blocked', 'crashing', ...(mounts ? ['full'] : [])])
      expect(units[unit]?.ready, unit).not.toBe(true);
    // The probes of Kubernetes end a Pod for /healthz: what one unit cannot do is no reason.
    expect((await up.get('/healthz'))?.status).toBe(200);
    const whole = await up.get('/readyz');
    expect(whole?.status).toBe(503);

    const second = good.commit({ version: '2' });
    await untilPublished(link, second, up.process);
    await until('the new version is served', async () => (await bodyOf(`http://127.0.0.1:${port}/`)) === '2');
    const shown = await run(['status', up.url], {}, 'git-sidecar');
    expect(shown.code).toBe(1);
    expect(shown.stdout).toMatch(/^denied +sync +not ready/m);
    expect(shown.stdout).toMatch(/^good +sync +ready/m);

    // What was in the way goes away: each recovers without a human.
    new Upstream(srv, 'nothing-here.git').commit({ a: 'here' });
    rmSync(join(dir, 'a-file'));
    mounts?.command('mount', '-o', 'remount,size=64m', full);
    for (const unit of ['denied', 'blocked', ...(mounts ? ['full'] : [])]) await up.untilReady(unit);
    const third = good.commit({ version: '3', 'server.js': 'process.exit(3)' });
    await until('the bad version is refused', () =>
      up.process.logs.some(
        ({ unit, hash, msg, outcome }) =>
          unit === 'web' && hash === third && msg === 'deployment' && outcome === 'failed',
      ),
    );
    expect(await bodyOf(`http://127.0.0.1:${port}/`)).toBe('2');
    expect((await up.process.stop()).code).toBe(143);
  }, 120_000);
});

describe('notifications and triggers', () => {
  test('reach the units that they are about', async () => {
    const dir = tempDir();
    const srv = join(dir, 'srv');
    const upstreams = ['a', 'b'].map((name) => new Upstream(srv, `${name}.git`));
    const firsts = upstreams.map((upstream) => upstream.commit({ a: 'one' }));
    const url = await httpGit(srv);
    writeFileSync(join(dir, 'secret'), 'a shared secret\n');
    writeFileSync(join(dir, 'token'), 'a-token\n');
    const { up } = await startUp(dir, (bind) => ({
      http: { bind, 'push-secret-file': join(dir, 'secret'), 'sync-token-file': join(dir, 'token') },
      // Nobody would look again within an hour.
      defaults: { period: '1h', ref: 'main' },
      log: { verbose: 1 },
      sync: ['a', 'b'].map((name) => ({ name, repo: `${url}/${name}.git`, root: join(dir, name), link: 'current' })),
    }));
    const links = ['a', 'b'].map((name) => join(dir, name, 'current')) as [string, string];
    for (const [index, link] of links.entries()) await untilPublished(link, firsts[index] ?? '', up.process);
    for (const unit of ['a', 'b']) await up.untilReady(unit);
    const [a, b] = upstreams as [Upstream, Upstream];
    const cycles = (unit: string): number => up.lines(unit, 'syncing now');

    const { headers, body } = github('refs/heads/main', `${srv.split('/').at(-1)}/a`);
    const pushed = a.commit({ a: 'two' });
    expect((await fetch(`${up.url}/push`, { method: 'POST', headers, body })).status).toBe(202);
    await untilPublished(links[0], pushed, up.process);
    expect(cycles('b')).toBe(0);

    const trigger = async (path: string): Promise<{ status: number; answer: Record<string, unknown> }> => {
      const answer = await fetch(`${up.url}${path}`, {
        method: 'POST',
        headers: { authorization: 'Bearer a-token' },
      });
      return { status: answer.status, answer: (await answer.json()) as Record<string, unknown> };
    };
    const asked = b.commit({ a: 'two' });
    expect(await trigger(`/sync/b?wait=30s&commit=${asked}`)).toMatchObject({
      status: 200,
      answer: { status: 'synced', oid: asked },
    });
    expect(published(links[1])).toBe(asked);
    expect(up.process.logs.filter(({ unit, reason }) => unit === 'a' && reason === 'trigger')).toHaveLength(0);
    expect((await trigger('/sync/nobody?wait=1s')).status).toBe(404);
    expect(await trigger('/sync?wait=30s')).toMatchObject({
      status: 200,
      answer: { status: 'synced', units: { a: { oid: pushed }, b: { oid: asked } } },
    });
  });
});
