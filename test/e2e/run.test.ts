import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findFreePort } from '../../src/run/instance.ts';
import { Publisher } from '../kit/publisher.ts';
import { generator } from '../kit/random.ts';
import { deployed, runFixture } from '../kit/runner.ts';
import { fixture } from '../kit/setup.ts';
import { read, run, Sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { BAD_SERVERS, goodApp } from '../kit/web-app.ts';
import { notTried } from '../peers/not-tried.ts';
import { delay, until } from '../peers/wait.ts';

const KILLS = Number(process.env.RUN_KILLS ?? 12);
const mounted: string[] = [];
afterEach(() => {
  for (const path of mounted.splice(0)) execFileSync('umount', ['-l', path]);
});

const FOREVER = ['sh', '-c', 'echo "start $(cat version) $$" >> "$OUT"; exec sleep 100'];
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(read('/proc', `${pid}`, 'status') ?? '');
  } catch {
    return false;
  }
};
const _ask = async (port: number, path = '/'): Promise<string> =>
  await (await fetch(`http://127.0.0.1:${port}${path}`)).text();

describe('run: a deployment', () => {
  test('each revision runs in a release directory of its own; the old process is gone, old releases too', async () => {
    const it = await runFixture();
    const out = join(it.dir, 'out');
    const first = it.publisher.publish({ version: '1' });
    const process = it.start(['--keep-releases=2'], FOREVER, { OUT: out });
    await deployed(process, first);
    const before = (await it.status()).running;
    let last = first;
    for (const version of ['2', '3', '4']) {
      last = it.publisher.publish({ version });
      expect((await deployed(process, last)).outcome).toBe('deployed');
    }
    expect(read(out)).toMatch(/^start 1 \d+\nstart 2 \d+\nstart 3 \d+\nstart 4 \d+\n$/);
    expect(isAlive(before?.pid ?? 0)).toBe(false);
    expect((await it.status()).running?.oid).toBe(last);
    expect(readdirSync(join(it.stateDir, 'releases'))).toHaveLength(2);
    expect((await process.stop()).code).toBe(143);
  });

  test('a failing build leaves the old process running untouched, and is not tried again', async () => {
    const it = await runFixture();
    const good = it.publisher.publish({ version: '1', 'build.sh': 'echo built' });
    const process = it.start(['--build=sh build.sh'], FOREVER, { OUT: join(it.dir, 'out') });
    await deployed(process, good);
    expect(process.stderr).toContain('built\n');
    const { running } = await it.status();
    const bad = it.publisher.publish({ version: '2', 'build.sh': 'echo because >&2; exit 7' });
    expect(await deployed(process, bad)).toMatchObject({
      outcome: 'build-failed',
      reason: 'it ended with status 7; its last words: because',
    });
    expect(process.stderr).toContain('because\n');
    expect((await it.status()).running).toEqual(running);
    expect((await it.status()).quarantined).toEqual({ [bad]: 'it ended with status 7; its last words: because' });
    const next = it.publisher.publish({ version: '3', 'build.sh': 'true' });
    expect((await deployed(process, next)).outcome).toBe('deployed');
    expect((await it.status()).quarantined).toEqual({});
    expect(process.logs.filter(({ msg, hash }) => msg === 'deploying' && hash === bad)).toHaveLength(1);
  });

  test.each([
    ['exits at once', 'exit 3', 'it exited with status 3'],
    ['never becomes ready', 'sleep 100', /not ready after 0\.6 s: ".*" ends with 1/],
  ])(
    'a start that %s is rolled back; the old revision runs again and the hook is told why',
    async (_what, script, reason) => {
      const it = await runFixture();
      const [flag, told] = [join(it.dir, 'ready'), join(it.dir, 'told')];
      const good = it.publisher.publish({ 'app.sh': `touch ${flag}; exec sleep 100` });
      const process = it.start(
        [
          `--ready-exec=test -e ${flag}`,
          '--ready-timeout=600ms',
          `--rollback-exec=echo "$GIT_SIDECAR_BAD_OID $GIT_SIDECAR_OID $GIT_SIDECAR_REASON" > ${told}`,
        ],
        ['sh', 'app.sh'],
      );
      await deployed(process, good);
      execFileSync('rm', [flag]);
      const bad = it.publisher.publish({ 'app.sh': script });
      const { reason: why } = await deployed(process, bad);
      expect(why).toEqual(typeof reason === 'string' ? reason : expect.stringMatching(reason));
      await until('the old revision runs', async () => (await it.status()).running?.oid === good && existsSync(flag));
      expect(read(told)).toContain(`${bad} ${good} `);
    },
  );

  test('with nothing to go back to it waits for a better revision and says so on /readyz', async () => {
    const it = await runFixture();
    const bad = it.publisher.publish({ 'app.sh': 'exit 1' });
    const process = it.start([], ['sh', 'app.sh']);
    await deployed(process, bad);
    expect((await fetch(`http://127.0.0.1:${it.statusPort}/readyz`)).status).toBe(503);
    await deployed(process, it.publisher.publish({ 'app.sh': 'exec sleep 100' }));
    expect((await fetch(`http://127.0.0.1:${it.statusPort}/readyz`)).status).toBe(200);
    expect(await (await fetch(`http://127.0.0.1:${it.statusPort}/metrics`)).text()).toContain(
      'git_sidecar_deployments_total{outcome="deployed"} 1',
    );
  });

  test('a process that ignores SIGTERM is killed with everything that it started', async () => {
    const it = await runFixture();
    const pids = join(it.dir, 'pids');
    const stubborn = `trap '' TERM; (trap '' TERM; echo $$ >> ${pids}; while :; do sleep 1; done) & echo $! >> ${pids}; while :; do sleep 1; done`;
    const first = it.publisher.publish({ 'app.sh': stubborn });
    const process = it.start(['--stop-timeout=300ms'], ['sh', 'app.sh']);
    await deployed(process, first);
    await deployed(process, it.publisher.publish({ 'app.sh': 'exec sleep 100' }));
    for (const pid of (read(pids) ?? '').trim().split('\n')) expect(isAlive(Number(pid)), pid).toBe(false);
  });

  test('--path: a commit that changes nothing there restarts nothing', async () => {
    const it = await runFixture();
    const first = it.publisher.publish({ 'app/version': '1', 'docs/x': '1' });
    const process = it.start(['--path=app'], FOREVER, { OUT: join(it.dir, 'out') });
    await deployed(process, first);
    const { running } = await it.status();
    const second = it.publisher.publish({ 'app/version': '1', 'docs/x': '2' });
    expect((await deployed(process, second)).outcome).toBe('unchanged');
    expect((await it.status()).running).toEqual({ ...running, oid: second });
    expect(read(`/proc/${running?.pid}/cwd`, 'version'), 'its directory is still there').toBe('1');
    expect(readdirSync(join(it.stateDir, 'releases'))).toHaveLength(1);
    expect((await deployed(process, it.publisher.publish({ 'app/version': '2' }))).outcome).toBe('deployed');
    const without = it.publisher.publish({ 'docs/x': '3' });
    expect(await deployed(process, without)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('does not have it'),
    });
  });

  test('--copy --into: mirrored, restarted, and after a bad revision the files are back too', async () => {
    const it = await runFixture();
    const into = join(it.dir, 'into');
    mkdirSync(into);
    writeFileSync(join(into, 'theirs'), 'theirs');
    const first = it.publisher.publish({ 'src/version': '1', 'src/gone': 'x', 'run.sh': 'exec sleep 100', other: 'x' });
    const process = it.start(['--copy=src:lib', '--copy=run.sh', `--into=${into}`], ['sh', 'run.sh']);
    await deployed(process, first);
    expect(readdirSync(into).sort()).toEqual(['lib', 'run.sh', 'theirs']);
    await deployed(process, it.publisher.publish({ 'src/version': '2', 'run.sh': 'exec sleep 100' }));
    expect(readdirSync(join(into, 'lib'))).toEqual(['version']);
    const bad = it.publisher.publish({ 'src/version': '3', 'src/added': 'x', 'run.sh': 'exit 1' });
    expect((await deployed(process, bad)).outcome).toBe('failed');
    expect(readdirSync(join(into, 'lib'))).toEqual(['version']);
    expect(read(into, 'lib/version')).toBe('2');
    await until('the old revision runs', async () => (await it.status()).running !== undefined);
  });

  test.each(['signal', 'exec', 'http'])('--reload-%s: the process stays, its files change', async (kind) => {
    const it = await runFixture();
    const into = join(it.dir, 'into');
    mkdirSync(into);
    const seen = join(it.dir, 'seen');
    const port = await findFreePort();
    const app = `const fs = require('fs'); const load = () => fs.appendFileSync('${seen}', fs.readFileSync('config', 'utf8') + '\\n');
      load(); process.on('SIGHUP', load); require('http').createServer((q, s) => { load(); s.end(); }).listen(${port}, '127.0.0.1');`;
    writeFileSync(join(into, 'app.cjs'), app);
    const how = { signal: 'HUP', exec: 'kill -HUP $GIT_SIDECAR_PID', http: `http://127.0.0.1:${port}/` }[kind];
    const first = it.publisher.publish({ config: 'one' });
    const process = it.start([`--into=${into}`, `--reload-${kind}=${how}`, '--ready-delay=400ms'], ['node', 'app.cjs']);
    await deployed(process, first);
    const { running } = await it.status();
    const second = it.publisher.publish({ config: 'two' });
    expect((await deployed(process, second)).outcome).toBe('deployed');
    expect((await it.status()).running).toMatchObject({ pid: running?.pid, oid: second });
    expect(read(seen)).toBe('one\ntwo\n');
  });

  test('a full disk during the copy: the old revision runs on, and the new one is tried again when there is room', async ({
    skip,
  }) => {
    const it = await runFixture();
    mkdirSync(it.stateDir);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', it.stateDir], { stdio: 'ignore' });
    } catch {
      notTried('a small file system cannot be mounted here (needs root)');
      return skip();
    }
    mounted.push(it.stateDir);
    const first = it.publisher.publish({ version: '1' });
    const process = it.start([], FOREVER, { OUT: join(it.dir, 'out') });
    await deployed(process, first);
    const large = it.publisher.publish({ version: '2', large: 'x'.repeat(3_000_000) });
    expect(await deployed(process, large)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('ENOSPC'),
    });
    expect((await it.status()).running?.oid).toBe(first);
    execFileSync('mount', ['-o', 'remount,size=20m', it.stateDir]);
    await until('it is tried again', async () => (await it.status()).running?.oid === large, 20_000);
    await process.stop();
  });
});

