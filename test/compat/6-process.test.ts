import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { published, read, run, Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { missing } from '../peers/programs.ts';
import { delay, until } from '../peers/wait.ts';

const DIST = resolve('dist');

/** Commands that carry `text` in their arguments. */
function processesWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => read('/proc', name, 'cmdline') ?? '')
    .filter((line) => line.includes(text));
}

describe('compat 6 error file', () => {
  test('holds the error as {"Msg","Err","Args"}, 0644, and is removed on success', async () => {
    const { upstream, root, link, first, start } = fixture();
    renameSync(upstream.bare, `${upstream.bare}.hidden`);
    const process = start('--error-file=error.json');
    const file = join(root, 'error.json');
    const error = await until('the error file is written', () =>
      existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>) : undefined,
    );
    expect(Object.keys(error)).toEqual(['Msg', 'Err', 'Args']);
    expect(error).toMatchObject({ Msg: 'sync failed', Args: { code: 'ERR_REMOTE_NOT_FOUND' } });
    expect(statSync(file).mode & 0o777).toBe(0o644);
    renameSync(`${upstream.bare}.hidden`, upstream.bare);
    await untilPublished(link, first, process);
    await until('the error file is gone', () => !existsSync(file));
  });

  test('a command line that cannot be parsed is not written to it', async () => {
    const { root, args } = fixture();
    expect((await run([...args, '--error-file=error.json', '--nope'])).code).toBe(2);
    expect(existsSync(join(root, 'error.json'))).toBe(false);
  });

  test('an absolute path outside the root works too', async () => {
    const { dir, args } = fixture();
    await run([...args, '--one-time', '--ref=nope', `--error-file=${dir}/deep/error.json`]);
    expect(JSON.parse(read(dir, 'deep/error.json') ?? '{}')).toMatchObject({ Args: { code: 'ERR_TOO_MANY_FAILURES' } });
  });
});

describe('compat 6 add-user, change-permissions', () => {
  /** One-time syncs as a user id without an entry, in a mount namespace of their own, on a copy of /etc/passwd. */
  const addUserTwice = (passwdMode: number): { added: string; stderr: string; link: string } => {
    const { dir, args, link } = fixture();
    const [passwd, copy] = [readFileSync('/etc/passwd', 'utf8'), join(dir, 'passwd')];
    writeFileSync(copy, passwd);
    chmodSync(copy, passwdMode);
    execFileSync('chmod', ['-R', 'a+rwX', dir]);
    chmodSync(copy, passwdMode);
    const sync = [process.execPath, join(DIST, 'git-sync.cjs'), ...args, '--one-time', '--add-user'];
    const asUser = ['setpriv', '--reuid=54321', '--regid=0', '--clear-groups', ...sync];
    const program = `mount --bind "$0" /etc/passwd && "$@" && "$@"`;
    const { status, stderr } = spawnSync(
      'unshare',
      ['-m', '--propagation', 'private', 'sh', '-c', program, copy, ...asUser],
      { env: { PATH: process.env.PATH, HOME: '/somewhere' }, encoding: 'utf8' },
    );
    expect(status, stderr).toBe(0);
    return { added: readFileSync(copy, 'utf8').slice(passwd.length), stderr, link };
  };

  test.skipIf(process.getuid?.() !== 0)('--add-user adds one line for a user id that has none, and only once', () => {
    expect(addUserTwice(0o666).added).toBe('git-sync:x:54321:0::/somewhere:/sbin/nologin\n');
  });

  test.skipIf(process.getuid?.() !== 0)(
    'Airflow’s Pod starts: --add-user is no reason to end where /etc/passwd cannot be written',
    () => {
      const { added, stderr, link } = addUserTwice(0o644);
      expect(added).toBe('');
      expect(stderr).toContain('/etc/passwd is not changed');
      expect(published(link)).toBeDefined();
    },
  );

  test.each([
    ['v3.1', '755', 0o755],
    ['v3', '0755', 0o755],
  ])('%s --change-permissions=%s', async (mode, text, bits) => {
    const { upstream, root, first } = fixture();
    upstream.commit({ 'd/x': '1' });
    const { code } = await run([
      `--compat=${mode}`,
      `--repo=${upstream.bare}`,
      `--root=${root}`,
      '--branch=main',
      '--dest=link',
      '--one-time',
      `--change-permissions=${text}`,
    ]);
    expect(code).toBe(0);
    for (const path of ['a', 'd', 'd/x', '.']) expect(statSync(join(root, 'link', path)).mode & 0o7777).toBe(bits);
    expect(first).toBeTruthy();
  });
});

