import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Borrower, type Borrowing, SharedStore } from '../../src/fetch/shared-store.ts';
import { StoreDirectory } from '../../src/fetch/store-directory.ts';
import type { StoreRepository } from '../../src/fetch/store-repository.ts';
import { createGit, type Git } from '../../src/git/git.ts';
import { type Oid, parseOid } from '../../src/model/oid.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { HandClock } from '../kit/hand-clock.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git as runGit, Upstream } from '../kit/upstream.ts';

const TEN_MINUTES_MS = 600_000;
const { signal } = new AbortController();
const open: StoreDirectory[] = [];

afterEach(() => {
  for (const directory of open.splice(0)) directory.close();
});

/** A unit that needs what it was given last. */
class Unit {
  readonly name: string;
  needed: Oid[] = [];
  next: Oid | undefined;
  part!: Borrowing;

  constructor(name: string) {
    this.name = name;
  }

  get borrower(): Borrower {
    return {
      unit: this.name,
      needs: async () => this.needed,
      published: () => this.needed.at(-1),
      expected: () => this.next,
    };
  }
}

class Shop {
  readonly dir = tempDir();
  readonly path = join(this.dir, 'store');
  readonly upstream = new Upstream(this.dir);
  readonly clock = new HandClock();
  readonly git: Git;
  fetches = 0;
  directory!: StoreDirectory;
  repository!: StoreRepository;
  store!: SharedStore;