describe('run: the process', () => {
  test.each([
    [['--restart=never'], 'exit 7', 7],
    [['--restart=on-failure'], 'exit 0', 0],
    [['--restart=never'], 'kill -KILL $$', 137],
  ])('%s: run exits with the status of the process', async (options, script, status) => {
    const it = await runFixture();
    it.publisher.publish({ 'app.sh': `sleep 0.4; ${script}` });
    const process = it.start(options, ['sh', 'app.sh']);
    expect((await process.exited).code).toBe(status);
  });

  test('a process that ends by itself is started again', async () => {
    const it = await runFixture();
    const out = join(it.dir, 'out');
    const first = it.publisher.publish({ version: '1' });
    const process = it.start([], FOREVER, { OUT: out });
    await deployed(process, first);
    globalThis.process.kill((await it.status()).running?.pid ?? 0, 'SIGKILL');
    await until('it runs again', () => (read(out) ?? '').split('\n').length === 3);
    expect((await it.status()).restarts).toBe(1);
  });

  test('signals are passed on, output is not touched', async () => {
    const it = await runFixture();
    const first = it.publisher.publish({
      'app.sh': 'trap "echo got it" USR1; echo on stdout; echo on stderr >&2; while :; do sleep 0.05; done',
    });
    const process = it.start([], ['sh', 'app.sh']);
    await deployed(process, first);
    process.kill('SIGUSR1');
    await until('it is heard', () => process.stdout === 'on stdout\ngot it\n');
    expect(process.stderr).toContain('\non stderr\n');
  });

  test('the credentials of the git server are not handed to the application', async () => {
    const it = await runFixture();
    const out = join(it.dir, 'out');
    const first = it.publisher.publish({ 'app.sh': `env > ${out}; exec sleep 100` });
    const secrets = {
      GITSYNC_USERNAME: 'reader',
      GITSYNC_PASSWORD: 'hidden-1',
      GIT_SYNC_PASSWORD: 'hidden-2',
      OWN: 'kept',
    };
    const process = it.start(['--build=env > build-env'], ['sh', 'app.sh'], secrets);
    await deployed(process, first);
    expect(read(out)).toContain('OWN=kept');
    expect(read(out)).toContain(`GIT_SIDECAR_OID=${first}`);
    const [release] = readdirSync(join(it.stateDir, 'releases'));
    expect(`${read(out)}${read(it.stateDir, 'releases', release ?? '', 'build-env')}${process.stderr}`).not.toContain(
      'hidden',
    );
  });

  test.each([undefined, '3'])(
    'memory settings of our own start are not handed on, those of the user are (%s)',
    async (theirs) => {
      const it = await runFixture();
      const out = join(it.dir, 'out');
      const first = it.publisher.publish({ 'app.sh': `env > ${out}; exec sleep 100` });
      const env = theirs === undefined ? {} : { MALLOC_ARENA_MAX: theirs };
      await deployed(it.start([], ['sh', 'app.sh'], env), first);
      expect(/^MALLOC_ARENA_MAX=(.*)$/m.exec(read(out) ?? '')?.[1]).toBe(theirs);
      expect(read(out)).not.toContain('GIT_SIDECAR_ARENAS');
    },
  );

  test('rollback by hand, and once more: there is nothing left to go back to', async () => {
    const it = await runFixture();
    const [first, process] = [
      it.publisher.publish({ version: '1' }),
      it.start([], FOREVER, { OUT: join(it.dir, 'out') }),
    ];
    await deployed(process, first);
    const second = it.publisher.publish({ version: '2' });
    await deployed(process, second);
    const rollback = () => run(['rollback', `--state=${it.stateDir}`], {}, 'git-sidecar');
    expect(await rollback()).toMatchObject({ code: 0, stdout: `${first} runs now\n` });
    expect(await it.status()).toMatchObject({
      running: { oid: first },
      quarantined: { [second]: 'rolled back by hand' },
    });
    expect(await rollback()).toMatchObject({ code: 1, stderr: expect.stringContaining('ERR_RUN_ROLLBACK') });
    await process.stop();
    expect((await rollback()).stderr).toContain('no run is at work');
  });
});

