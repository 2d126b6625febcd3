import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { forgetfulFirewall } from '../kit/forgetful-firewall.ts';
import { httpGit } from '../kit/http-git.ts';
import { httpStub } from '../kit/http-stub.ts';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { read, type Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { freePort } from '../peers/ports.ts';
import { until } from '../peers/wait.ts';

/** A busy machine needs a while to let a process end; one that hangs needs for ever. */
const SOON_MS = 10_000;

async function endsSoon(process: Sidecar): Promise<void> {
  const before = Date.now();
  expect(await process.stop()).toEqual({ code: 143, signal: null });
  expect(Date.now() - before).toBeLessThan(SOON_MS);
}

const largeFile = (): string => randomBytes(3_000_000).toString('base64');

function start(it: ReturnType<typeof fixture>, repo: string, ...more: string[]): Sidecar {
  const args = [`--repo=${repo}`, `--root=${it.root}`, '--link=link', '--period=100ms', '--max-failures=-1'];
  return sidecar([...args, ...more]);
}

describe('a sync whose disk or git fails while a pack is still coming', () => {
  test('publishes again as soon as git works, and ends when it is told to', async () => {
    const it = fixture();
    const bad = join(it.dir, 'bad');
    const git = join(it.dir, 'bin');
    execFileSync('mkdir', [git]);
    script(
      join(git, 'git'),
      'case " $* " in *" unpack-objects "*|*" index-pack "*|*" fetch "*)',
      `  if [ -e ${bad} ]; then echo "fatal: unable to write loose object file: No space left on device" >&2; exit 128; fi;;`,
      'esac',
      'exec /usr/bin/git "$@"',
    );
    const repo = `${await httpGit(it.dir)}/repo.git`;
    const args = [`--repo=${repo}`, `--root=${it.root}`, '--link=link', '--period=100ms', '--max-failures=-1'];
    const process = sidecar(args, { PATH: `${git}:/usr/bin:/bin` });
    await untilPublished(it.link, it.first, process);
    writeFileSync(bad, '');
    const oid = it.upstream.commit({ large: largeFile() });
    await until('the sync failed twice', () => process.count('sync failed') >= 2);
    rmSync(bad);
    await untilPublished(it.link, oid, process);
    await endsSoon(process);
  });
});

describe('a proxy or server that accepts and says nothing', () => {
  async function silence(): Promise<{ port: number; open: Set<Socket> }> {
    const open = new Set<Socket>();
    const server = createServer((socket) => {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => open.delete(socket));
      // Without a reader the end of the other side would not be seen either.
      socket.resume();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => {
      for (const socket of open) socket.destroy();
      server.close();
    });
    return { port: (server.address() as AddressInfo).port, open };
  }

  test.each([
    ['a proxy on the way to HTTPS', 'https://git.test.example/app.git', 'https_proxy', undefined],
    ['a proxy on the way to HTTP', 'http://git.test.example/app.git', 'http_proxy', undefined],
    ['an HTTP server', 'http://SILENT/app.git', undefined, undefined],
    ['an HTTPS server', 'https://SILENT/app.git', undefined, undefined],
    ['a relay', 'https://git.test.example/app.git', undefined, '--relay=http://SILENT'],
  ])('is a failure each --sync-timeout, and keeps nobody from ending: %s', async (_name, repo, variable, relay) => {
    const { port, open } = await silence();
    const at = (text: string): string => text.replace('SILENT', `127.0.0.1:${port}`);
    const args = [`--repo=${at(repo)}`, '--ref=main', `--root=${join(tempDir(), 'root')}`, '--period=100ms'];
    const process = sidecar(
      [...args, '--sync-timeout=500ms', '--max-failures=-1', ...(relay ? [at(relay)] : [])],
      variable ? { [variable]: `http://127.0.0.1:${port}` } : {},
    );
    await until('three syncs failed', () => process.count('sync failed') >= 3);
    // Each attempt frees what it opened: an event stream of the relay beside one attempt may be there.
    expect(open.size).toBeLessThanOrEqual(2);
    await endsSoon(process);
  });
});

describe('a kept-alive connection that a firewall forgot', () => {
  test('is replaced, and nothing has failed', async () => {
    const it = fixture();
    const firewall = await forgetfulFirewall(Number(new URL(await httpGit(it.dir)).port));
    const args = [`--root=${it.root}`, '--link=link', '--period=500ms'];
    const process = sidecar([`--repo=http://127.0.0.1:${firewall.port}/repo.git`, ...args]);
    await untilPublished(it.link, it.first, process);
    firewall.forget();
    const before = Date.now();
    await untilPublished(it.link, it.upstream.commit({ a: 'two' }), process);
    expect(process.count('sync failed')).toBe(0);
    // Well before the kernel (15 minutes) or --sync-timeout (2 minutes) would give up.
    expect(Date.now() - before).toBeLessThan(20_000);
    await process.stop();
  });
});

describe('a disk slower than --sync-timeout', () => {
  test('gets the revision checked out in the end', async () => {
    const it = fixture();
    const files = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`f${index}.slow`, `${index}`]));
    const oid = it.upstream.commit({ ...files, '.gitattributes': '*.slow filter=slow\n' });
    const process = start(
      it,
      it.upstream.bare,
      '--sync-timeout=2s',
      '--git-config-add=filter.slow.smudge:"sleep 0.2; cat",checkout.workers:1',
    );
    await untilPublished(it.link, oid, process);
    expect(read(it.link, 'f39.slow')).toBe('39');
    await process.stop();
  });

  test('is told from one that stands still', async () => {
    const it = fixture();
    it.upstream.commit({ 'f.slow': 'x', '.gitattributes': '*.slow filter=slow\n' });
    const settings = '--git-config-add=filter.slow.smudge:"sleep 600"';
    const process = start(it, it.upstream.bare, '--sync-timeout=1s', settings);
    await until('two syncs failed', () => process.count('sync failed') >= 2);
    expect((await process.logged('sync failed')).code).toBe('ERR_GIT_TIMEOUT');
    await endsSoon(process);
  });
});