  constructor() {
    const runner = createProcessRunner();
    const env = { ...GIT_ENV, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' };
    this.git = createGit({ program: 'git', runner, log: silentLog, environment: () => env, cwd: this.dir });
  }

  async open(depth = 1): Promise<this> {
    this.directory = await StoreDirectory.open(this.path, this.clock, silentLog);
    open.push(this.directory);
    this.repository = this.directory.take('key').repository;
    this.store = new SharedStore(this.repository, depth, this.clock);
    return this;
  }

  join(name: string): Unit {
    const unit = new Unit(name);
    unit.part = this.store.join(unit.borrower);
    return unit;
  }

  commit(branch: string, text: string): Oid {
    this.upstream.git('checkout', '-q', '-B', branch);
    return parseOid(this.upstream.commit({ 'a.txt': text })) as Oid;
  }

  async bring(unit: Unit, oid: Oid, ref = 'refs/heads/gone'): Promise<Oid> {
    const access = {
      git: this.git,
      url: `file://${this.upstream.bare}`,
      shownUrl: 'the repository',
      credentials: [],
      native: undefined,
      onNativeFailure: () => undefined,
      onFetch: () => {
        this.fetches += 1;
      },
    };
    const brought = await unit.part.bring({ oid, ref }, access, signal);
    unit.needed = [brought.oid];
    return brought.oid;
  }

  has(oid: Oid): boolean {
    const { gitDir } = this.repository;
    return runGit(gitDir, '--git-dir', gitDir, 'cat-file', '--batch-all-objects', '--batch-check').includes(oid);
  }

  async collect(unit: Unit): Promise<boolean> {
    return await unit.part.collectGarbage('always', this.git, signal);
  }
}

describe('a shared store', () => {
  test('fetches nothing for whoever wants what another one has', async () => {
    const shop = await new Shop().open();
    const [one, two] = [shop.join('one'), shop.join('two')];
    const oid = shop.commit('main', 'first');
    await shop.bring(one, oid);
    await shop.bring(two, oid);
    expect(shop.fetches).toBe(1);
  });

  test('brings along what others are about to want', async () => {
    const shop = await new Shop().open();
    const [one, two] = [shop.join('one'), shop.join('two')];
    const [mine, theirs] = [shop.commit('main', 'first'), shop.commit('other', 'second')];
    two.next = theirs;
    await shop.bring(one, mine);
    expect(shop.has(theirs)).toBe(true);
    await shop.bring(two, theirs);
    expect(shop.fetches).toBe(1);
  });

  test('keeps what a unit needs through every garbage collection, and nothing that nobody needs', async () => {
    const shop = await new Shop().open();
    const [one, two] = [shop.join('one'), shop.join('two')];
    const [first, other] = [shop.commit('main', 'first'), shop.commit('other', 'second')];
    await shop.bring(one, first);
    await shop.bring(two, other);
    const later = [shop.commit('main', 'third'), shop.commit('main', 'fourth'), shop.commit('main', 'fifth')];
    for (const oid of later) await shop.bring(one, oid);
    expect(await shop.collect(two)).toBe(true);
    expect([first, other, ...later].map((oid) => shop.has(oid))).toEqual([false, true, false, true, true]);
  });

  test('forgets a unit that left when it has been gone for ten minutes, and not while it is started again', async () => {
    const shop = await new Shop().open();
    const [one, two] = [shop.join('one'), shop.join('two')];
    const [mine, theirs] = [shop.commit('main', 'first'), shop.commit('other', 'second')];
    await shop.bring(one, mine);
    await shop.bring(two, theirs);
    two.part.leave();
    await shop.collect(one);
    await shop.clock.advance(TEN_MINUTES_MS - 1);
    await shop.collect(one);
    expect(shop.has(theirs)).toBe(true);
    await shop.clock.advance(1);
    await shop.collect(one);
    expect([mine, theirs].map((oid) => shop.has(oid))).toEqual([true, false]);
  });

  test('fails for the one whose commit is gone, and not for the others', async () => {
    const shop = await new Shop().open();
    const [one, two] = [shop.join('one'), shop.join('two')];
    const [mine, gone] = [shop.commit('main', 'first'), parseOid('1'.repeat(40)) as Oid];
    const [own, other] = await Promise.allSettled([shop.bring(one, mine), shop.bring(two, gone)]);
    expect(own).toMatchObject({ value: mine });
    expect(other).toMatchObject({ status: 'rejected', reason: { code: 'ERR_REMOTE_REF' } });
    const refs = runGit(shop.repository.gitDir, '--git-dir', shop.repository.gitDir, 'for-each-ref').split('\n');
    expect(refs).toHaveLength(1);
  });

  test('gives what the ref has become when the commit is gone meanwhile', async () => {
    const shop = await new Shop().open();
    const one = shop.join('one');
    const now = shop.commit('main', 'first');
    expect(await shop.bring(one, parseOid('1'.repeat(40)) as Oid, 'refs/heads/main')).toBe(now);
    expect(shop.repository.held.by('one').has(now)).toBe(true);
  });

  test('is taken up by the next process with what its units need', async () => {
    const first = await new Shop().open(0);
    const oid = first.commit('main', 'first');
    await first.bring(first.join('one'), oid);
    const { identity } = first.repository;
    first.directory.close();
    await first.open(0);
    const again = first.join('one');
    await first.bring(again, oid);
    expect(first.fetches).toBe(1);
    expect(first.repository.identity).toBe(identity);
  });

  test('is made anew when it is damaged, and says so by another identity', async () => {
    const shop = await new Shop().open();
    const one = shop.join('one');
    const oid = shop.commit('main', 'first');
    await shop.bring(one, oid);
    const { identity, gitDir } = shop.repository;
    const objects = join(gitDir, 'objects');
    for (const name of readdirSync(objects).filter((each) => /^[0-9a-f]{2}$/.test(each)))
      rmSync(join(objects, name), { recursive: true });
    shop.repository.suspect();
    await shop.bring(one, shop.commit('main', 'second'));
    expect(shop.repository.identity).not.toBe(identity);
  });
});

test('an identity that cannot be read at the moment is no loss of the store', async () => {
  const shop = await new Shop().open();
  await shop.bring(shop.join('one'), shop.commit('main', 'first'));
  const path = join(shop.repository.gitDir, 'git-sidecar', 'identity');
  rmSync(path);
  expect(shop.repository.identity).toBe(undefined);
  // Reading a directory fails with EISDIR.
  mkdirSync(path);
  expect(() => shop.repository.identity).toThrow('EISDIR');
});

describe('the directory of shared stores', () => {
  test('is refused when it holds something else', async () => {
    const shop = new Shop();
    runGit(shop.dir, 'init', '-q', '--bare', shop.path);
    await expect(StoreDirectory.open(shop.path, shop.clock, silentLog)).rejects.toMatchObject({
      code: 'ERR_DIRECTORY_FOREIGN',
    });
  });

  test('names repositories so that nobody can guess what they are for, and the same after a restart', async () => {
    const [shop, other] = [await new Shop().open(), await new Shop().open()];
    const { gitDir } = shop.repository;
    expect(other.repository.gitDir.slice(other.path.length)).not.toBe(gitDir.slice(shop.path.length));
    expect(statSync(join(shop.path, '.salt')).mode & 0o777).toBe(0o600);
    shop.directory.close();
    await shop.open();
    expect(shop.repository.gitDir).toBe(gitDir);
  });

  test('loses repositories that nobody has used for ten minutes, and keeps the others', async () => {
    const shop = await new Shop().open();
    const one = shop.join('one');
    await shop.bring(one, shop.commit('main', 'first'));
    const former = shop.directory.take('former');
    await former.repository.ensure('sha1', shop.git, signal);
    former.release();
    await shop.directory.removeUnused(signal);
    await shop.clock.advance(TEN_MINUTES_MS - 1);
    await shop.directory.removeUnused(signal);
    expect(existsSync(former.repository.gitDir)).toBe(true);
    await shop.clock.advance(1);
    await shop.directory.removeUnused(signal);
    expect(existsSync(former.repository.gitDir)).toBe(false);
    expect(existsSync(shop.repository.gitDir)).toBe(true);
  });
});