describe('run: its state', () => {
  test('a revision that runs stays, with its files, when that cannot be noted', async () => {
    const it = await runFixture();
    const into = join(it.dir, 'into');
    mkdirSync(into);
    const process = it.start([`--into=${into}`], FOREVER, { OUT: join(it.dir, 'out') });
    await deployed(process, it.publisher.publish({ version: '1' }));
    await until(
      'it is noted that the release is on the disk',
      () => read(it.stateDir, 'state.json')?.includes('"boot"') === false,
    );
    // No file can be renamed over a directory that holds something.
    execFileSync('sh', ['-c', `rm ${it.stateDir}/state.json && mkdir -p ${it.stateDir}/state.json/x`]);
    const second = it.publisher.publish({ version: '2' });
    expect((await deployed(process, second)).outcome).toBe('deployed');
    expect(process.count('that could not be noted')).toBe(1);
    expect((await it.status()).running?.oid).toBe(second);
    expect(read(into, 'version')).toBe('2');
  });

  test('two of them with one state directory are kept apart', async () => {
    const it = await runFixture();
    const process = it.start([], FOREVER, { OUT: join(it.dir, 'out') });
    await deployed(process, it.publisher.publish({ version: '1' }));
    const args = ['run', `--link=${it.publisher.link}`, `--state=${it.stateDir}`, '--', 'true'];
    const { code, stderr } = await run(args, {}, 'git-sidecar');
    expect([code, stderr]).toEqual([1, expect.stringContaining('another run is at work')]);
    expect((await it.status()).running).toBeDefined();
  });
});

