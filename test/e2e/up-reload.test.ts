import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { httpGit } from '../kit/http-git.ts';
import { Dice } from '../kit/random.ts';
import { read, run, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { startUp } from '../kit/up.ts';
import { Upstream } from '../kit/upstream.ts';
import { goodApp } from '../kit/web-app.ts';
import { freePort } from '../peers/ports.ts';
import { until } from '../peers/wait.ts';

const SEED = Number(process.env.UP_SEED ?? 11);
const ROUNDS = Number(process.env.UP_ROUNDS ?? 50);

interface Sync {
  readonly name: string;
  readonly ref: string;
  readonly [option: string]: unknown;
}

async function setUp() {
  const dir = tempDir();
  const srv = join(dir, 'srv');
  const upstream = new Upstream(srv, 'app.git');
  upstream.commit({ ...goodApp('1') });
  const url = await httpGit(srv);
  const sync = (name: string, ref: string, more: object = {}): Sync => ({
    name,
    ref,
    repo: `${url}/app.git`,
    root: join(dir, 'git', name),
    link: 'current',
    ...more,
  });
  const link = (name: string): string => join(dir, 'git', name, 'current');
  return { dir, upstream, sync, link };
}

describe('a document that changes', () => {
  test(`${ROUNDS} times, as a ConfigMap does, while pushes arrive: nobody misses one, and what did not change is not restarted`, async () => {
    process.stdout.write(`reload test: seed ${SEED}\n`);
    const dice = new Dice(SEED);
    const { dir, upstream, sync, link } = await setUp();
    for (const ref of ['b0', 'b1', 'b2']) upstream.git('branch', ref);
    upstream.push('b0', 'b1', 'b2');
    const port = await freePort();
    const fixed = [sync('kept', 'main'), sync('also-kept', 'b0')];
    const runs = [
      {
        name: 'web',
        from: 'kept',
        command: [process.execPath, 'server.js'],
        listen: `127.0.0.1:${port}`,
        'ready-http': '/',
        'ready-for': '0s',
        'drain-delay': '0s',
      },
    ];
    /** Those that come, go and change. */
    let others: Sync[] = [];
    const make = (bind: string) => ({
      http: { bind, metrics: true },
      defaults: { period: '200ms' },
      log: { verbose: 0 },
      sync: [...fixed, ...others],
      run: runs,
    });
    const { up, map, bind } = await startUp(dir, make);
    for (const unit of ['kept', 'also-kept', 'web']) await up.untilReady(unit);
    const pidOf = async (): Promise<unknown> =>
      ((await up.unit('web')) as { running?: { pid?: number } } | undefined)?.running?.pid;
    const pid = await pidOf();
    const versions = ['1'];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const name = `other-${dice.below(4)}`;
      const before = others.find((each) => each.name === name);
      others = others.filter((each) => each.name !== name);
      if (!before || dice.chance(0.5))
        others.push(sync(name, dice.pick(['main', 'b0', 'b1', 'b2']), { 'stale-worktree-timeout': `${round}s` }));
      map.write(make(bind));
      if (dice.chance(0.4)) {
        const ref = dice.pick(['b0', 'b1', 'b2']);
        upstream.git('checkout', '-q', ref);
        upstream.commit({ a: String(round) });
      } else if (dice.chance(0.3)) {
        upstream.git('checkout', '-q', 'main');
        versions.push(String(round));
        upstream.commit({ version: String(round) });
      }
      // Some changes come one upon the other, before anybody has read the first.
      if (dice.chance(0.6)) up.process.kill('SIGHUP');
      if (dice.chance(0.5))
        await until(
          () => `round ${round} is known\n${up.process.stderr.slice(-3000)}`,
          async () => {
            const { units } = await up.status();
            return (
              Object.keys(units).sort().join() ===
              [...fixed, ...others, ...runs]
                .map((unit) => unit.name)
                .sort()
                .join()
            );
          },
        );
    }
    for (const { name, ref } of [...fixed, ...others]) await untilPublished(link(name), upstream.head(ref), up.process);
    await until('the last version is served', async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/`);
      return (await answer.text()) === versions.at(-1);
    });
    for (const unit of ['kept', 'also-kept', 'web']) expect(up.lines(unit, 'starting up'), unit).toBe(1);
    for (const unit of ['kept', 'also-kept', 'web'])
      expect(up.process.logs.filter((line) => line.unit === unit && line.error !== undefined)).toEqual([]);
    if (versions.length === 1) expect(await pidOf()).toBe(pid);
    // Nothing says any more that a unit was there that is gone.
    const metrics = (await up.get('/metrics'))?.text ?? '';
    const named = new Set([...metrics.matchAll(/unit="([^"]+)"/g)].map(([, name]) => name));
    expect([...named].sort()).toEqual([...fixed, ...others, ...runs].map((unit) => unit.name).sort());
    expect((await up.process.stop()).code).toBe(143);
  }, 120_000);

  test('an unchanged run keeps its process, and a changed one gets a new one', async () => {
    const { dir, sync } = await setUp();
    const ports = [await freePort(), await freePort()];
    const web = (index: number, more: object = {}): object => ({
      name: `web-${index}`,
      from: 'app',
      command: `echo $$$$ > ${dir}/pid-${index}; exec ${process.execPath} server.js`,
      listen: `127.0.0.1:${ports[index]}`,
      'ready-http': '/',
      'ready-for': '0s',
      'drain-delay': '0s',
      ...more,
    });
    const make = (bind: string, more: object = {}) => ({
      http: { bind },
      defaults: { period: '200ms' },
      sync: [sync('app', 'main')],
      run: [web(0), web(1, more)],
    });
    const { up, map, bind } = await startUp(dir, (address) => make(address));
    for (const unit of ['web-0', 'web-1']) await up.untilReady(unit);
    const pids = (): (string | undefined)[] => [0, 1].map((index) => read(dir, `pid-${index}`));
    const before = pids();
    map.write(make(bind, { 'stop-timeout': '2s' }));
    up.process.kill('SIGHUP');
    await until('the changed one runs again', () => up.lines('web-1', 'starting up') === 2);
    await up.untilReady('web-1');
    await until('it answers', async () => (await (await fetch(`http://127.0.0.1:${ports[1]}/`)).text()) === '1');
    const after = pids();
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
    expect(up.lines('web-0', 'starting up')).toBe(1);
    expect(up.lines('app', 'starting up')).toBe(1);
  });

  test('ends a run only when the requests that it works on are answered', async () => {
    const { dir, sync } = await setUp();
    const port = await freePort();
    const slow = `require('http').createServer((q, s) => {
      if (q.url !== '/slow') return s.end('ok');
      require('fs').writeFileSync('${dir}/asked', '');
      setTimeout(() => s.end('whole'), 1500);
    }).listen(process.env.PORT, '127.0.0.1')`;
    const make = (bind: string, more: object = {}) => ({
      http: { bind },
      sync: [sync('app', 'main')],
      run: [
        {
          ...{ name: 'web', from: 'app', command: [process.execPath, '-e', slow], listen: `127.0.0.1:${port}` },
          ...{ 'ready-http': '/', 'ready-for': '0s', 'drain-delay': '0s', ...more },
        },
      ],
    });
    const { up, map, bind } = await startUp(dir, (address) => make(address));
    await up.untilReady('web');
    const answer = fetch(`http://127.0.0.1:${port}/slow`).then(async (response) => await response.text());
    answer.catch(() => undefined);
    await until('the request is there', () => read(dir, 'asked') !== undefined);
    map.write(make(bind, { 'stop-timeout': '2s' }));
    up.process.kill('SIGHUP');
    expect(await answer).toBe('whole');
    await until('the changed one runs', () => up.lines('web', 'starting up') === 2);
  });

  test('and is not valid changes nothing, and says so with line and column; SIGHUP reads it at once', async () => {
    const { dir, upstream, sync, link } = await setUp();
    const make = (bind: string, more: object = {}) => ({
      http: { bind },
      defaults: { period: '200ms' },
      sync: [sync('app', 'main', more)],
    });
    const { up, map, bind } = await startUp(dir, (address) => make(address));
    await up.untilReady('app');
    const text = stringify(make(bind, { periood: '1s' }));
    const line = text.split('\n').findIndex((each) => each.includes('periood')) + 1;
    map.write(text);
    up.process.kill('SIGHUP');
    const { code, error } = await up.process.logged('is not valid: everything stays as it was');
    expect(code).toBe('ERR_DOCUMENT_INVALID');
    expect(error).toMatch(new RegExp(`:${line}:\\d+: .*periood`));
    expect(error).toContain('did you mean period');
    expect((await up.status()).trouble).toContain('ERR_DOCUMENT_INVALID');
    const oid = upstream.commit({ a: 'one more' });
    await untilPublished(link('app'), oid, up.process);
    expect(up.lines('app', 'starting up')).toBe(1);
    // The same is said before anything is started.
    const check = await run(['up', '--check', map.file], {}, 'git-sidecar');
    expect(check.code).toBe(1);
    expect(check.stderr).toMatch(new RegExp(`:${line}:\\d+: .*periood`));

    map.write(make(bind));
    up.process.kill('SIGHUP');
    await until('it is valid again', async () => (await up.status()).trouble === undefined);
    expect(up.lines('app', 'starting up')).toBe(1);
    expect((await run(['up', '--check', map.file], {}, 'git-sidecar')).stdout).toContain('is valid');
    writeFileSync(join(dir, 'secret'), 'hush hush\n');
    map.write(make(bind, { username: 'me', password: `file:${join(dir, 'secret')}` }));
    const explained = await run(['up', '--explain', map.file], {}, 'git-sidecar');
    expect(explained.stdout).toMatch(/period +0\.2s .*git\.yaml:\d+:\d+ \(defaults\)/);
    expect(explained.stdout).not.toContain('hush');
  });

  test('its address: the endpoint moves, the units stay; an address in use keeps the former one', async () => {
    const { dir, sync } = await setUp();
    const make = (bind: string) => ({ http: { bind }, sync: [sync('app', 'main')] });
    const { up, map, bind } = await startUp(dir, make);
    await up.untilReady('app');
    const other = `127.0.0.1:${await freePort()}`;
    map.write(make(other));
    up.process.kill('SIGHUP');
    await until('it answers there', async () =>
      fetch(`http://${other}/readyz`).then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
    expect(await up.get('/readyz')).toBeUndefined();
    expect(up.lines('app', 'starting up')).toBe(1);
    map.write(make(bind));
    up.process.kill('SIGHUP');
    await up.untilReady('app');
    expect(up.lines('app', 'starting up')).toBe(1);
  });
});
