import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { atRest } from '../kit/at-rest.ts';
import { httpStub } from '../kit/http-stub.ts';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { published, read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { git, Upstream } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

describe('compat 8 root', () => {
  test.each([
    ['missing', () => undefined],
    ['empty', (root: string) => mkdirSync(root)],
    [
      'with files that are not ours',
      (root: string) => {
        mkdirSync(join(root, 'mine'), { recursive: true });
        writeFileSync(join(root, 'mine/file'), 'keep');
      },
    ],
    [
      'with a broken .git directory',
      (root: string) => {
        mkdirSync(join(root, '.git/objects'), { recursive: true });
        writeFileSync(join(root, '.git/HEAD'), 'junk');
      },
    ],
    [
      'with a .git file',
      (root: string) => {
        mkdirSync(root);
        writeFileSync(join(root, '.git'), 'gitdir: /nowhere\n');
      },
    ],
    ['with an empty .git directory', (root: string) => mkdirSync(join(root, '.git'), { recursive: true })],
    ['inside another repository’s work tree', (root: string) => execFileSync('git', ['init', '-q', join(root, '..')])],
  ])('%s', async (_name, prepare) => {
    const { args, root, link, first } = fixture();
    prepare(root);
    const { code, stderr } = await run([...args, '--one-time']);
    expect(code, stderr).toBe(0);
    expect([published(link), read(link, 'a')]).toEqual([first, 'one']);
    if (existsSync(join(root, 'mine'))) expect(read(root, 'mine/file')).toBe('keep');
  });

  test('odd spelling: .., //, a trailing slash, a relative path, a symlink', async () => {
    const { dir, upstream, first } = fixture();
    mkdirSync(join(dir, 'real'));
    symlinkSync('real', join(dir, 'alias'));
    for (const root of [`${dir}/x/../spelled`, `${dir}//double//`, `${dir}/slash/`, `${dir}/alias`]) {
      const { code, stderr } = await run([`--repo=${upstream.bare}`, `--root=${root}`, '--link=link', '--one-time']);
      expect(code, stderr).toBe(0);
      expect(read(root, 'link/a')).toBe('one');
      expect(published(join(root, 'link'))).toBe(first);
    }
  });

  test('a file named like the oid to be synced: in the root it stays, in .worktrees it makes way', async () => {
    const { args, root, link, first } = fixture();
    mkdirSync(join(root, '.worktrees'), { recursive: true });
    writeFileSync(join(root, first), 'a file');
    writeFileSync(join(root, '.worktrees', first), 'junk');
    expect((await run([...args, '--one-time'])).code).toBe(0);
    expect(read(link, 'a')).toBe('one');
    expect(read(root, first)).toBe('a file');
  });

  test('directories in the root that are named like commits but are not ours stay, over updates too', async () => {
    const { dir, upstream, args, root, link, first } = fixture();
    const other = 'b'.repeat(40);
    mkdirSync(join(root, first), { recursive: true });
    writeFileSync(join(root, first, 'precious'), 'data');
    git(dir, 'init', '-q', '-b', 'main', 'theirs');
    git(join(dir, 'theirs'), 'commit', '-q', '--allow-empty', '-m', 'x');
    git(join(dir, 'theirs'), 'worktree', 'add', '-q', '--detach', join(root, other));
    for (const oid of [first, upstream.commit({ a: 'two' })]) {
      const { code, stderr } = await run([...args, '--one-time', `--ref=${oid}`]);
      expect(code, stderr).toBe(0);
      expect(git(link, 'status', '--porcelain')).toBe('');
      expect(read(root, first, 'precious')).toBe('data');
      expect(existsSync(join(root, other, '.git'))).toBe(true);
    }
  });

  test('a repository with history of its own is never touched: an error that names --move-aside, which then keeps it', async () => {
    const { args, root, link, first } = fixture();
    mkdirSync(root);
    git(root, 'init', '-q', '-b', 'main');
    writeFileSync(join(root, 'work'), 'precious');
    git(root, 'add', '-A');
    git(root, 'commit', '-q', '-m', 'mine');
    const mine = git(root, 'rev-parse', 'HEAD');
    const refused = await run([...args, '--one-time']);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('ERR_ROOT_FOREIGN_REPO') });
    expect(refused.stderr).toContain('--move-aside');
    expect(git(root, 'rev-parse', 'HEAD')).toBe(mine);
    expect((await run([...args, '--one-time', '--move-aside'])).code).toBe(0);
    expect(published(link)).toBe(first);
    const aside = readdirSync(root).find((name) => name.startsWith('.git.before-git-sidecar-')) ?? '';
    expect(git(root, `--git-dir=${aside}`, 'rev-parse', 'HEAD')).toBe(mine);
    expect(read(root, 'work')).toBe('precious');
  });
});