describe('compat 6 signals', () => {
  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
    ['SIGQUIT', 2],
  ] as const)('%s ends it at once with status %i', async (signal, status) => {
    const { link, first, start } = fixture();
    const process = start();
    await untilPublished(link, first, process);
    const before = Date.now();
    expect((await process.stop(signal)).code).toBe(status);
    expect(Date.now() - before).toBeLessThan(15_000);
  });

  test('SIGINT while parked on a published commit ends it with status 0', async () => {
    const { link, first, start } = fixture();
    const process = start(`--ref=${first}`, '-v=4');
    await untilPublished(link, first, process);
    await process.logged('next sync');
    expect((await process.stop('SIGINT')).code).toBe(0);
  });

  test.each(['SIGUSR1', 'SIGUSR2', 'SIGPIPE'] as const)('%s is ignored', async (signal) => {
    const { upstream, link, first, start } = fixture();
    const process = start();
    await untilPublished(link, first, process);
    process.kill(signal);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    expect(process.stderr).not.toContain('Debugger');
  });

  test('compat 9.8: SIGTERM in the middle of a fetch leaves no git behind, grandchildren included', async () => {
    const { dir, upstream, root } = fixture();
    const marker = `sleep 33.${Date.now() % 100000}`;
    const slow = script(join(dir, 'git'), `case "$*" in *fetch*) ${marker} & ${marker} ;; esac`, 'exec git "$@"');
    const process = sidecar([`--repo=${upstream.bare}`, `--root=${root}`, `--git=${slow}`]);
    await until('the fetch runs', () => processesWith(marker.replace(' ', '\0')).length >= 2);
    const before = Date.now();
    expect((await process.stop()).code).toBe(143);
    expect(Date.now() - before).toBeLessThan(15_000);
    expect(processesWith(marker.replace(' ', '\0'))).toEqual([]);
  });

  test('compat 9.8: --sync-timeout bounds grandchildren that hold the pipe', async () => {
    const { dir, upstream, root } = fixture();
    const slow = script(join(dir, 'git'), 'case "$*" in *ls-remote*) sleep 30 & sleep 30 ;; esac', 'exec git "$@"');
    const before = Date.now();
    const { code, stderr } = await run([
      `--repo=${upstream.bare}`,
      `--root=${root}`,
      `--git=${slow}`,
      '--sync-timeout=500ms',
      '--one-time',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_GIT_TIMEOUT');
    expect(Date.now() - before).toBeLessThan(15_000);
  });

  test('--sync-on-signal starts a sync at once', async () => {
    const { upstream, args, link, first } = fixture();
    const process = sidecar([...args, '--period=1h', '--sync-on-signal=SIGHUP']);
    await untilPublished(link, first, process);
    const second = upstream.commit({ a: 'two' });
    await delay(200);
    process.kill('SIGHUP');
    await untilPublished(link, second, process);
  });

  test('compat 9.16: --sync-on-signal=TERM does not make it ignore termination', async () => {
    const { link, first, start } = fixture();
    const process = start('--sync-on-signal=TERM');
    await untilPublished(link, first, process);
    expect((await process.stop()).code).toBe(143);
  });
});

