import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import chokidar from 'chokidar';
import { describe, expect, onTestFinished, test } from 'vitest';
import { exactTree } from '../kit/exact-tree.ts';
import { httpGit } from '../kit/http-git.ts';
import { inotifywait } from '../kit/inotify.ts';
import { openPrivateMounts } from '../kit/private-mounts.ts';
import { generator } from '../kit/random.ts';
import { script } from '../kit/script.ts';
import { published, read, run, Sidecar, sidecar } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { treeOf } from '../kit/tree-check.ts';
import { Up } from '../kit/up.ts';
import { type Files, Upstream } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';
import { delay, until } from '../peers/wait.ts';

async function setUp(files: Files = { a: 'one', 'd/b': 'x', 'd/gone': 'y' }) {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit(files);
  const url = `${await httpGit(dir)}/repo.git`;
  const [root, into] = [join(dir, 'root'), join(dir, 'into')];
  const args = [
    `--repo=${url}`,
    `--root=${root}`,
    '--link=link',
    `--into=${into}`,
    '--revision-file=.revision',
    '--period=30ms',
    '--max-failures=-1',
  ];
  return {
    ...{ dir, upstream, first, url, root, into, args },
    link: join(root, 'link'),
    /** The directory is complete, and nobody but us has put anything there. */
    files: (): Map<string, string> => {
      const found = treeOf(into);
      found.delete('.revision');
      return found;
    },
    reached: async (oid: string, process?: Sidecar): Promise<void> => {
      await until(
        () => `${oid} is in the directory\n${process?.stderr.slice(-3000) ?? ''}`,
        () => read(into, '.revision') === `${oid}\n`,
      );
    },
  };
}