describe('compat 8 left by a crash', () => {
  const crash = async (damage: (it: ReturnType<typeof fixture>) => void, moves: boolean): Promise<void> => {
    const it = fixture();
    expect((await run([...it.args, '--one-time'])).code).toBe(0);
    damage(it);
    const oid = moves ? it.upstream.commit({ a: 'two' }) : it.first;
    const { code, stderr } = await run([...it.args, '--one-time']);
    expect(code, stderr).toBe(0);
    expect([published(it.link), read(it.link, 'a')]).toEqual([oid, moves ? 'two' : 'one']);
    expect(git(it.link, 'status', '--porcelain')).toBe('');
  };

  const damages: [string, (it: ReturnType<typeof fixture>) => void][] = [
    ['no link', ({ link }) => rmSync(link)],
    ['no worktree directory', ({ root, first }) => rmSync(join(root, '.worktrees', first), { recursive: true })],
    ['no .worktrees at all', ({ root }) => rmSync(join(root, '.worktrees'), { recursive: true })],
    [
      'an empty worktree',
      ({ root, first }) => {
        rmSync(join(root, '.worktrees', first), { recursive: true });
        mkdirSync(join(root, '.worktrees', first));
      },
    ],
    [
      'a worktree at another commit',
      ({ root, first, upstream }) => {
        git(upstream.work, 'rev-parse', 'HEAD');
        writeFileSync(join(root, '.git/worktrees', first, 'HEAD'), `${'0'.repeat(39)}1\n`);
      },
    ],
    ['compat 9.9: a worktree without .git', ({ root, first }) => rmSync(join(root, '.worktrees', first, '.git'))],
    [
      'junk where the worktree should be',
      ({ root, first }) => {
        rmSync(join(root, '.worktrees', first), { recursive: true });
        mkdirSync(join(root, '.worktrees', first));
        writeFileSync(join(root, '.worktrees', first, 'junk'), '');
      },
    ],
    ['no record of the worktree', ({ root }) => rmSync(join(root, '.git/worktrees'), { recursive: true })],
    ['no index', ({ root, first }) => rmSync(join(root, '.git/worktrees', first, 'index'))],
    ['compat 9.2: a leftover tmp-link', ({ root }) => symlinkSync('nowhere', join(root, 'tmp-link'))],
    ['compat 9.3: HEAD.lock', ({ root }) => writeFileSync(join(root, '.git/HEAD.lock'), '')],
    [
      'compat 9.3: refs/heads/git-sync.lock',
      ({ root }) => writeFileSync(join(root, '.git/refs/heads/git-sync.lock'), ''),
    ],
    [
      'shallow.lock, index.lock, config.lock, packed-refs.lock',
      ({ root, first }) => {
        for (const name of ['shallow.lock', `worktrees/${first}/index.lock`, 'config.lock', 'packed-refs.lock'])
          writeFileSync(join(root, '.git', name), '');
      },
    ],
    [
      'half-written packs',
      ({ root }) => {
        writeFileSync(join(root, '.git/objects/pack/tmp_pack_x'), 'half');
      },
    ],
    ['edited tracked files', ({ link }) => writeFileSync(join(link, 'a'), 'edited')],
    ['a deleted tracked file', ({ link }) => rmSync(join(link, 'a'))],
    ['no state file', ({ root }) => rmSync(join(root, '.git/git-sidecar'), { recursive: true })],
    ['a state file that is no JSON', ({ root }) => writeFileSync(join(root, '.git/git-sidecar/state.json'), '{')],
    ['no repository at all', ({ root }) => rmSync(join(root, '.git'), { recursive: true })],
    [
      'lost objects',
      ({ root }) => {
        for (const name of readdirSync(join(root, '.git/objects')))
          rmSync(join(root, '.git/objects', name), { recursive: true });
        mkdirSync(join(root, '.git/objects/pack'));
      },
    ],
    [
      'an empty object file',
      ({ root }) => {
        const fan = readdirSync(join(root, '.git/objects')).find((name) => name.length === 2) ?? '';
        const name = readdirSync(join(root, '.git/objects', fan))[0] ?? '';
        rmSync(join(root, '.git/objects', fan, name));
        writeFileSync(join(root, '.git/objects', fan, name), '');
        writeFileSync(join(root, '.git/git-sidecar/running'), '');
      },
    ],
    [
      'a link that points nowhere',
      ({ link }) => {
        rmSync(link);
        symlinkSync('.worktrees/gone', link);
      },
    ],
  ];

  test.each(damages)('%s, same commit', async (_name, damage) => await crash(damage, false));
  test.each(damages)('%s, new commit', async (_name, damage) => await crash(damage, true));
});