describe('compat 6 failures', () => {
  const attempts = (stderr: string): number => (stderr.match(/"msg":"sync failed"/g) ?? []).length;

  test.each([
    ['0', 1],
    ['1', 1],
    ['3', 3],
  ])('v4 --max-failures=%s exits 1 at failure %i', async (text, count) => {
    const { args } = fixture();
    const { code, stderr } = await run([...args, '--ref=nope', '--period=20ms', `--max-failures=${text}`]);
    expect([code, attempts(stderr)]).toEqual([1, count]);
  });

  test('--one-time tries again as well; --init-max-failures counts until the first success', async () => {
    const { args } = fixture();
    const { stderr } = await run([
      ...args,
      '--ref=nope',
      '--period=20ms',
      '--one-time',
      '--max-failures=-1',
      '--init-max-failures=2',
    ]);
    expect(attempts(stderr)).toBe(2);
  });

  test('v3.3.5 tolerates N failures, the first sync included; the first sync of 3.1.1 must succeed', async () => {
    const { upstream, root } = fixture();
    const args = [
      `--repo=${upstream.bare}.nope`,
      `--root=${root}`,
      '--branch=main',
      '--wait=0.02',
      '--max-sync-failures=2',
    ];
    expect(attempts((await run(['--compat=v3', ...args])).stderr)).toBe(3);
    expect(attempts((await run(['--compat=v3.1', ...args])).stderr)).toBe(1);
  });

  test('the count starts again after a success, and a negative limit never exits', async () => {
    const { upstream, link, first, start } = fixture();
    const process = start('--max-failures=-1');
    await untilPublished(link, first, process);
    for (const text of ['two', 'three']) {
      renameSync(upstream.bare, `${upstream.bare}.hidden`);
      const before = process.count('sync failed');
      await until('it fails', () => process.count('sync failed') > before + 1);
      renameSync(`${upstream.bare}.hidden`, upstream.bare);
      await untilPublished(link, upstream.commit({ a: text }), process);
    }
    expect(process.logs.filter((line) => line.failures === 1)).toHaveLength(2);
  });
});

describe('compat 6 logs', () => {
  test('JSON lines with v4’s keys: logger, ts, level (absent on errors), msg, error, pairs; errors carry code and hint', async () => {
    const { args } = fixture();
    const process = sidecar([...args, '--ref=nope', '--one-time', '-v=9']);
    await process.exited;
    for (const line of process.logs) {
      expect(line.ts).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
      expect(line.logger).toBe('');
      if (line.error === undefined) expect(line.level).toBeTypeOf('number');
      else expect(line).toMatchObject({ code: expect.stringMatching(/^ERR_/), hint: expect.any(String) });
      if (line.error !== undefined) expect(line.level).toBeUndefined();
    }
  });

  test.skipIf(missing('script'))(
    'on a terminal: readable lines, and with --one-time the progress of the fetch',
    async () => {
      const { dir, upstream, root } = fixture();
      upstream.commit({ big: 'x'.repeat(500_000) });
      const command = `${DIST}/git-sync.cjs --repo=file://${upstream.bare} --root=${root} --one-time`;
      const env = { PATH: process.env.PATH, HOME: '/nonexistent', TERM: 'xterm' };
      execFileSync('script', ['-qec', command, join(dir, 'typescript')], { env, stdio: 'ignore' });
      const shown = read(dir, 'typescript') ?? '';
      expect(shown).toMatch(/\d\d:\d\d:\d\d\.\d{3}.*starting up/);
      expect(shown).toMatch(/Receiving objects: +100%|remote: Enumerating objects/);
      expect(shown).not.toContain('{"logger"');
    },
  );

  test('a reader of the log that goes away does not stop the sync', async () => {
    const { upstream, link, first, start } = fixture();
    const process = start();
    await untilPublished(link, first, process);
    process.child.stderr?.destroy();
    process.child.stdout?.destroy();
    for (const text of ['two', 'three']) await untilPublished(link, upstream.commit({ a: text }));
  });

  test('--log-format=text is for people: time, message, code and hint', async () => {
    const { args } = fixture();
    const { stderr } = await run([...args, '--ref=nope', '--one-time', '--log-format=text']);
    expect(stderr).toMatch(/^\d\d:\d\d:\d\d\.\d{3} starting up/m);
    expect(stderr).toMatch(/ERR_REMOTE_REF: List what it has/);
  });
});

