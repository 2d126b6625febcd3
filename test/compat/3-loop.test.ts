import { existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { atRest } from '../kit/at-rest.ts';
import { inotifywait } from '../kit/inotify.ts';
import { fixture } from '../kit/setup.ts';
import { published, read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { git, Upstream } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { delay, until } from '../peers/wait.ts';

const FILE_SUBMODULES = '--git-config=protocol.file.allow:always';

describe('compat 3 refs, v4', () => {
  test('HEAD, branch, tag, annotated tag, refs/…, full oid', async () => {
    const { upstream, args, link, first } = fixture();
    const head = upstream.commit({ a: 'two' });
    upstream.git('branch', 'topic', first);
    upstream.git('tag', 'light', first);
    upstream.git('tag', '-a', '-m', 'x', 'annotated', first);
    upstream.push('topic', 'light', 'annotated');
    for (const [ref, oid] of [
      ['HEAD', head],
      ['main', head],
      ['topic', first],
      ['light', first],
      ['annotated', first],
      ['refs/heads/topic', first],
      ['refs/tags/annotated', first],
      [first, first],
      [head, head],
    ]) {
      const { code, stderr } = await run([...args, '--one-time', `--ref=${ref}`]);
      expect(code, stderr).toBe(0);
      expect([ref, published(link)]).toEqual([ref, oid]);
    }
  });

  test('a tag wins over a branch of the same name; an abbreviated oid and an unknown ref fail and publish nothing', async () => {
    const { upstream, args, link, first } = fixture();
    const second = upstream.commit({ a: 'two' });
    upstream.git('tag', 'both', first);
    upstream.git('branch', 'both', second);
    upstream.push('refs/tags/both', 'refs/heads/both');
    for (const ref of [first.slice(0, 8), 'nope', 'refs/heads/nope']) {
      expect(await run([...args, '--one-time', `--ref=${ref}`])).toMatchObject({ code: 1 });
      expect(published(link)).toBeUndefined();
    }
    await run([...args, '--one-time', '--ref=both']);
    expect(published(link)).toBe(first);
  });

  test('compat 9.17: a full oid is published once and not polled, yet its link is repaired and a signal starts a sync', async () => {
    const { upstream, first, link, start } = fixture();
    const process = start(`--ref=${first}`, '-v=5', '--sync-on-signal=HUP');
    await untilPublished(link, first, process);
    upstream.commit({ a: 'two' });
    const { rmSync } = await import('node:fs');
    await atRest(process);
    const commands = process.logs.filter((line) => line.msg === 'git').length;
    await delay(300);
    expect(process.logs.filter((line) => line.msg === 'git')).toHaveLength(commands);
    rmSync(link);
    await untilPublished(link, first, process);
    process.kill('SIGHUP');
    await process.logged('syncing now');
  });

  test('an oid that no ref names, and one that lies back in history, are found', async () => {
    const { upstream, args, link, first } = fixture();
    upstream.commit({ a: 'two' });
    expect((await run([...args, '--one-time', `--ref=${first}`])).code).toBe(0);
    expect(published(link)).toBe(first);
    const absent = '1234567890'.repeat(4);
    const refused = await run([...args, '--one-time', `--ref=${absent}`]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('ERR_REMOTE_REF') });
    expect(published(link)).toBe(first);
  });

  test('force-push backwards and to an unrelated history, a rewritten tag, a branch that is deleted and made again', async () => {
    const { upstream, first, link, start } = fixture();
    const second = upstream.commit({ a: 'two' });
    const process = start('--ref=main');
    await untilPublished(link, second, process);
    upstream.git('reset', '-q', '--hard', first);
    upstream.push();
    await untilPublished(link, first, process);
    upstream.git('checkout', '-q', '--orphan', 'unrelated');
    upstream.write({ b: 'new' });
    upstream.git('add', '-A');
    upstream.git('commit', '-q', '-m', 'unrelated');
    upstream.push('unrelated:main');
    const unrelated = upstream.head();
    await untilPublished(link, unrelated, process);
    git(upstream.bare, 'update-ref', '-d', 'refs/heads/main');
    await process.logged('ERR_REMOTE_REF');
    expect(published(link)).toBe(unrelated);
    upstream.git('checkout', '-q', 'main');
    upstream.push();
    await untilPublished(link, first, process);
  });

  test('a rewritten annotated tag is followed', async () => {
    const { upstream, first, link, start } = fixture();
    upstream.git('tag', '-a', '-m', '1', 'release');
    upstream.push('release');
    const process = start('--ref=release');
    await untilPublished(link, first, process);
    const second = upstream.commit({ a: 'two' });
    upstream.git('tag', '-f', '-a', '-m', '2', 'release');
    upstream.push('release');
    await untilPublished(link, second, process);
  });

  test('the ref can be switched by a restart', async () => {
    const { upstream, args, link, first } = fixture();
    upstream.git('branch', 'old', first);
    upstream.push('old');
    const second = upstream.commit({ a: 'two' });
    await run([...args, '--one-time', '--ref=main']);
    expect(published(link)).toBe(second);
    await run([...args, '--one-time', '--ref=old']);
    expect(published(link)).toBe(first);
  });
});

describe('compat 3 refs, v3', () => {
  const v3 = (upstream: Upstream, root: string, ...more: string[]) => [
    `--repo=${upstream.bare}`,
    `--root=${root}`,
    '--dest=link',
    '--branch=main',
    '--one-time',
    ...more,
  ];

  test('--rev: HEAD, a tag, a full and an abbreviated oid on the branch', async () => {
    const { upstream, root, link, first } = fixture();
    const second = upstream.commit({ a: 'two' });
    upstream.git('tag', 'v1', first);
    upstream.push('v1');
    for (const [rev, oid] of [
      ['HEAD', second],
      ['v1', first],
      [second, second],
      [first.slice(0, 8), first],
    ]) {
      const { code, stderr } = await run(v3(upstream, root, `--rev=${rev}`));
      expect(code, stderr).toBe(0);
      expect([rev, published(link)]).toEqual([rev, oid]);
    }
  });

  test('--rev=<branch> fails; a restart with another --rev takes effect', async () => {
    const { upstream, root, link, first } = fixture();
    upstream.git('branch', 'topic');
    upstream.push('topic');
    expect((await run(v3(upstream, root, '--rev=topic'))).code).toBe(1);
    const second = upstream.commit({ a: 'two' });
    await run(v3(upstream, root, `--rev=${first}`));
    expect(published(link)).toBe(first);
    await run(v3(upstream, root, `--rev=${second}`));
    expect(published(link)).toBe(second);
  });

  test('--branch=<tag> publishes the tag and is steady', async () => {
    const { upstream, root, link, first } = fixture();
    upstream.git('tag', '-a', '-m', 'x', 'v1', first);
    upstream.push('v1');
    const process = sidecar([`--repo=${upstream.bare}`, `--root=${root}`, '--dest=link', '--branch=v1', '--wait=0.05']);
    await untilPublished(link, first, process);
    await delay(400);
    expect(process.count('published')).toBe(1);
  });

  test('all of history and all tags are there, so git describe works in the worktree', async () => {
    const { upstream, root, link, first } = fixture();
    upstream.git('tag', 'v1', first);
    upstream.push('v1');
    upstream.commit({ a: 'two' });
    await run(v3(upstream, root));
    expect(git(link, 'describe', '--tags')).toMatch(/^v1-1-g/);
  });
});

describe('compat 3 depth, filter, sparse checkout, gc', () => {
  const commits = (link: string): number => Number(git(link, 'rev-list', '--count', 'HEAD'));

  test('depth 1 by default, kept over updates; 1→2→0→1→3 by restarts', async () => {
    const { upstream, args, link } = fixture();
    for (const text of ['two', 'three', 'four']) upstream.commit({ a: text });
    const remote = args.map((arg) => arg.replace('--repo=/', '--repo=file:///'));
    for (const [depth, expected] of [
      ['1', 1],
      ['2', 2],
      ['0', 4],
      ['1', 1],
      ['3', 3],
    ] as const) {
      const { code, stderr } = await run([...remote, '--one-time', `--depth=${depth}`]);
      expect(code, stderr).toBe(0);
      expect([depth, commits(link)]).toEqual([depth, expected]);
    }
    const process = sidecar([...remote, '--period=40ms']);
    const next = upstream.commit({ a: 'five' });
    await untilPublished(link, next, process);
    expect(commits(link)).toBe(1);
  });

  test('filter and sparse checkout together, over updates; a missing sparse file fails the sync and publishes nothing', async () => {
    const { dir, upstream, root, link } = fixture();
    git(upstream.bare, 'config', 'uploadpack.allowFilter', 'true');
    const oid = upstream.commit({ 'in/x': '1', 'out/y': '2', top: '3' });
    const patterns = join(dir, 'sparse');
    const args = [
      `--repo=file://${upstream.bare}`,
      `--root=${root}`,
      '--link=link',
      '--filter=blob:none',
      `--sparse-checkout-file=${patterns}`,
    ];
    const failed = await run([...args, '--one-time']);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('ERR_CHECKOUT_SPARSE_FILE') });
    expect(published(link)).toBeUndefined();
    writeFileSync(patterns, '/in/\n');
    const process = sidecar([...args, '--period=40ms']);
    await untilPublished(link, oid, process);
    expect([existsSync(join(link, 'in/x')), existsSync(join(link, 'out')), existsSync(join(link, 'top'))]).toEqual([
      true,
      false,
      false,
    ]);
    const next = upstream.commit({ 'in/x': 'new', 'out/y': 'new' });
    await untilPublished(link, next, process);
    expect(read(link, 'in/x')).toBe('new');
    expect(existsSync(join(link, 'out'))).toBe(false);
    await process.stop();
    writeFileSync(patterns, '/out/\n');
    expect((await run([...args, '--one-time'])).code).toBe(0);
    expect([existsSync(join(link, 'in')), read(link, 'out/y')]).toEqual([false, 'new']);
  });

  test.each(['always', 'auto', 'aggressive', 'off'])(
    '--git-gc=%s: disk use after large history was dropped upstream',
    async (mode) => {
      const { upstream, first, link, root, start } = fixture();
      const process = start(`--git-gc=${mode}`, '--ref=main');
      await untilPublished(link, first, process);
      const { randomBytes } = await import('node:crypto');
      const large = upstream.commit({ big: randomBytes(3_000_000).toString('base64') });
      await untilPublished(link, large, process);
      upstream.git('reset', '-q', '--hard', first);
      upstream.push();
      await untilPublished(link, first, process);
      const size = (): number =>
        git(root, 'count-objects', '-v')
          .split('\n')
          .filter((line) => /^size(-pack)?:/.test(line))
          .reduce((sum, line) => sum + Number(line.split(': ')[1]), 0);
      if (mode === 'off') {
        await delay(300);
        expect(size()).toBeGreaterThan(2000);
      } else await until('the space is free again', () => size() < 500);
    },
  );
});

