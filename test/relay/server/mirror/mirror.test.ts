import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Git } from '../../../../src/git/git.ts';
import { heal } from '../../../../src/git/heal.ts';
import { asSidecarError, SidecarError } from '../../../../src/model/error.ts';
import type { Oid } from '../../../../src/model/oid.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { readLsRemote } from '../../../../src/poll/ls-remote.ts';
import type { Refs } from '../../../../src/relay/protocol/refs.ts';
import { Mirror } from '../../../../src/relay/server/mirror/mirror.ts';
import type { ObjectSource } from '../../../../src/relay/server/mirror/mirror-objects.ts';
import { readHttpSettings } from '../../../../src/remote/http-settings.ts';
import { UploadPack } from '../../../../src/remote/upload-pack.ts';
import { HandClock } from '../../../kit/hand-clock.ts';
import { httpGit } from '../../../kit/http-git.ts';
import { killedGit } from '../../../kit/killed-git.ts';
import { silentLog } from '../../../kit/silent-log.ts';
import { tempDir } from '../../../kit/temp.ts';
import { GIT_ENV, git, Upstream } from '../../../kit/upstream.ts';
import { missing } from '../../../peers/programs.ts';

const { signal } = new AbortController();

async function setUp(how: 'native' | 'git') {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  upstream.commit({ a: 'one' });
  const url = `${await httpGit(dir)}/repo.git`;
  const settings = readHttpSettings(new URL(url), [], {});
  const native = how === 'native' ? new UploadPack({ url, settings, agent: 'test', now: Date.now }) : undefined;
  const source: ObjectSource = { url, shownUrl: url, native, credentials: [] };
  const git = killedGit(dir);
  const gitDir = join(dir, 'mirrors', 'mirror.git');
  mkdirSync(join(dir, 'mirrors'));
  const wanted = (): Refs => {
    const text = execFileSync('git', ['ls-remote', '--symref', join(dir, 'repo.git')], { env: GIT_ENV }).toString();
    return new Map([...readLsRemote(text)].map((ref) => [ref.name, ref]));
  };
  const leftovers = (): string[] =>
    (readdirSync(gitDir, { recursive: true }) as string[]).filter((name) => /\.lock$|tmp_pack|gc\.pid/.test(name));
  return {
    dir,
    upstream,
    git,
    gitDir,
    source,
    native,
    wanted,
    leftovers,
    open: () => new Mirror({ git, root: dirname(gitDir), gitDir, clock: systemClock, log: silentLog }),
  };
}

/** As a follower does it: what cannot be opened is healed first. */
async function takeUp(mirror: Mirror): Promise<void> {
  try {
    await mirror.open(signal);
  } catch (error) {
    expect(await heal(mirror, asSidecarError(error, 'open'), silentLog, signal)).toBe(true);
    await mirror.open(signal);
  }
}

/** What is there afterwards is what the git server has, whole, and nothing is in the way of the next update. */
async function expectWhole({ open, wanted, leftovers, source }: Awaited<ReturnType<typeof setUp>>): Promise<void> {
  const mirror = open();
  await takeUp(mirror);
  await mirror.update(wanted(), source, signal);
  expect(leftovers()).toEqual([]);
  expect(await mirror.isSound(signal)).toBe(true);
  const again = open();
  await again.open(signal);
  expect([...again.refs].sort()).toEqual([...wanted()].sort());
}

describe('a mirror that an interrupted git left', () => {
  test.each([
    'HEAD.lock',
    'packed-refs.lock',
    'packed-refs.new',
    'refs/heads/main.lock',
    'refs/heads/new.lock',
    'config.lock',
    'shallow.lock',
    'objects/info/commit-graph.lock',
    'objects/info/commit-graphs/commit-graph-chain.lock',
    'objects/pack/multi-pack-index.lock',
    'gc.pid',
    'gc.pid.lock',
    'objects/pack/tmp_pack_Xy12',
  ])('with %s: the next relay moves on', async (name) => {
    const scene = await setUp('native');
    const { upstream, gitDir, wanted, source, open } = scene;
    await open().update(wanted(), source, signal);
    mkdirSync(dirname(join(gitDir, name)), { recursive: true });
    writeFileSync(join(gitDir, name), '');
    upstream.commit({ a: 'two' });
    upstream.git('push', '-q', 'origin', 'HEAD:refs/heads/new');
    await expectWhole(scene);
    expect(existsSync(join(gitDir, name))).toBe(false);
    scene.native?.close();
  });
});