describe('run: bad input is refused at once', () => {
  test.each<[string, (dir: string) => string[], string]>([
    ['no command', (dir) => [`--link=${dir}/published/current`], 'needs a command'],
    ['no link', () => ['--', 'true'], 'needs --link'],
    ['a directory of the link that does not exist', (dir) => [`--link=${dir}/no/where`, '--', 'true'], 'ERR_RUN_LINK'],
    ['something that is no link', (dir) => [`--link=${dir}/published`, '--', 'true'], 'it is there, but is no link'],
    [
      'a command that does not exist',
      (dir) => [`--link=${dir}/published/current`, '--', 'no-such-program'],
      'ERR_RUN_COMMAND',
    ],
    [
      '--into that does not exist',
      (dir) => [`--link=${dir}/published/current`, `--into=${dir}/no`, '--', 'true'],
      'it does not exist',
    ],
    [
      '--into that holds the link',
      (dir) => [`--link=${dir}/published/current`, `--into=${dir}/published`, '--', 'true'],
      'holds the link',
    ],
    [
      'copies that overlap',
      (dir) => [`--link=${dir}/published/current`, `--into=${dir}`, '--copy=a:x', '--copy=b:x/y', '--', 'true'],
      'overlap',
    ],
    [
      'a copy that leads out',
      (dir) => [`--link=${dir}/published/current`, '--into=/tmp', '--copy=a:../x', '--', 'true'],
      'stays inside',
    ],
    [
      'a flag that is misspelled',
      (dir) => [`--link=${dir}/published/current`, '--biuld=x', '--', 'true'],
      'Did you mean --build?',
    ],
    [
      '--ready-http=/ without --listen',
      (dir) => [`--link=${dir}/published/current`, '--ready-http=/', '--', 'true'],
      '--listen',
    ],
    [
      'a signal that is none',
      (dir) => [`--link=${dir}/published/current`, '--stop-signal=FOO', '--', 'true'],
      '--stop-signal',
    ],
  ])('%s', async (_what, options, message) => {
    const dir = tempDir();
    new Publisher(join(dir, 'published'));
    const { code, stderr } = await run(['run', `--state=${dir}/state`, ...options(dir)], {}, 'git-sidecar');
    expect(stderr).toContain(message);
    expect(code).toBeGreaterThan(0);
  });
});