describe('compat 3 submodules', () => {
  function withSubmodules() {
    const it = fixture();
    const inner = new Upstream(it.dir, 'inner.git');
    inner.commit({ i: 'inner' });
    const sub = new Upstream(it.dir, 'sub.git');
    sub.commit({ s: 'sub' });
    sub.git('submodule', '--quiet', 'add', '../inner.git', 'nested');
    sub.commit({});
    it.upstream.git('submodule', '--quiet', 'add', '../sub.git', 'lib');
    const oid = it.upstream.commit({});
    return {
      ...it,
      sub,
      oid,
      args: [`--repo=file://${it.upstream.bare}`, `--root=${it.root}`, '--link=link', FILE_SUBMODULES],
    };
  }

  test.each([
    ['recursive', 'sub', 'inner'],
    ['shallow', 'sub', undefined],
    ['off', undefined, undefined],
  ])('--submodules=%s', async (mode, first, second) => {
    const { args, link, oid } = withSubmodules();
    const { code, stderr } = await run([...args, '--one-time', `--submodules=${mode}`, '--depth=1']);
    expect(code, stderr).toBe(0);
    expect(published(link)).toBe(oid);
    expect([read(link, 'lib/s'), read(link, 'lib/nested/i')]).toEqual([first, second]);
  });

  test('added, changed, moved and removed over updates, by relative URLs', async () => {
    const { upstream, sub, args, link, oid } = withSubmodules();
    const process = sidecar([...args, '--period=40ms']);
    await untilPublished(link, oid, process);
    sub.commit({ s: 'newer' });
    upstream.git('-C', 'lib', 'pull', '-q', 'origin', 'main');
    await untilPublished(link, upstream.commit({}), process);
    expect(read(link, 'lib/s')).toBe('newer');
    upstream.git('mv', 'lib', 'moved');
    await untilPublished(link, upstream.commit({}), process);
    expect([read(link, 'moved/s'), existsSync(join(link, 'lib'))]).toEqual(['newer', false]);
    upstream.git('rm', '-q', '-f', 'moved');
    await untilPublished(link, upstream.commit({}), process);
    expect(existsSync(join(link, 'moved'))).toBe(false);
  });

  test('one that cannot be fetched publishes nothing and keeps the old revision', async () => {
    const { upstream, args, link, oid, sub } = withSubmodules();
    const process = sidecar([...args, '--period=40ms', '--max-failures=-1']);
    await untilPublished(link, oid, process);
    upstream.git('-C', 'lib', 'commit', '-q', '--allow-empty', '-m', 'never pushed');
    upstream.commit({ a: 'points at a commit nobody has' });
    await process.logged('ERR_CHECKOUT_SUBMODULE');
    expect(published(link)).toBe(oid);
    expect(sub.head()).toBeTruthy();
  });
});