describe('sync into a directory', () => {
  test('the directory has the files of each commit; what others put there stays; the link follows', async () => {
    const it = await setUp();
    mkdirSync(join(it.into, 'd'), { recursive: true });
    writeFileSync(join(it.into, 'd', 'theirs'), 'theirs');
    const process = sidecar(it.args);
    await it.reached(it.first, process);
    expect(it.files()).toEqual(new Map([...treeOf(it.upstream.work), ['d/theirs', 'file theirs']]));
    const kept = statSync(join(it.into, 'd', 'b')).ino;
    const second = it.upstream.commit({ a: { exec: 'two' }, 'd/gone': null, 'new/deep': 'z', l: { link: 'd/b' } });
    await it.reached(second, process);
    expect(it.files()).toEqual(new Map([...treeOf(it.upstream.work), ['d/theirs', 'file theirs']]));
    expect(statSync(join(it.into, 'd', 'b')).ino).toBe(kept);
    await until('the link follows', () => published(it.link) === second);
    expect(process.count('sync failed')).toBe(0);
  });

  test('hooks run in the directory when it is complete; the pre-publish hook runs before anything changes', async () => {
    const it = await setUp();
    const out = join(it.dir, 'out');
    const hook = script(join(it.dir, 'hook'), `echo "hook $PWD $(cat a) $GITSYNC_HASH $(cat .revision)" >> ${out}`);
    const ask = script(join(it.dir, 'ask'), `echo "ask $(cat a) into:$(cat ${it.into}/a)" >> ${out}`);
    const hooks = [`--exechook-command=${hook}`, `--pre-publish-exechook-command=${ask}`, '--touch-file=touched'];
    const process = sidecar([...it.args, ...hooks]);
    await it.reached(it.first, process);
    const lines = (): string[] => (read(out) ?? '').split('\n').filter(Boolean);
    await until('the hook ran', () => lines().length === 2);
    const second = it.upstream.commit({ a: 'two' });
    await until('the hook ran again', () => lines().length === 4);
    expect(lines()).toEqual([
      'ask one into:',
      `hook ${it.into} one ${it.first} ${it.first}`,
      'ask two into:one',
      `hook ${it.into} two ${second} ${second}`,
    ]);
    await until('the file is touched', () => existsSync(join(it.root, 'touched')));
  });

  test('a refusal of the pre-publish hook leaves the directory as it is', async () => {
    const it = await setUp();
    await run([...it.args, '--one-time']);
    const before = exactTree(it.into);
    it.upstream.commit({ a: 'two' });
    const ask = script(join(it.dir, 'ask'), 'exit 1');
    const args = it.args.filter((arg) => !arg.startsWith('--max-failures'));
    const { code } = await run([...args, '--one-time', `--pre-publish-exechook-command=${ask}`]);
    expect(code).toBe(1);
    expect(exactTree(it.into)).toEqual(before);
  });

  test('files that somebody edits or removes are repaired without a new commit, and the hook runs', async () => {
    const it = await setUp();
    const process = sidecar([...it.args, '--verify-period=20ms', '--touch-file=touched']);
    await it.reached(it.first, process);
    await until('the file is touched', () => existsSync(join(it.root, 'touched')));
    rmSync(join(it.root, 'touched'));
    writeFileSync(join(it.into, 'a'), 'edited');
    rmSync(join(it.into, 'd'), { recursive: true });
    writeFileSync(join(it.into, 'theirs'), 'theirs');
    await until('they are back', () => read(it.into, 'a') === 'one' && read(it.into, 'd', 'b') === 'x', 60_000);
    await until('consumers are told', () => existsSync(join(it.root, 'touched')));
    expect(it.files()).toEqual(new Map([...treeOf(it.upstream.work), ['theirs', 'file theirs']]));
    expect((await process.logged('files of the revision were changed')).files).toMatch(/a/);
  });

  test('with a hook, which may edit files itself, edits are reported and repaired at the next start', async () => {
    const it = await setUp();
    const hook = script(join(it.dir, 'hook'), 'echo built >> a');
    const args = [...it.args, '--verify-period=20ms', `--exechook-command=${hook}`];
    const process = sidecar(args);
    await process.logged('files of the revision were changed', 60_000);
    expect(read(it.into, 'a')).toContain('built');
    await process.stop();
    const again = sidecar(it.args);
    await until('it is repaired', () => read(it.into, 'a') === 'one');
    await again.stop();
  });

  test('what is in the way and not ours is named; nothing is published until it has gone', async () => {
    const it = await setUp();
    const process = sidecar(it.args);
    await it.reached(it.first, process);
    await until('the link shows it', () => published(it.link) === it.first);
    writeFileSync(join(it.into, 'new'), 'theirs');
    const second = it.upstream.commit({ new: 'ours', a: 'two' });
    const line = await process.logged('ERR_INTO_OCCUPIED');
    expect(line.error).toMatch(/not ours: new$/);
    expect(line.hint).toContain('--move-aside');
    expect(published(it.link)).toBe(it.first);
    expect(read(it.into, 'a')).toBe('one');
    expect(read(it.into, 'new')).toBe('theirs');
    rmSync(join(it.into, 'new'));
    await it.reached(second, process);
    expect(it.files()).toEqual(treeOf(it.upstream.work));
  });

  test('where the link cannot be switched, the directory stays at the revision of which hooks have heard', async () => {
    const it = await setUp();
    await run([...it.args, '--one-time']);
    rmSync(it.link);
    mkdirSync(it.link);
    it.upstream.commit({ a: 'two' });
    const { code, stderr } = await run([...it.args, '--one-time', '--max-failures=0']);
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_PUBLISH_LINK_OCCUPIED');
    expect(read(it.into, 'a')).toBe('one');
    expect(read(it.into, '.revision')?.trim()).toBe(it.first);
  });

  test('a new empty volume is filled from what is published, also while the git server is unreachable', async () => {
    const it = await setUp();
    await run([...it.args, '--one-time']);
    rmSync(it.into, { recursive: true });
    const args = it.args.map((arg) => arg.replace(it.url, it.url));
    const offline = sidecar([...args, '--git-config=http.proxy:http://127.0.0.1:1']);
    await it.reached(it.first, offline);
    expect(it.files()).toEqual(treeOf(it.upstream.work));
  });

  test('works in v3’s layout, and with --one-time', async () => {
    const it = await setUp();
    const args = [`-repo=${it.url}`, '-branch=main', `-root=${it.root}`, `-into=${it.into}`, '-one-time'];
    expect((await run(args)).code).toBe(0);
    expect(it.files()).toEqual(treeOf(it.upstream.work));
    it.upstream.commit({ a: 'two', 'd/gone': null });
    expect((await run(args)).code).toBe(0);
    expect(it.files()).toEqual(treeOf(it.upstream.work));
  });

  test('git-sync’s own variables stay as they are: a Pod adds one variable to use it', async () => {
    const it = await setUp();
    const env = { GITSYNC_REPO: it.url, GITSYNC_ROOT: it.root, GITSYNC_ONE_TIME: 'true', GIT_SIDECAR_INTO: it.into };
    expect((await run([], env)).code).toBe(0);
    expect(it.files()).toEqual(treeOf(it.upstream.work));
  });

  test('a symlink that leads into the root by another name is refused at the start', async () => {
    const it = await setUp();
    await run([...it.args, '--one-time']);
    symlinkSync(join(it.root, '.git'), join(it.dir, 'sneaky'));
    const { code, stderr } = await run([...it.args, '--one-time', `--into=${join(it.dir, 'sneaky')}`]);
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_INTO_UNUSABLE');
  });

  test('/status of a document says which commit the directory is at', async () => {
    const it = await setUp();
    const port = await freePort();
    const file = join(it.dir, 'git.yaml');
    const unit = { name: 'site', repo: it.url, root: it.root, into: it.into, period: '30ms' };
    writeFileSync(file, JSON.stringify({ http: { bind: `127.0.0.1:${port}` }, sync: [unit] }));
    const up = new Up(file, port, { home: it.dir });
    const shown = await until('it is there', async () => {
      const units = (await up.status().catch(() => undefined))?.units as Record<string, { into?: { oid?: string } }>;
      return units?.site?.into?.oid ? units.site.into : undefined;
    });
    expect(shown).toEqual({ directory: it.into, oid: it.first });
  });
});