test('the first copy of a repository and tidying up stand back behind an update', async () => {
  const { upstream, git: runner, gitDir, wanted, source, native } = await setUp('native');
  const niceness = new Map<string, number | undefined>();
  const watched: Git = {
    started: 0,
    run: async (args, options) => {
      niceness.set(options.op, options.niceness);
      return await runner.run(args, options);
    },
  };
  const root = dirname(gitDir);
  const mirror = new Mirror({ git: watched, root, gitDir, clock: systemClock, log: silentLog });
  await mirror.update(wanted(), source, signal);
  const first = niceness.get('move the refs of') ?? 0;
  upstream.commit({ a: 'two' });
  await mirror.update(wanted(), source, signal);
  const update = niceness.get('move the refs of') ?? 0;
  await mirror.collectGarbage(signal);
  expect(update).toBeLessThan(first);
  expect(first).toBeLessThan(niceness.get('tidy up') ?? 0);
  native?.close();
});

describe('a repository with very many refs', () => {
  test.each(['native', 'git'] as const)('is mirrored without a file for each, asked %s', async (how) => {
    const { upstream, gitDir, wanted, source, native, open } = await setUp(how);
    const lines = Array.from({ length: 1500 }, (_, index) => `create refs/heads/many/${index} ${upstream.head()}\n`);
    execFileSync('git', ['--git-dir', upstream.bare, 'update-ref', '--stdin'], { env: GIT_ENV, input: lines.join('') });
    const mirror = open();
    await mirror.update(wanted(), source, signal);
    expect(mirror.refs.size).toBeGreaterThan(1500);
    expect(existsSync(join(gitDir, 'refs/heads/many'))).toBe(false);
    const again = open();
    await again.open(signal);
    expect([...again.refs].sort()).toEqual([...wanted()].sort());
    native?.close();
  });

  test('whose refs cannot be packed is mirrored all the same', async () => {
    const { upstream, gitDir, wanted, source, native, open } = await setUp('native');
    const mirror = open();
    await mirror.update(wanted(), source, signal);
    mkdirSync(join(gitDir, 'packed-refs.new'));
    const lines = Array.from({ length: 1500 }, (_, index) => `create refs/heads/many/${index} ${upstream.head()}\n`);
    execFileSync('git', ['--git-dir', upstream.bare, 'update-ref', '--stdin'], { env: GIT_ENV, input: lines.join('') });
    await mirror.update(wanted(), source, signal);
    expect(mirror.refs.size).toBeGreaterThan(1500);
    native?.close();
  });
});

describe('a commit that was forced away', () => {
  test('stays through a tidy-up while it may be asked for, is no ref to anybody, and goes with its time', async () => {
    const { upstream, git: runner, gitDir, source, native, wanted } = await setUp('native');
    const clock = new HandClock();
    const make = (): Mirror => new Mirror({ git: runner, root: dirname(gitDir), gitDir, clock, log: silentLog });
    const mirror = make();
    const base = upstream.head();
    const gone = upstream.commit({ a: 'a password' });
    await mirror.update(wanted(), source, signal);
    upstream.git('reset', '-q', '--hard', base);
    upstream.push();
    await mirror.update(wanted(), source, signal);
    expect([...mirror.refs]).toEqual([...wanted()]);
    expect(mirror.formerTips(() => true)).toEqual([gone]);
    expect(mirror.formerTips((ref) => ref !== 'refs/heads/main')).toEqual([]);
    // As if it had all been there for long.
    const tidy = (): void => void git(gitDir, 'gc', '--quiet', '--prune=now');
    const isThere = (): boolean => git(gitDir, 'cat-file', '--batch-all-objects', '--batch-check').includes(gone);
    tidy();
    expect(isThere()).toBe(true);
    await clock.advance(61_000);
    expect(mirror.formerTips(() => true)).toEqual([]);
    await mirror.collectGarbage(signal);
    expect(git(gitDir, 'for-each-ref', 'refs/git-sidecar')).toBe('');
    tidy();
    expect(isThere()).toBe(false);
    // One that an earlier process held is let go of.
    git(gitDir, 'update-ref', `refs/git-sidecar/former/${base}`, base);
    const again = make();
    await again.open(signal);
    expect([...again.refs].sort()).toEqual([...wanted()].sort());
    expect(git(gitDir, 'for-each-ref', 'refs/git-sidecar')).toBe('');
    native?.close();
  });
});