describe('compat 8 sources', () => {
  test.each(['sha1', 'sha256'] as const)('%s repositories, over updates', async (format) => {
    const { upstream, first, link, start } = fixture({ format });
    const process = start();
    await untilPublished(link, first, process);
    const second = upstream.commit({ a: 'two' });
    await untilPublished(link, second, process);
    expect(second).toHaveLength(format === 'sha1' ? 40 : 64);
  });

  test('a commit without files is published as an empty directory, and files come and go', async () => {
    const { upstream, link, start } = fixture();
    const empty = upstream.commit({ a: null });
    const process = start('--verify-period=50ms');
    await untilPublished(link, empty, process);
    expect(readdirSync(link)).toEqual(['.git']);
    await untilPublished(link, upstream.commit({ b: 'x' }), process);
    await untilPublished(link, upstream.commit({ b: null }), process);
    expect(process.count('sync failed')).toBe(0);
  });

  test('from a SHA-1 to a SHA-256 repository in place: the old tree stays published until the new one is', async () => {
    const old = fixture();
    const next = fixture({ format: 'sha256' });
    await run([...old.args, '--one-time']);
    const { code, stderr } = await run([
      `--repo=${next.upstream.bare}`,
      `--root=${old.root}`,
      '--link=link',
      '--one-time',
    ]);
    expect(code, stderr).toBe(0);
    expect(published(old.link)).toBe(next.first);
  });

  test('file:// URLs, plain paths, paths with blanks', async () => {
    const { dir, root } = fixture();
    const upstream = new Upstream(join(dir, 'with blank'), 'my repo.git');
    const oid = upstream.commit({ a: '1' });
    for (const repo of [upstream.bare, `file://${upstream.bare}`]) {
      const { code, stderr } = await run([`--repo=${repo}`, `--root=${root}`, '--link=link', '--one-time']);
      expect(code, stderr).toBe(0);
      expect(published(join(root, 'link'))).toBe(oid);
    }
  });

  test('git:// URLs', async () => {
    const { dir, root, first } = fixture();
    const { spawn } = await import('node:child_process');
    const { freePort, listening } = await import('../peers/ports.ts');
    const port = await freePort();
    const daemon = spawn(
      'git',
      ['daemon', '--reuseaddr', `--port=${port}`, '--listen=127.0.0.1', '--export-all', `--base-path=${dir}`],
      { stdio: 'ignore', detached: true },
    );
    try {
      await listening(port);
      const { code, stderr } = await run([
        `--repo=git://127.0.0.1:${port}/repo.git`,
        `--root=${root}`,
        '--link=link',
        '--one-time',
      ]);
      expect(code, stderr).toBe(0);
      expect(published(join(root, 'link'))).toBe(first);
    } finally {
      process.kill(-(daemon.pid ?? 0), 'SIGKILL');
    }
  });

  test('a slow server against the sync timeout: fails in time, and goes on when the server is well', async () => {
    const { args, link, first } = fixture();
    let slow = true;
    const stub = await httpStub(async (_request, response) => {
      if (!slow) response.writeHead(404).end();
    });
    const hanging = await run([
      `--repo=${stub.url}/x`,
      args[1] ?? '',
      '--link=link',
      '--sync-timeout=300ms',
      '--one-time',
    ]);
    expect(hanging).toMatchObject({ code: 1, stderr: expect.stringContaining('no complete answer in time') });
    slow = false;
    expect((await run([...args, '--one-time'])).code).toBe(0);
    expect(published(link)).toBe(first);
  });

  test('a dead server: the published revision stays, and is served again when the server is back', async () => {
    const { upstream, first, link, start } = fixture();
    const process = start('--git-gc=off');
    await untilPublished(link, first, process);
    const { renameSync } = await import('node:fs');
    renameSync(upstream.bare, `${upstream.bare}.x`);
    await process.logged('sync failed');
    expect(read(link, 'a')).toBe('one');
    renameSync(`${upstream.bare}.x`, upstream.bare);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
  });

  test('--git names a wrapper script', async () => {
    const { dir, args, link, first } = fixture();
    const wrapper = script(join(dir, 'my git'), `echo called >> ${dir}/log`, 'exec git "$@"');
    expect((await run([...args, '--one-time', `--git=${wrapper}`])).code).toBe(0);
    expect(published(link)).toBe(first);
    expect(read(dir, 'log')).toContain('called');
  });

  test.skipIf(missing('git-lfs'))(
    '--lfs replaces pointers by content; without it they stay, as in git-sync',
    async () => {
      const { upstream, args, link } = fixture();
      const home = { ...process.env, HOME: upstream.work, GIT_CONFIG_NOSYSTEM: '1' };
      const lfs = (...words: string[]): void =>
        void execFileSync('git', words, { cwd: upstream.work, env: home, stdio: 'pipe' });
      lfs('lfs', 'install', '--local', '--skip-smudge');
      lfs('lfs', 'track', '*.bin');
      upstream.write({ 'x.bin': 'large content' });
      lfs('add', '.gitattributes', 'x.bin');
      lfs('-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '-q', '-m', 'lfs');
      lfs('push', '-q', 'origin', 'HEAD');
      const remote = args.map((arg) => arg.replace('--repo=/', '--repo=file:///'));
      expect((await run([...remote, '--one-time'])).code).toBe(0);
      expect(read(link, 'x.bin')).toContain('git-lfs.github.com/spec');
      const { code, stderr } = await run([...remote, '--one-time', '--lfs']);
      expect(code, stderr).toBe(0);
      expect(read(link, 'x.bin')).toBe('large content');
    },
  );
});

describe('compat 9 faults that ours must not have', () => {
  test('compat 9.1: a link that points outside is replaced, and what it pointed at is not touched', async () => {
    const { dir, upstream, args, root, link, first } = fixture();
    const outside = join(dir, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'precious'), 'data');
    for (const target of [outside, '../outside']) {
      rmSync(link, { force: true });
      mkdirSync(root, { recursive: true });
      symlinkSync(target, link);
      expect((await run([...args, '--one-time'])).code).toBe(0);
      expect(published(link)).toBe(upstream.head());
      upstream.commit({ a: `${target}` });
      expect((await run([...args, '--one-time'])).code).toBe(0);
      expect(read(outside, 'precious')).toBe('data');
    }
    expect(first).toBeTruthy();
  });

  test('compat 9.1: a symlink in .worktrees that is named like a commit is removed, not followed', async () => {
    const { dir, args, root, first, upstream } = fixture();
    const outside = join(dir, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'precious'), 'data');
    await run([...args, '--one-time']);
    const other = 'a'.repeat(40);
    symlinkSync(outside, join(root, '.worktrees', other));
    upstream.commit({ a: 'two' });
    await run([...args, '--one-time']);
    expect(read(outside, 'precious')).toBe('data');
    expect(readdirSync(join(root, '.worktrees'))).toEqual([upstream.head()]);
    expect(first).toBeTruthy();
  });

  test('compat 9.5: a damaged repository is made anew while the link goes on showing a complete tree', async () => {
    const { upstream, first, root, link, start } = fixture();
    const process = start();
    await untilPublished(link, first, process);
    for (const name of readdirSync(join(root, '.git/objects')))
      rmSync(join(root, '.git/objects', name), { recursive: true, force: true });
    let gaps = 0;
    let watching = true;
    const watch = (async () => {
      while (watching) {
        if (read(link, 'a') === undefined) gaps += 1;
        await new Promise((done) => setTimeout(done, 1));
      }
    })();
    const second = upstream.commit({ a: 'two' });
    await untilPublished(link, second, process);
    watching = false;
    await watch;
    expect(gaps).toBe(0);
    expect(read(link, 'a')).toBe('two');
  });

  test('compat 9.9: edits of tracked files, untracked files and a deleted .git are noticed while running', async () => {
    const { first, link, start } = fixture();
    const process = start('--verify-period=100ms');
    await untilPublished(link, first, process);
    writeFileSync(join(link, 'untracked'), 'x');
    expect((await process.logged('no commit put there')).files).toBe('untracked');
    expect(existsSync(join(link, 'untracked'))).toBe(true);
    writeFileSync(join(link, 'a'), 'edited');
    await process.logged('tracked files in the published tree were changed');
    await until('it is repaired', () => read(link, 'a') === 'one');
    expect(published(link)).toBe(first);
    rmSync(join(link, '.git'));
    await until('.git is back', () => existsSync(join(link, '.git')));
    expect(published(link)).toBe(first);
    expect(git(link, 'status', '--porcelain')).toBe('');
  });

  test('compat 9.9: a tree that a hook changes is reported but left alone until a restart', async () => {
    const { dir, first, link, start } = fixture();
    const hook = script(join(dir, 'hook'), 'echo built >> a');
    const process = start('--verify-period=100ms', `--exechook-command=${hook}`);
    await untilPublished(link, first, process);
    await process.logged('tracked files in the published tree were changed');
    await new Promise((done) => setTimeout(done, 500));
    expect(read(link, 'a')).toBe('onebuilt\n');
    expect(process.logs.filter((line) => line.msg === 'published')).toHaveLength(1);
  });

  test('compat 9.2, 9.3: locks that appear while running do not stop it', async () => {
    const { upstream, first, root, link, start } = fixture();
    const process = start();
    await untilPublished(link, first, process);
    symlinkSync('nowhere', join(root, 'tmp-link'));
    for (const name of ['HEAD.lock', 'shallow.lock', 'refs/heads/git-sync.lock'])
      writeFileSync(join(root, '.git', name), '');
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
  });

  test('the link vanishes while the remote is down: the last revision is published again from what is here', async () => {
    const { upstream, first, link, root, start } = fixture();
    const process = start();
    await untilPublished(link, first, process);
    const { renameSync } = await import('node:fs');
    renameSync(upstream.bare, `${upstream.bare}.x`);
    await process.logged('sync failed');
    rmSync(link);
    rmSync(join(root, '.worktrees'), { recursive: true });
    await untilPublished(link, first, process);
    expect(read(link, 'a')).toBe('one');
    await process.stop();
    rmSync(link);
    const again = start();
    await untilPublished(link, first);
    await again.stop();
    rmSync(link);
    const elsewhere = start('--ref=another');
    await elsewhere.logged('sync failed');
    expect(published(link)).toBeUndefined();
  });

  test('the link vanishes or is redirected while running: put right at the next poll', async () => {
    const { first, link, start } = fixture();
    const process = start();
    await untilPublished(link, first, process);
    rmSync(link);
    await untilPublished(link, first, process);
    rmSync(link);
    symlinkSync('/etc', link);
    await untilPublished(link, first, process);
    expect(existsSync('/etc/passwd')).toBe(true);
  });

  test('repository content cannot lead out: symlinks, hooks, odd names', async () => {
    const { dir, upstream, args, link } = fixture();
    const oid = upstream.commit({
      up: { link: '../../../../etc/passwd' },
      '-rf': 'x',
      'new\nline': 'y',
      run: { exec: '#!/bin/sh\n' },
      'ü/ñ': 'z',
      '.gitattributes': '* text=auto\n',
    });
    writeFileSync(join(dir, 'never'), '');
    expect((await run([...args, '--one-time'])).code).toBe(0);
    expect(published(link)).toBe(oid);
    expect(git(link, 'status', '--porcelain')).toBe('');
    expect(read(link, '-rf')).toBe('x');
  });

  test('a corrupt .gitmodules publishes nothing', async () => {
    const { upstream, args, link } = fixture();
    const inner = new Upstream(join(upstream.work, '..'), 'inner.git');
    inner.commit({ i: '1' });
    upstream.git('submodule', '--quiet', 'add', '../inner.git', 'lib');
    upstream.write({ '.gitmodules': '[submodule "lib"\npath=' });
    upstream.commit({});
    expect(await run([...args, '--one-time'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ERR_CHECKOUT_SUBMODULE'),
    });
    expect(published(link)).toBeUndefined();
  });

  test('compat 9.4: an idle poll starts no git and writes nothing over HTTP; see also test/e2e/sync.test.ts', async () => {
    const { dir, upstream, first } = fixture();
    const { httpGit } = await import('../kit/http-git.ts');
    const url = await httpGit(dir);
    const root = join(dir, 'r2');
    const process = sidecar([`--repo=${url}/repo.git`, `--root=${root}`, '--link=link', '--period=30ms', '-v=5']);
    await untilPublished(join(root, 'link'), first, process);
    await atRest(process);
    const commands = process.logs.filter((line) => line.msg === 'git').length;
    await new Promise((done) => setTimeout(done, 500));
    expect(process.logs.filter((line) => line.msg === 'git')).toHaveLength(commands);
    expect(upstream.head()).toBe(first);
  });
});