describe('watchers of the directory', () => {
  const isTemporary = (name: string): boolean => name.includes('.tmp-git-sidecar.');

  test('inotifywait -r and one on a directory see each file come, change and go, each in one step', async () => {
    const it = await setUp({ a: 'one', 'd/b': 'x', 'd/gone': 'y' });
    const process = sidecar(it.args);
    await it.reached(it.first, process);
    const recursive = await inotifywait(['-r', '-e', 'moved_to,delete,modify', '--format', '%e %w%f'], it.into);
    const flat = await inotifywait(['-e', 'moved_to,delete', '--format', '%e %f'], join(it.into, 'd'));
    const second = it.upstream.commit({ a: 'two', 'd/b': 'z', 'd/gone': null, 'd/new': 'n' });
    await it.reached(second, process);
    await until('the removal is seen', () => flat.some((line) => line === 'DELETE gone'));
    // What each of them prints comes when it likes.
    await until('the end is seen', () => recursive.some((line) => line === `MOVED_TO ${it.into}/.revision`));
    const shown = recursive.map((line) => line.replace(`${it.into}/`, '')).filter((line) => !isTemporary(line));
    // New and changed files first, removals last.
    expect(shown).toEqual([
      'DELETE .revision',
      'MOVED_TO a',
      'MOVED_TO d/b',
      'MOVED_TO d/new',
      'DELETE d/gone',
      'MOVED_TO .revision',
    ]);
    expect(flat.filter((line) => !isTemporary(line))).toEqual(['MOVED_TO b', 'MOVED_TO new', 'DELETE gone']);
  });

  test.each([
    ['on a file', 'd/b'],
    ['on a directory', 'd'],
  ])('fs.watch %s sees every update', async (_what, path) => {
    const it = await setUp();
    const process = sidecar(it.args);
    await it.reached(it.first, process);
    let seen: (string | null)[] = [];
    const open = () => watch(join(it.into, path), (_event, file) => void seen.push(file));
    let watcher = open();
    onTestFinished(() => watcher.close());
    for (const text of ['two', 'three', 'four']) {
      seen = [];
      await it.reached(it.upstream.commit({ 'd/b': text }), process);
      await until(
        () => `b is seen at ${text}: ${seen}`,
        () => seen.includes('b'),
      );
      if (path !== 'd/b') continue;
      // A watch on a file is about the file that was there: programs open it again, as after any editor.
      watcher.close();
      watcher = open();
    }
  });

  test('fs.watch, recursive, opened again after each update, sees the directory of each file that changes', async () => {
    const it = await setUp();
    const process = sidecar(it.args);
    await it.reached(it.first, process);
    for (const text of ['two', 'three', 'four']) {
      // Node 20 on Linux watches each file, and of one that was replaced it goes on to watch the old one: open it again.
      const seen: (string | null)[] = [];
      const watcher = watch(it.into, { recursive: true }, (_event, file) => void seen.push(file));
      onTestFinished(() => watcher.close());
      await it.reached(it.upstream.commit({ 'd/b': text }), process);
      await until(
        () => `d is seen at ${text}: ${seen}`,
        () => seen.some((file) => file === 'd' || file?.startsWith('d/')),
      );
      watcher.close();
    }
  });

  test('chokidar sees every update, new directories, removals, and .revision each time', async () => {
    const it = await setUp();
    const process = sidecar(it.args);
    await it.reached(it.first, process);
    let seen: string[] = [];
    const watcher = chokidar.watch(it.into, { cwd: it.into, ignoreInitial: true });
    onTestFinished(async () => await watcher.close());
    watcher.on('all', (event, path) => void seen.push(`${event} ${path}`));
    await new Promise<void>((resolve) => watcher.once('ready', () => resolve()));
    const has = async (text: string): Promise<void> => {
      await until(
        () => `${text} is seen: ${seen}`,
        () => seen.includes(text),
      );
      // chokidar takes what happens to a path within 100 ms for one event (its option `atomic`).
      await delay(300);
    };
    for (const text of ['two', 'three', 'four']) {
      seen = [];
      await it.reached(it.upstream.commit({ 'd/b': text }), process);
      await has('change d/b');
    }
    seen = [];
    await it.reached(it.upstream.commit({ 'new/deep/file': 'x', 'd/gone': null }), process);
    // It reads a directory once a second at most, so it may miss a file that comes into a new one right after it.
    for (const text of ['addDir new/deep', 'unlink d/gone', 'change .revision']) await has(text);
  });
});