describe.skipIf(missing('strace'))('git is killed at each of its steps on the disk', () => {
  test('says what people recognise commits by, of those that are here', async () => {
    const { upstream, wanted, source, open } = await setUp('git');
    const odd = upstream.commit({ a: 'two' });
    const mirror = open();
    await mirror.update(wanted(), source, signal);
    const found = await mirror.describeCommits([odd as Oid, 'f'.repeat(40) as Oid], signal);
    const [time = '', author = '', subject] = git(upstream.work, 'log', '-1', '--format=%ct%n%an%n%s').split('\n');
    expect([...found]).toEqual([[odd, { author, subject, committedAt: Number(time) }]]);
  });

  test.each([
    ['native', 'the first copy', 0],
    ['native', 'an update', 1],
    ['native', 'a large update', 120],
    ['git', 'the first copy', 0],
    ['git', 'an update', 1],
  ] as const)(
    '%s, %s: the next process moves on, and so does this one',
    async (how, _what, files) => {
      const scene = await setUp(how);
      const { dir, gitDir, upstream, git, wanted, source, open } = scene;
      const before = join(dir, 'before');
      if (files > 0) {
        await open().update(wanted(), source, signal);
        renameSync(gitDir, before);
        upstream.commit(Object.fromEntries(Array.from({ length: files }, (_, n) => [`f${n}`, `${n}`])));
        upstream.git('push', '-q', 'origin', 'HEAD:refs/heads/new', 'HEAD:refs/heads/a/b');
      }
      const prepare = async (): Promise<Mirror> => {
        rmSync(gitDir, { recursive: true, force: true });
        if (files > 0) cpSync(before, gitDir, { recursive: true });
        const mirror = open();
        await mirror.open(signal);
        return mirror;
      };
      const recorded = await prepare();
      const steps = await git.record(gitDir, async () => await recorded.update(wanted(), source, signal));
      expect(steps.length).toBeGreaterThan(10);
      for (const step of steps) {
        const mirror = await prepare();
        const failure = await git.dieAt(step, async () => await mirror.update(wanted(), source, signal));
        const where = JSON.stringify(step);
        // Where git itself can fetch what our own way could not store, nothing failed.
        if (failure !== undefined) expect(failure, where).toBeInstanceOf(SidecarError);
        const copy = join(dir, 'copy');
        if (existsSync(gitDir)) cpSync(gitDir, copy, { recursive: true });
        // The relay lives on, only its git was killed: the lock is in its way.
        const next = async (): Promise<unknown> =>
          await mirror.update(wanted(), source, signal).catch((error) => error);
        let again = await next();
        if (again instanceof SidecarError && (await heal(mirror, again, silentLog, signal))) again = await next();
        expect(again, where).not.toBeInstanceOf(Error);
        expect([...mirror.refs].sort(), where).toEqual([...wanted()].sort());
        // The relay was killed as well.
        rmSync(gitDir, { recursive: true, force: true });
        if (existsSync(copy)) renameSync(copy, gitDir);
        await expectWhole(scene);
      }
      scene.native?.close();
    },
    300_000,
  );
});