describe('compat 6 private files', () => {
  test('compat 9.15: no temporary git configuration is left behind, nor added to by a killed one', async () => {
    const { dir, args, link, first } = fixture();
    const tmp = join(dir, 'tmp');
    mkdirSync(tmp);
    for (let times = 0; times < 3; times += 1) {
      const process = sidecar([...args, '--period=50ms'], { TMPDIR: tmp });
      await untilPublished(link, first, process);
      await process.logged('starting up');
      await delay(100);
      await process.stop('SIGKILL');
      expect(readdirSync(tmp)).toHaveLength(1);
    }
    await run([...args, '--one-time'], { TMPDIR: tmp });
    expect(readdirSync(tmp)).toEqual([]);
  });

  test('works where the temporary directory cannot be written', async () => {
    const { args, link, first, root } = fixture();
    expect((await run([...args, '--one-time'], { TMPDIR: '/proc' })).code).toBe(0);
    await untilPublished(link, first);
    expect(existsSync(join(root, '.git', 'config'))).toBe(true);
  });

  test('v3 lets $HOME/.gitconfig have its say and writes nothing to it; v4 does not read it', async () => {
    const { dir, upstream, root } = fixture();
    const home = join(dir, 'home');
    mkdirSync(home);
    writeFileSync(join(home, '.gitconfig'), `[url "${upstream.bare}"]\n\tinsteadOf = nick:\n`);
    const before = readFileSync(join(home, '.gitconfig'), 'utf8');
    const v3 = await run(
      ['--compat=v3', '--repo=nick:', `--root=${root}`, '--branch=main', '--dest=link', '--one-time'],
      { HOME: home },
    );
    expect(v3.code, v3.stderr).toBe(0);
    expect(readFileSync(join(home, '.gitconfig'), 'utf8')).toBe(before);
    expect(readdirSync(home)).toEqual(['.gitconfig']);
    expect(
      (await run(['--compat=v4', '--repo=nick:', `--root=${root}4`, '--link=link', '--one-time'], { HOME: home })).code,
    ).toBe(1);
  });
});

describe.skipIf(missing('unshare') || process.getuid?.() !== 0)('compat 6 process 1', () => {
  test('as process 1 of a container it reaps orphans, passes signals on and its exit status out', async () => {
    const { dir, args, first, link } = fixture();
    const hook = script(join(dir, 'hook'), `(sleep 0.2; echo x > ${dir}/orphan-ended) &`, 'exit 0');
    const command = [
      '--fork',
      '--pid',
      '--mount-proc',
      join(DIST, 'git-sync.cjs'),
      ...args,
      '--period=50ms',
      `--exechook-command=${hook}`,
    ];
    const outer = spawn('unshare', command, { env: { PATH: process.env.PATH, HOME: '/' }, stdio: 'ignore' });
    const exited = new Promise<number | null>((done) => outer.once('exit', (code) => done(code)));
    try {
      await untilPublished(link, first);
      await until('the orphan has ended', () => existsSync(join(dir, 'orphan-ended')));
      const list = (): string[] => execFileSync('ps', ['-o', 'pid,ppid,stat,args', '-A']).toString().split('\n');
      const children = list();
      const init = children.find(
        (line) => line.includes('git-sync.cjs') && line.includes(`${outer.pid}`) && !line.includes('unshare'),
      );
      const pid = Number(/^\s*(\d+)/.exec(init ?? '')?.[1]);
      const isZombie = (line: string): boolean => new RegExp(`^\\s*\\d+\\s+${pid}\\s+Z`).test(line);
      await until('nobody is left to reap', () => !list().some(isZombie));
      process.kill(pid, 'SIGTERM');
      expect(await exited).toBe(143);
    } finally {
      outer.kill('SIGKILL');
    }
  });
});

describe('the commands', () => {
  test('git-sidecar sync, git-sidecar with flags only, and `git sidecar` are the same as git-sync', async () => {
    const { args, link, first, root } = fixture();
    expect((await run(['sync', ...args, '--one-time'], {}, 'git-sidecar')).code).toBe(0);
    await untilPublished(link, first);
    rmSync(root, { recursive: true });
    expect((await run([...args, '--one-time'], {}, 'git-sidecar')).code).toBe(0);
    await untilPublished(link, first);
    const bin = tempDir();
    const { symlinkSync } = await import('node:fs');
    symlinkSync(join(DIST, 'git-sidecar.cjs'), join(bin, 'git-sidecar'));
    expect(
      execFileSync('git', ['sidecar', 'version'], { env: { PATH: `${bin}:${process.env.PATH}` } }).toString(),
    ).toMatch(/^\d+\./);
  });

  test('an unknown command suggests the nearest and exits 2', async () => {
    const { code, stderr } = await run(['snyc'], {}, 'git-sidecar');
    expect([code, stderr.includes('did you mean sync?')]).toEqual([2, true]);
  });

  test('demo takes no options and says so', async () => {
    expect(await run(['demo', '--help'], {}, 'git-sidecar')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('takes no options'),
    });
    expect((await run(['demo', '--port=1'], {}, 'git-sidecar')).code).toBe(2);
  });

  test('without a command it says what there is', async () => {
    const process = new Sidecar([], {}, { command: 'git-sidecar' });
    expect((await process.exited).code).toBe(2);
    expect(process.stderr).toContain('usage: git-sidecar COMMAND');
  });
});