describe('a fetch that outlives --sync-timeout', () => {
  test('leaves its half pack until the next attempt, not one more each time', async () => {
    const it = fixture();
    const behind = await httpGit(it.dir);
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`f${index}`, `${index}`]));
    it.upstream.commit({ ...many, large: largeFile() });
    const stub = await httpStub(async (request, response) => {
      const { host: _host, connection: _connection, ...headers } = request.headers;
      const init = { method: request.method, headers: headers as Record<string, string> };
      const answer = await fetch(`${behind}${request.path}`, {
        ...init,
        ...(request.method === 'POST' && { body: request.body }),
      });
      const body = Buffer.from(await answer.arrayBuffer());
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      if (request.body.includes('command=fetch')) response.write(body.subarray(0, body.length / 2));
      else response.end(body);
    });
    const process = start(it, `${stub.url}/repo.git`, '--sync-timeout=1s');
    await until('four syncs failed', () => process.count('sync failed') >= 4, 60_000);
    const packs = readdirSync(join(it.root, '.git', 'objects', 'pack')).filter((name) => name.startsWith('tmp_'));
    expect(packs.length).toBeLessThanOrEqual(2);
    await endsSoon(process);
  });
});

describe('a git that is killed', () => {
  test('during start is tried again, not the end of the process', async () => {
    const it = fixture();
    const first = it.start();
    await untilPublished(it.link, it.first, first);
    await first.stop();
    const once = join(it.dir, 'once');
    writeFileSync(once, '');
    const git = script(
      join(it.dir, 'git'),
      `case " $* " in *" cat-file "*|*" rev-parse "*) if [ -e ${once} ]; then rm ${once}; kill -9 $$; fi;; esac`,
      'exec git "$@"',
    );
    // Without --max-failures: the first failure would end it.
    const process = sidecar([...it.args, '--period=40ms', `--git=${git}`]);
    await untilPublished(it.link, it.upstream.commit({ a: 'two' }), process);
    expect(existsSync(once)).toBe(false);
    expect(process.count('git was killed')).toBe(1);
    await process.stop();
  });
});

describe('a file that never answers', () => {
  const pipe = (path: string): string => {
    execFileSync('mkfifo', [path]);
    return path;
  };

  test('is a failure each --sync-timeout where it is only read, and the process can be ended', async () => {
    const it = fixture();
    const file = pipe(join(it.dir, 'sparse'));
    const process = it.start('--sync-timeout=300ms', `--sparse-checkout-file=${file}`);
    await until('two syncs failed', () => process.count('sync failed') >= 2);
    const before = Date.now();
    process.kill('SIGTERM');
    const { code, signal } = await process.exited;
    expect([143, null].includes(code) && ['SIGTERM', null].includes(signal)).toBe(true);
    expect(Date.now() - before).toBeLessThan(SOON_MS);
  });

  test('in the middle of an update turns /healthz to 503, and ends the process loudly', async () => {
    const it = fixture();
    const port = await freePort();
    const repo = `${await httpGit(it.dir)}/repo.git`;
    const process = start(it, repo, '--sync-timeout=1s', `--http-bind=127.0.0.1:${port}`);
    await untilPublished(it.link, it.first, process);
    const health = async (): Promise<Response> => await fetch(`http://127.0.0.1:${port}/healthz`);
    expect((await health()).status).toBe(200);
    rmSync(join(it.root, '.git', 'shallow'), { force: true });
    const shallow = pipe(join(it.root, '.git', 'shallow'));
    it.upstream.commit({ a: 'two' });
    const refusal = async (): Promise<string | undefined> => {
      const answer = await health();
      return answer.status === 503 ? await answer.text() : undefined;
    };
    const sick = await until('/healthz says no', refusal, 40_000);
    expect(sick).toMatch(/^sync: fetch is not over after \d+ s; its limit was 1 s/);
    const { code, signal } = await process.exited;
    expect(code === 1 || signal === 'SIGKILL').toBe(true);
    expect(await process.logged('ERR_SYNC_STUCK')).toMatchObject({ error: expect.stringContaining('sync: fetch') });
    expect(existsSync(shallow)).toBe(true);
  });
});