describe('mounts and other file systems', () => {
  test('the directory is a mount point on another, small file system: a revision that is too large changes nothing', async ({
    skip,
  }) => {
    const mounts = openPrivateMounts();
    if (!mounts) return skip();
    const it = await setUp();
    mkdirSync(it.into);
    mounts.tmpfs(it.into, 1);
    const show = (file: string): string => mounts.command('sh', '-c', `cat ${join(it.into, file)} 2>/dev/null || true`);
    const list = (): string[] =>
      mounts.command('sh', '-c', `cd ${it.into} && find . -type f | sort`).trim().split('\n');
    const process = new Sidecar(it.args, {}, { within: mounts.enter });
    await until('it is there', () => show('.revision') === `${it.first}\n`);
    const before = list();
    it.upstream.commit({ a: 'two', 'd/gone': null, big: 'x'.repeat(2_000_000) });
    const line = await process.logged('ERR_INTO_FAILED');
    expect(line.error).toContain('ENOSPC');
    expect(list()).toEqual(before);
    expect(show('a')).toBe('one');
    expect(show('.revision')).toBe(`${it.first}\n`);
    expect(published(it.link)).toBe(it.first);
    const third = it.upstream.commit({ big: 'small' });
    await until('the next one is there', () => show('.revision') === `${third}\n`);
    expect(show('a')).toBe('two');
    expect(list()).not.toContain('./d/gone');
  });

  test.for([
    ['a directory', 'd', 'd/b'],
    ['a file', 'd/b', 'd/b'],
  ])('nothing is written through %s that is a mount point', async ([_what, mounted = '', changed = ''], { skip }) => {
    const mounts = openPrivateMounts();
    if (!mounts) return skip();
    const it = await setUp();
    await run([...it.args, '--one-time']);
    const foreign = join(it.dir, 'foreign');
    mkdirSync(join(foreign, 'd'), { recursive: true });
    writeFileSync(join(foreign, 'd', 'b'), 'theirs');
    mounts.bind(join(foreign, mounted), join(it.into, mounted));
    const before = exactTree(foreign);
    it.upstream.commit({ [changed]: 'ours', a: 'two', 'd/gone': null });
    const process = new Sidecar(it.args, {}, { within: mounts.enter });
    const line = await process.logged('ERR_INTO_ESCAPE');
    expect(line.error).toContain('it is a mount point');
    expect(exactTree(foreign)).toEqual(before);
    expect(read(it.into, 'a')).toBe('one');
    await process.stop();
  });
});

const ROUNDS = Number(process.env.INTO_KILL_ROUNDS ?? 30);
const SEED = Number(process.env.INTO_KILL_SEED ?? Date.now() % 1_000_000);

describe('SIGKILL at a random instant', () => {
  test(`${ROUNDS} rounds: the revision file names what is there, and the next start goes on`, async () => {
    process.stdout.write(`into kill test: seed ${SEED}\n`);
    const random = generator(SEED);
    const many = (round: number): Files =>
      Object.fromEntries(
        Array.from({ length: 60 }, (_, index) => [`d${index % 5}/f${index}`, index % 3 === 0 ? `${round}` : 'same']),
      );
    const it = await setUp(many(0));
    const trees = new Map([[it.first, treeOf(it.upstream.work)]]);
    const commit = (round: number): string => {
      const oid = it.upstream.commit({ ...many(round), [`only-${round}/x`]: 'here', [`only-${round - 1}`]: null });
      trees.set(oid, treeOf(it.upstream.work));
      return oid;
    };
    let newest = it.first;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const child = sidecar(it.args);
      if (random() < 0.3) await delay(80 + random() * 300);
      else {
        await it.reached(newest, child);
        newest = commit(round);
        // Most of an update is over after so long.
        await until('an update began or ended', () => read(it.into, '.revision') !== undefined || true);
        await delay(random() * 120);
      }
      await child.stop('SIGKILL');
      const shown = read(it.into, '.revision')?.trim();
      if (shown !== undefined) {
        const found = it.files();
        for (const path of [...found.keys()]) if (path.includes('.tmp-git-sidecar.')) found.delete(path);
        expect(found, `round ${round}, seed ${SEED}`).toEqual(trees.get(shown));
      }
    }
    const last = sidecar(it.args);
    await it.reached(newest, last);
    expect(it.files()).toEqual(trees.get(newest));
    expect(readdirSync(join(it.root, '.git-sidecar'))).toEqual(['into.ledger']);
  }, 300_000);
});