describe('compat 3 stale worktrees and the touch file', () => {
  test('--stale-worktree-timeout counts from the flip, for whatever lies in .worktrees (compat.md 13)', async () => {
    const { upstream, first, root, link, start } = fixture();
    const process = start('--stale-worktree-timeout=4s');
    await untilPublished(link, first, process);
    writeFileSync(join(root, '.worktrees', 'note'), 'mine');
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    // The link is made just before the flip.
    const flippedAt = lstatSync(link).mtimeMs;
    await until('the stale worktree is gone', () => !existsSync(join(root, '.worktrees', first)));
    expect(Date.now() - flippedAt).toBeGreaterThanOrEqual(3999);
    await until('so has what is not named after a commit', () => !existsSync(join(root, '.worktrees', 'note')));
  });

  test('the touch file: made with its directories, 0644, touched on a change and at the first loop only', async () => {
    const { upstream, first, root, link, start } = fixture();
    const file = join(root, 'x/touched');
    const process = start('--touch-file=x/touched', '-v=4');
    await untilPublished(link, first, process);
    await until('the file is there', () => existsSync(file));
    expect(statSync(file).mode & 0o777).toBe(0o644);
    await atRest(process);
    const before = statSync(file).mtimeMs;
    await atRest(process);
    expect(statSync(file).mtimeMs).toBe(before);
    upstream.commit({ a: 'two' });
    await until('it is touched', () => statSync(file).mtimeMs > before);
    await process.stop();
    const last = statSync(file).mtimeMs;
    start('--touch-file=x/touched');
    await until('a restart touches it', () => statSync(file).mtimeMs > last);
  });
});