describe('run: no dropped request', () => {
  test('thirty deployments under load, good and bad mixed: no request fails, every bad one is rolled back', async () => {
    const it = await runFixture();
    const port = await findFreePort();
    const first = it.publisher.publish(goodApp('v0'));
    const process = it.start(
      [`--listen=127.0.0.1:${port}`, '--ready-http=/', '--ready-timeout=8s', '--drain-timeout=8s'],
      ['node', 'server.js'],
    );
    await deployed(process, first);
    let stop = false;
    const failures: string[] = [];
    const seen = new Set<string>();
    const http = await import('node:http');
    // Some clients keep their connection, some open one for each request, some ask for something slow.
    const client = async (agent: InstanceType<typeof http.Agent>, path: string): Promise<void> => {
      while (!stop) {
        await new Promise<void>((done) => {
          const request = http.get({ port, host: '127.0.0.1', path, agent }, (response) => {
            let text = '';
            response.on('data', (chunk: Buffer) => {
              text += chunk.toString();
            });
            response.on('end', () => {
              seen.add(text);
              if (response.statusCode !== 200) failures.push(`status ${response.statusCode}`);
              done();
            });
          });
          request.on('error', (error) => {
            failures.push(error.message);
            done();
          });
        });
        await delay(2);
      }
    };
    const kept = new http.Agent({ keepAlive: true });
    const fresh = new http.Agent({ keepAlive: false });
    const clients = [
      client(kept, '/'),
      client(kept, '/'),
      client(fresh, '/'),
      client(fresh, '/'),
      client(kept, '/slow'),
      client(fresh, '/slow'),
    ];
    const bad = Object.values(BAD_SERVERS);
    let expected = first;
    for (let round = 1; round <= 30; round += 1) {
      const isBad = round % 4 === 0;
      const files = isBad ? { 'server.js': bad[(round / 4) % bad.length] ?? '', version: 'bad' } : goodApp(`v${round}`);
      const oid = it.publisher.publish(files);
      expect((await deployed(process, oid)).outcome).toBe(isBad ? 'failed' : 'deployed');
      if (!isBad) expected = oid;
      if (!isBad) await until(`a client sees v${round}`, () => seen.has(`v${round}`));
      expect((await it.status()).running?.oid).toBe(expected);
    }
    stop = true;
    await Promise.all(clients);
    kept.destroy();
    expect(failures).toEqual([]);
    expect(seen).not.toContain('bad');
    expect(seen.size).toBeGreaterThan(20);
  }, 180_000);

  test('a connection that is no HTTP stays with the old process until --drain-timeout, new ones go to the new', async () => {
    const it = await runFixture();
    const port = await findFreePort();
    const echo = (version: string) => ({
      'app.cjs': `require('net').createServer((s) => { s.write('${version}\\n'); s.pipe(s); s.on('error', () => {}); }).listen(process.env.PORT, '127.0.0.1'); process.on('SIGTERM', () => process.exit(0));`,
    });
    const first = it.publisher.publish(echo('one'));
    const process = it.start([`--listen=127.0.0.1:${port}`, '--drain-timeout=700ms'], ['node', 'app.cjs']);
    await deployed(process, first);
    const net = await import('node:net');
    const open = async () => {
      const socket = net.connect(port, '127.0.0.1');
      const state = { text: '', closed: false, socket };
      socket.on('data', (chunk: Buffer) => {
        state.text += chunk.toString();
      });
      socket.on('close', () => {
        state.closed = true;
      });
      socket.on('error', () => undefined);
      await until('the server speaks', () => state.text.includes('\n'));
      return state;
    };
    const old = await open();
    const second = it.publisher.publish(echo('two'));
    await until('the new one takes over', async () => {
      const next = await open();
      next.socket.destroy();
      return next.text.startsWith('two');
    });
    old.socket.write('still here\n');
    await until('the old one answers', () => old.text.includes('still here'));
    expect(old.text.startsWith('one')).toBe(true);
    await deployed(process, second);
    await until('it is cut', () => old.closed);
  });
});

