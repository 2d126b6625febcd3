import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PATH_TREE, pathFixture } from '../kit/path-fixture.ts';
import { startRelay } from '../kit/relay.ts';
import { read } from '../kit/sidecar.ts';
import { git, Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

describe('--path', () => {
  test('only the sub-directory is fetched and written, and the link shows it', async () => {
    const it = await pathFixture(PATH_TREE);
    const { code, stderr } = await it.once(['--path=a/b']);
    expect(code, stderr).toBe(0);
    expect(it.shown()).toEqual({ oid: it.first, path: 'a/b' });
    expect(read(it.link, 'one')).toBe('1');
    expect(read(it.link, 'deep/two')).toBe('2');
    expect(readdirSync(join(it.root, '.worktrees', it.first)).sort()).toEqual(['.git', 'a']);
    expect(readdirSync(join(it.root, '.worktrees', it.first, 'a'))).toEqual(['b']);
    expect(it.blobs()).toHaveLength(2);
  });

  test('a server without partial clone gives out everything, and the sub-directory alone is written', async () => {
    const it = await pathFixture(PATH_TREE, { isPlain: true });
    const { code, stderr } = await it.once(['--path=a/b']);
    expect(code, stderr).toBe(0);
    expect(readdirSync(join(it.root, '.worktrees', it.first, 'a'))).toEqual(['b']);
    expect(it.blobs()).toHaveLength(5);
  });

  test('a commit that leaves it as it was publishes nothing, runs no hook, and is not fetched again', async () => {
    const it = await pathFixture(PATH_TREE);
    const told = join(it.dir, 'told');
    const hook = join(it.dir, 'hook.sh');
    writeFileSync(hook, `#!/bin/sh\necho "$GITSYNC_HASH $(pwd) $(ls)" >> ${told}\n`, { mode: 0o755 });
    const touched = join(it.dir, 'touched');
    const args = ['--path=a/b', `--exechook-command=${hook}`, `--touch-file=${touched}`, '-v=5'];
    const process = it.start(args);
    await it.untilShown(it.first, process);
    await until(
      'the hook ran',
      () => read(told)?.trim() === `${it.first} ${join(it.root, '.worktrees', it.first, 'a/b')} deep\none`,
    );
    // It is there a moment before it has its time.
    await until('the file was touched', () => existsSync(touched) && process.count('next sync') > 0);
    const before = lstatSync(touched).mtimeMs;
    it.upstream.commit({ top: 'changed', 'a/new': 'n' });
    await process.logged('a commit changes nothing of what is published');
    expect(it.shown().oid).toBe(it.first);
    const fetches = () =>
      process.logs.filter(({ msg, args: words }) => msg === 'git' && /^fetch /.test(String(words))).length;
    const [fetched, polled] = [fetches(), process.count('next sync')];
    await until('some more polls', () => process.count('next sync') >= polled + 6);
    expect(fetches()).toBe(fetched);
    expect(lstatSync(touched).mtimeMs).toBe(before);
    expect(read(told)?.trim().split('\n')).toHaveLength(2);

    await process.stop();
    const again = it.start(args);
    await until('it polls', () => again.count('next sync') >= 3);
    expect(again.logs.filter(({ msg, args: words }) => msg === 'git' && /^fetch /.test(String(words)))).toEqual([]);
    expect(again.count('a commit changes nothing')).toBe(0);

    const inside = it.upstream.commit({ 'a/b/one': 'changed' });
    await it.untilShown(inside, again);
    expect(read(it.link, 'one')).toBe('changed');
  });

  test('a change of attributes above it that changes how its files are written is published', async () => {
    const it = await pathFixture({ ...PATH_TREE, 'a/b/one': 'one\n', '.gitattributes': '' });
    const process = it.start(['--path=a/b']);
    await it.untilShown(it.first, process);
    expect(read(it.link, 'one')).toBe('one\n');
    const second = it.upstream.commit({ '.gitattributes': '* text eol=crlf\n' });
    await it.untilShown(second, process);
    expect(read(it.link, 'one')).toBe('one\r\n');
  });

  test('published files that somebody edits are repaired, also when the branch has moved on beside them', async () => {
    const it = await pathFixture(PATH_TREE);
    const again = async (): Promise<void> => {
      const { code, stderr } = await it.once(['--path=a/b']);
      expect(code, stderr).toBe(0);
      expect([read(it.link, 'one'), read(it.link, 'deep', 'two')]).toEqual(['1', '2']);
    };
    await again();
    writeFileSync(join(it.link, 'one'), 'edited');
    await again();
    it.upstream.commit({ top: 'changed' });
    await again();
    expect(it.shown().oid).toBe(it.first);
    // Of this commit nothing was published, and what is published is looked at at each start all the same.
    rmSync(join(it.link, 'deep'), { recursive: true });
    await again();
    it.upstream.commit({ top: 'changed again' });
    writeFileSync(join(it.link, 'one'), 'edited');
    await again();
    rmSync(join(it.link, '..'), { recursive: true });
    await again();
  });

  test('a link that somebody puts on the way there is not followed', async () => {
    const it = await pathFixture(PATH_TREE);
    const process = it.start(['--path=a/b', '--verify-period=0']);
    await it.untilShown(it.first, process);
    const outside = join(it.dir, 'outside');
    mkdirSync(join(outside, 'b'), { recursive: true });
    writeFileSync(join(outside, 'b', 'precious'), 'precious');
    const tree = join(it.root, '.worktrees', it.first, 'a');
    rmSync(tree, { recursive: true });
    symlinkSync(outside, tree);
    await until('it shows the commit again', () => read(it.link, 'one') === '1');
    expect(readdirSync(join(outside, 'b'))).toEqual(['precious']);
  });

  test('another --path at a restart: the link goes from one directory to the other, and back to the whole', async () => {
    const it = await pathFixture(PATH_TREE);
    expect((await it.once(['--path=a/b'])).code).toBe(0);
    const { code, stderr } = await it.once(['--path=c']);
    expect(code, stderr).toBe(0);
    expect(it.shown()).toEqual({ oid: it.first, path: 'c' });
    expect(readdirSync(it.link)).toEqual(['d']);
    expect((await it.once(['--path=a'])).code).toBe(0);
    expect(readdirSync(it.link).sort()).toEqual(['b', 'other']);
    expect((await it.once([])).code).toBe(0);
    expect(it.shown()).toEqual({ oid: it.first, path: undefined });
    expect(readdirSync(it.link).sort()).toEqual(['.git', 'a', 'c', 'top']);
    const trees = join(it.root, '.worktrees');
    const second = existsSync(join(trees, 'rebuilt')) ? readdirSync(join(trees, 'rebuilt')) : [];
    expect([...readdirSync(trees).filter((name) => name !== 'rebuilt'), ...second]).toEqual([it.first]);
  });

  test('a server that gives out commits only: everything is fetched, and the sub-directory is published', async () => {
    const it = await pathFixture(PATH_TREE);
    // The older protocol lets a server refuse objects that no ref names (git-config, uploadpack.allowAnySHA1InWant).
    const old = '--git-config=protocol.version:0';
    const { code, stderr } = await it.once(['--path=a/b', old]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('the server gives out no single files, so everything is fetched');
    expect(readdirSync(it.link).sort()).toEqual(['deep', 'one']);
    const process = it.start(['--path=a/b', old]);
    await until('it polls', () => process.count('next sync') >= 3);
    expect(process.count('the published tree is rebuilt')).toBe(0);
    it.upstream.commit({ top: 'changed' });
    await process.logged('a commit changes nothing of what is published');
    const inside = it.upstream.commit({ 'a/b/one': '2' });
    await it.untilShown(inside, process);
    expect(process.count('the server gives out no single files')).toBe(0);
  });

  test.each(['0', '1', '3'])('with --depth=%s', async (depth) => {
    const it = await pathFixture(PATH_TREE);
    const process = it.start(['--path=a/b', `--depth=${depth}`, '--git-gc=always']);
    await it.untilShown(it.first, process);
    for (const text of ['1', '2', '3']) {
      it.upstream.commit({ top: text });
      const next = it.upstream.commit({ 'a/b/one': `one ${text}` });
      await it.untilShown(next, process);
      expect(read(it.link, 'one')).toBe(`one ${text}`);
    }
    await process.stop();
    git(join(it.root, '.git'), 'fsck', '--connectivity-only');
    const history = git(join(it.root, '.git'), 'rev-list', 'HEAD').split('\n');
    expect(history).toHaveLength(depth === '0' ? 7 : Number(depth));
  });

  test('objects that nobody needs go, while the commit that is published is kept as the branch moves on', async () => {
    const it = await pathFixture(PATH_TREE);
    const args = ['--path=a/b', '--git-gc=always', '--no-spare'];
    const process = it.start(args);
    await it.untilShown(it.first, process);
    for (let count = 1; count <= 6; count += 1) {
      it.upstream.commit({ [`more/${count}`]: `${count}` });
      await until('it is considered', () => process.count('a commit changes nothing of what is published') === count);
    }
    const all = () =>
      git(join(it.root, '.git'), 'cat-file', '--batch-all-objects', '--batch-check=%(objecttype)').split('\n');
    await until('the garbage was collected', () => all().filter((type) => type === 'commit').length === 2);
    expect(all().filter((type) => type === 'blob')).toHaveLength(2);
    await process.stop();
    writeFileSync(join(it.link, 'one'), 'edited');
    expect((await it.once(args)).code).toBe(0);
    expect(read(it.link, 'one')).toBe('1');
  });

  test('submodules in it are checked out, and those beside it are left alone', async () => {
    const it = await pathFixture(PATH_TREE);
    const other = new Upstream(it.dir, 'other.git');
    other.commit({ inner: 'inner' });
    for (const path of ['a/b/sub', 'beside']) it.upstream.git('submodule', 'add', '-q', other.bare, path);
    it.upstream.git('commit', '-q', '-m', 'modules');
    it.upstream.push();
    const { code, stderr } = await it.once(['--path=a/b', '--git-config=protocol.file.allow:always']);
    expect(code, stderr).toBe(0);
    expect(read(it.link, 'sub', 'inner')).toBe('inner');
    expect(readdirSync(join(it.root, '.worktrees', it.shown().oid ?? '')).sort()).toEqual(['.git', 'a']);
  });

  test('a relay gives out the files of the part only, and the fleet does not wait for commits beside it', async () => {
    const it = await pathFixture(PATH_TREE);
    const relay = await startRelay({ dir: it.dir, args: [`--allow=${it.url.replace('/repo.git', '/*')}`] });
    const process = it.start(['--path=a/b', `--relay=${relay.url}`, '--period=1h']);
    await it.untilShown(it.first, process);
    expect(it.blobs()).toHaveLength(2);
    const beside = it.upstream.commit({ top: 'changed' });
    await process.logged('a commit changes nothing of what is published');
    await until('the fleet shows it', async () => {
      const fleet = (await (await relay.get('/fleet')).json()) as {
        repositories: { rollouts: { oid: string; done: number }[] }[];
      };
      return fleet.repositories[0]?.rollouts.some(({ oid, done }) => oid === beside && done === 1);
    });
    const inside = it.upstream.commit({ 'a/b/one': 'changed' });
    await it.untilShown(inside, process);
    expect(it.blobs().length).toBeLessThanOrEqual(3);
  });

  test('POST /sync for a commit beside it is answered when it was considered', async () => {
    const it = await pathFixture(PATH_TREE);
    const token = join(it.dir, 'token');
    writeFileSync(token, 'a-token\n');
    const http = [`--http-bind=127.0.0.1:0`, `--sync-token-file=${token}`];
    const process = it.start(['--path=a/b', '--period=1h', ...http]);
    await it.untilShown(it.first, process);
    const { port } = await process.logged('serving HTTP');
    const beside = it.upstream.commit({ top: 'changed' });
    const answer = await fetch(`http://127.0.0.1:${port}/sync?wait=20s&commit=${beside}`, {
      method: 'POST',
      headers: { authorization: 'Bearer a-token' },
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ status: 'synced', oid: it.first });
  });

  test.each(['--path=a/b', '--filter=blob:none'])(
    'a repository that is a path can be cloned in part: %s',
    async (how) => {
      const it = await pathFixture(PATH_TREE);
      const { code, stderr } = await it.once([how, `--repo=${it.upstream.bare}`]);
      expect(code, stderr).toBe(0);
      expect(it.blobs()).toHaveLength(how.startsWith('--path') ? 2 : 5);
      expect(git(join(it.root, '.git'), 'config', '--get-regexp', 'promisor')).toContain('file://');
    },
  );

  test('a filter of the user’s wins', async () => {
    const it = await pathFixture({ ...PATH_TREE, 'a/b/large': 'l'.repeat(3000), 'c/large': 'm'.repeat(3000) });
    const { code, stderr } = await it.once(['--path=a/b', '--filter=blob:limit=1k']);
    expect(code, stderr).toBe(0);
    expect(readdirSync(it.link).sort()).toEqual(['deep', 'large', 'one']);
    expect(it.blobs()).toHaveLength(6);
  });
});

describe('--sparse-checkout', () => {
  test('patterns on the command line are those of a file', async () => {
    const it = await pathFixture(PATH_TREE);
    const { code, stderr } = await it.once(['--sparse-checkout=/a/', '--sparse-checkout=!/a/b/deep/']);
    expect(code, stderr).toBe(0);
    expect(readdirSync(it.link).sort()).toEqual(['.git', 'a']);
    expect(readdirSync(join(it.link, 'a/b'))).toEqual(['one']);
    const file = join(it.dir, 'patterns');
    writeFileSync(file, '/a/\n!/a/b/deep/\n');
    const again = await it.once([`--sparse-checkout-file=${file}`]);
    expect(again.code).toBe(0);
    expect(again.stderr, 'nothing has to be made anew').not.toContain('is rebuilt');
  });
});