describe.skipIf(missing('inotifywait'))('compat 3 inotify events on root', () => {
  const ALL = ['-e', 'create,delete,move,modify,attrib', '--format', '%e %f'];

  async function eventsOfUpdates(mode: string): Promise<{ lines: string[]; oids: string[] }> {
    const { upstream, root, link, first } = fixture();
    const how =
      mode === 'v4' ? ['--ref=main', '--link=link', '--period=50ms'] : ['--branch=main', '--dest=link', '--wait=0.05'];
    const process = sidecar([`--compat=${mode}`, `--repo=${upstream.bare}`, `--root=${root}`, ...how, '-v=4']);
    await untilPublished(link, first, process);
    await atRest(process);
    const lines = await inotifywait(ALL, root);
    const second = upstream.commit({ a: 'two', 'd/e': 'x' });
    await untilPublished(link, second, process);
    await until(
      'the old worktree is gone',
      () =>
        !existsSync(join(root, first)) &&
        !existsSync(join(root, `rev-${first}`)) &&
        !existsSync(join(root, '.worktrees', first)),
    );
    await atRest(process);
    const last = mode === 'v4' ? 'MOVED_TO link' : 'DELETE,ISDIR';
    await until('the last event is there', () => lines.some((line) => line.startsWith(last)));
    await delay(300);
    return { lines: lines.map((line) => line.replace(/tmp-link\.[0-9a-f]+/, 'tmp-link')), oids: [first, second] };
  }

  test.each([
    ['v3.1', 'rev-'],
    ['v3', ''],
  ])('%s: new directory, link, then exactly one delete of the old directory', async (mode, prefix) => {
    const { lines, oids } = await eventsOfUpdates(mode);
    const [old, next] = oids;
    expect(lines.filter((line) => !line.startsWith('ATTRIB'))).toEqual([
      `CREATE,ISDIR ${prefix}${next}`,
      'CREATE tmp-link',
      'MOVED_FROM tmp-link',
      'MOVED_TO link',
      `DELETE,ISDIR ${prefix}${old}`,
    ]);
  });

  test('v4: only the link is seen to change', async () => {
    const { lines } = await eventsOfUpdates('v4');
    expect(lines).toEqual(['CREATE tmp-link', 'MOVED_FROM tmp-link', 'MOVED_TO link']);
  });

  test('v3: a repair and the update after it are one delete each', async () => {
    const { upstream, root, link, first } = fixture();
    const process = sidecar([
      `--repo=${upstream.bare}`,
      `--root=${root}`,
      '--branch=main',
      '--dest=link',
      '--wait=0.05',
      '--verify-period=50ms',
    ]);
    await untilPublished(link, first, process);
    const lines = await inotifywait(['-e', 'delete', '--format', '%e %f'], root);
    writeFileSync(join(link, 'a'), 'edited');
    await until('it is repaired', () => read(link, 'a') === 'one');
    await until('the edited tree is gone', () => lines.length === 1);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    await until('the repaired tree is gone', () => lines.length === 2);
    await delay(300);
    expect(lines).toEqual([`DELETE,ISDIR ${first}`, `DELETE,ISDIR rev-${first}`]);
  });

  test('idle polls change nothing below root', async () => {
    const { first, root, link, start } = fixture();
    const process = start('-v=4');
    await untilPublished(link, first, process);
    await atRest(process);
    const lines = await inotifywait(['-r', ...ALL], root);
    await delay(500);
    expect(lines).toEqual([]);
  });

  test('the first article’s script, unmodified but for its paths: one run an update, after the new link is in place', async () => {
    const { dir, upstream, root } = fixture();
    const { mkdirSync } = await import('node:fs');
    const { spawn } = await import('node:child_process');
    const project = join(dir, 'project');
    const git = join(dir, 'git');
    for (const path of [project, git]) mkdirSync(path);
    upstream.git('checkout', '-q', '-b', 'develop');
    const app = (text: string) => ({ 'tests/t': text, 'app/main': text, Pipfile: text });
    const first = upstream.commit(app('1'));
    upstream.push('develop');
    const process = sidecar(
      [
        `--repo=${upstream.bare}`,
        '--branch=develop',
        '--depth=1',
        `--root=${git}`,
        '--dest=synchronized',
        '--wait=0.05',
      ],
      {
        GIT_SYNC_USERNAME: 'jylee',
        GIT_SYNC_PASSWORD: 'mypassword',
      },
    );
    await untilPublished(join(git, 'synchronized'), first, process);
    const script = `set -e
inotifywait -m -e delete "${git}" |
while read dirname eventlist filename
  do
    cp -fR ${git}/synchronized/tests ${project}
    cp -fR ${git}/synchronized/app ${project}
    cp -fR ${git}/synchronized/Pipfile ${project}

    cd ${project}

    echo "$(cat app/main)" >> ${dir}/builds
  done`;
    const shell = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let said = '';
    shell.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    try {
      await until('the script watches', () => said.includes('Watches established'));
      for (const text of ['2', '3', '4']) {
        await untilPublished(join(git, 'synchronized'), upstream.commit(app(text)), process);
        await until(`build ${text}`, () => read(dir, 'builds')?.includes(text));
        await delay(200);
      }
      expect(readFileSync(join(dir, 'builds'), 'utf8')).toBe('2\n3\n4\n');
      expect(readdirSync(root.replace(/root$/, 'git')).sort()).toHaveLength(3);
    } finally {
      globalThis.process.kill(-(shell.pid ?? 0), 'SIGKILL');
    }
  });
});