describe('run: with a sync', () => {
  async function running() {
    const { dir, upstream, root } = fixture();
    const out = join(dir, 'out');
    const first = upstream.commit({ version: 'one' });
    const sync = [`--repo=${upstream.bare}`, `--root=${root}`, '--link=link', '--period=50ms'];
    const args = ['run', ...sync, `--state=${dir}/state`, '--ready-delay=100ms', '--', ...FOREVER];
    const process = new Sidecar(args, { OUT: out }, { command: 'git-sidecar' });
    await deployed(process, first);
    return { upstream, out, process };
  }

  test('one process does it all: a push becomes a running process', async () => {
    const { upstream, out, process } = await running();
    await deployed(process, upstream.commit({ version: 'two' }));
    expect(read(out)).toMatch(/^start one \d+\nstart two \d+\n$/);
    expect((await process.stop()).code).toBe(143);
  });

  test('the remote goes away: the process runs on', async () => {
    const { upstream, process } = await running();
    execFileSync('mv', [upstream.bare, `${upstream.bare}.gone`]);
    await process.logged('sync failed');
    await delay(200);
    expect(process.child.exitCode).toBeNull();
    execFileSync('mv', [`${upstream.bare}.gone`, upstream.bare]);
    await deployed(process, upstream.commit({ version: 'two' }));
  });
});

describe('run: killed', () => {
  test(`at ${KILLS} random instants: the next start serves the last good revision, whatever was under way`, async () => {
    const seed = Number(process.env.RUN_SEED ?? Date.now() % 1_000_000);
    process.stdout.write(`run kill test: seed ${seed}\n`);
    const random = generator(seed);
    const it = await runFixture();
    const into = join(it.dir, 'into');
    mkdirSync(into);
    const app = (version: string) => ({ version, [`only-${version}`]: 'x', 'app.sh': 'exec sleep 100' });
    const bad = () => ({ version: 'bad', 'only-bad': 'x', 'app.sh': 'sleep 0.1; exit 1' });
    let version = 0;
    let good = it.publisher.publish(app(`${version}`));
    const start = () => it.start([`--into=${into}`], ['sh', 'app.sh']);
    for (let round = 0; round < KILLS; round += 1) {
      const process = start();
      await until(
        () => `the last good revision runs\n${process.stderr.slice(-2000)}`,
        async () => (await it.status().catch(() => undefined))?.running?.oid === good,
      );
      const isBad = random() < 0.5;
      if (isBad) it.publisher.publish(bad());
      else {
        version += 1;
        good = it.publisher.publish(app(`${version}`));
      }
      await delay(random() * 500);
      // Its process holds our pipes, so "closed" would wait for that.
      const gone = new Promise((done) => process.child.once('exit', done));
      process.kill('SIGKILL');
      await gone;
      if (isBad) good = it.publisher.publish(app(`${++version}`));
    }
    const last = start();
    await until(
      () => `the last good revision runs\n${last.stderr.slice(-2000)}`,
      async () => (await it.status().catch(() => undefined))?.running?.oid === good,
    );
    await until(
      () => `its files are there, and no others: ${readdirSync(into).sort().join()} at ${version}\n${last.stderr}`,
      () => readdirSync(into).sort().join() === ['app.sh', `only-${version}`, 'version'].sort().join(),
    );
    expect(readFileSync(join(into, 'version'), 'utf8')).toBe(`${version}`);
    await last.stop();
    const sleeping = execFileSync('sh', [
      '-c',
      `grep -l GIT_SIDECAR_OWNER /proc/[0-9]*/environ 2>/dev/null | xargs -r grep -l ${it.stateDir} 2>/dev/null || true`,
    ]);
    expect(sleeping.toString()).toBe('');
  }, 120_000);
});
