import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CountedGit, countedGit } from '../kit/counted-git.ts';
import { published, Sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { checkTree } from '../kit/tree-check.ts';
import { git, Upstream } from '../kit/upstream.ts';
import { delay, until } from '../peers/wait.ts';

/** A repository with branches b0, b1, …, and a document with a sync for each. */
class House {
  readonly dir = tempDir();
  readonly upstream = new Upstream(this.dir);
  readonly count: number;
  readonly commits: string[] = [];
  git!: CountedGit;

  constructor(count: number) {
    this.count = count;
  }

  async start(): Promise<this> {
    this.git = await countedGit(this.dir);
    this.upstream.commit({ 'common.txt': 'common\n' });
    this.move('one');
    return this;
  }

  get store(): string {
    return join(this.dir, 'store');
  }

  root(index: number): string {
    return join(this.dir, 'roots', `u${index}`);
  }

  link(index: number): string {
    return join(this.root(index), 'link');
  }

  /** All branches go on by one push. */
  move(text: string, branches = range(this.count), beforePush: () => void = () => undefined): void {
    const { upstream } = this;
    for (const index of branches) {
      upstream.git('checkout', '-q', '-B', `b${index}`, this.commits[index] ?? 'main');
      upstream.write({ 'own.txt': `${index} ${text}\n` });
      upstream.git('add', '-A');
      upstream.git('commit', '-q', '-m', `${index} ${text}`);
      this.commits[index] = upstream.head();
    }
    beforePush();
    upstream.push(...branches.map((index) => `b${index}`));
  }

  /** What the trees of today's commits hold. */
  note(trees: Map<string, ReadonlyMap<string, string>>): void {
    const { work } = this.upstream;
    for (const commit of this.commits) {
      const files = git(work, 'ls-tree', '-r', '--name-only', commit).split('\n');
      trees.set(commit, new Map(files.map((file) => [file, `file ${git(work, 'show', `${commit}:${file}`)}\n`])));
    }
  }

  document(units: readonly number[], { depth = 1, period = '100ms', more = '', store = true } = {}): string {
    const path = join(this.dir, 'up.yaml');
    const syncs = units.map(
      (index) => `  - name: u${index}\n    root: ${this.root(index)}\n    ref: b${index}\n    link: link\n`,
    );
    const defaults = `defaults:\n  repo: ${this.git.url}/repo.git\n  depth: ${depth}\n  period: ${period}\n${more}`;
    writeFileSync(
      path,
      `log: {verbose: 5}\n${store ? `store: ${this.store}\n` : ''}${defaults}sync:\n${syncs.join('')}`,
    );
    return path;
  }

  up(units: readonly number[], options: Parameters<House['document']>[1] = {}): Sidecar {
    return new Sidecar(['up', this.document(units, options)], {}, { command: 'git-sidecar' });
  }

  async published(sidecar: Sidecar, units: readonly number[]): Promise<void> {
    for (const index of units) await untilPublished(this.link(index), this.commits[index] ?? '', sidecar);
  }
}

const range = (count: number): number[] => Array.from({ length: count }, (_each, index) => index);

const ALL = range(3);

/** What git says of a repository, and of everything that it borrows. */
function fsck(gitDir: string): string {
  return git(gitDir, '--git-dir', gitDir, 'fsck', '--connectivity-only', '--no-dangling');
}

/** The bare repository in the store. */
function sharedBy(house: House): string {
  const [name, ...others] = readdirSync(house.store).filter((each) => each.endsWith('.git'));
  expect(others).toEqual([]);
  return join(house.store, name ?? 'none');
}

function refsOf(gitDir: string): string[] {
  return git(gitDir, '--git-dir', gitDir, 'for-each-ref', '--format=%(refname)').split('\n');
}

/** Bytes of all files below a directory. */
function bytesBelow(directory: string): number {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + lstatSync(join(entry.parentPath, entry.name)).size, 0);
}

describe('syncs that share a store', () => {
  test.each([1, 0])('publish 20 refs that one push moved after one fetch (depth %i)', async (depth) => {
    const house = await new House(20).start();
    const sidecar = house.up(range(20), { depth });
    await house.published(sidecar, range(20));
    const before = house.git.fetches.length;
    // git moves one ref after the other; a question in between would see some of them.
    const open = house.git.hold('ls-refs');
    await until('the next question waits', () => house.git.waiting > 0);
    house.move('two');
    open();
    await house.published(sidecar, range(20));
    const fetches = house.git.fetches.slice(before);
    expect(fetches).toHaveLength(1);
    expect(fetches[0]).toHaveLength(20);
  });

  test.each([1, 0])(
    'leave repositories that git finds whole, with the history that was asked for (depth %i)',
    async (depth) => {
      const house = await new House(3).start();
      const sidecar = house.up(ALL, { depth });
      await house.published(sidecar, ALL);
      for (const text of ['two', 'three']) {
        house.move(text);
        await house.published(sidecar, ALL);
      }
      await sidecar.stop();
      for (const index of ALL) {
        fsck(join(house.root(index), '.git'));
        const worktree = join(house.root(index), 'link');
        expect(git(worktree, 'log', '--format=%H', 'HEAD').split('\n')).toHaveLength(depth === 1 ? 1 : 4);
        expect(git(worktree, 'status', '--porcelain')).toBe('');
      }
      fsck(sharedBy(house));
    },
  );

  test('keep the objects of a large repository once', async () => {
    const house = await new House(6).start();
    house.upstream.git('checkout', '-q', 'main');
    house.upstream.write({ 'large.bin': randomBytes(2_000_000).toString('base64') });
    house.commits.length = 0;
    house.upstream.commit({});
    house.move('large');
    const sidecar = house.up(range(6));
    await house.published(sidecar, range(6));
    const one = bytesBelow(sharedBy(house));
    expect(one).toBeGreaterThan(2_000_000);
    expect(one).toBeLessThan(3_500_000);
    for (const index of range(6)) expect(bytesBelow(join(house.root(index), '.git', 'objects'))).toBeLessThan(10_000);
  });

  test('go on when one of them leaves, and take it back', async () => {
    const house = await new House(3).start();
    const sidecar = house.up(ALL);
    await house.published(sidecar, ALL);
    house.document([0, 1]);
    sidecar.kill('SIGHUP');
    await sidecar.logged('the document was read again');
    house.move('two');
    await house.published(sidecar, [0, 1]);
    expect(published(house.link(2))).not.toBe(house.commits[2]);
    house.document(ALL);
    sidecar.kill('SIGHUP');
    await house.published(sidecar, ALL);
    house.move('three');
    await house.published(sidecar, ALL);
    expect(sidecar.count('is made anew')).toBe(0);
    await sidecar.stop();
    for (const index of ALL) fsck(join(house.root(index), '.git'));
  });

  test('keep in the store what they need and nothing else', async () => {
    const house = await new House(3).start();
    const sidecar = house.up(ALL, { more: '  stale-worktree-timeout: 0s\n  no-spare: true\n' });
    await house.published(sidecar, ALL);
    for (const text of ['two', 'three', 'four', 'five']) {
      house.move(text);
      await house.published(sidecar, ALL);
    }
    await sidecar.stop();
    const refs = refsOf(sharedBy(house));
    for (const index of ALL) {
      const own = refs.filter((ref) => ref.startsWith(`refs/git-sidecar/units/u${index}/`));
      expect(own).toContain(`refs/git-sidecar/units/u${index}/${house.commits[index]}`);
      expect(own.length).toBeLessThan(4);
    }
  });

  test('start again after a kill in the middle of a fetch', async () => {
    const house = await new House(3).start();
    const first = house.up(ALL);
    await house.published(first, ALL);
    const open = house.git.hold('fetch');
    house.move('two');
    const before = house.git.fetches.length;
    await until('a fetch is under way', () => house.git.fetches.length > before);
    first.kill('SIGKILL');
    await first.exited;
    open();
    const second = house.up(ALL);
    await house.published(second, ALL);
    expect(second.count('is made anew')).toBe(0);
    await second.stop();
    for (const index of ALL) fsck(join(house.root(index), '.git'));
  });

  test('show whole trees after kills at any moment, and lose nothing that they share', async () => {
    const house = await new House(3).start();
    const trees = new Map<string, ReadonlyMap<string, string>>();
    house.note(trees);
    const first = house.up(ALL);
    await house.published(first, ALL);
    await first.stop();
    for (const ms of [0, 100, 200, 300, 400, 600, 800]) {
      const sidecar = house.up(ALL, { more: '  git-gc: always\n', period: '20ms' });
      house.move(`after ${ms}`, ALL, () => house.note(trees));
      await delay(ms);
      await sidecar.stop('SIGKILL');
      expect(sidecar.count('is made anew')).toBe(0);
      for (const index of ALL) expect(await checkTree(house.link(index), trees)).toBe(undefined);
    }
    const last = house.up(ALL);
    await house.published(last, ALL);
    await last.stop();
    for (const index of ALL) fsck(join(house.root(index), '.git'));
    fsck(sharedBy(house));
  });

  test.each([
    ['its repository', (house: House) => sharedBy(house)],
    ['the whole directory', (house: House) => house.store],
  ])('heal when somebody removes %s, also before anything moves', async (_what, path) => {
    const house = await new House(3).start();
    const sidecar = house.up(ALL);
    await house.published(sidecar, ALL);
    rmSync(path(house), { recursive: true });
    await until(
      () => `all units are made anew\n${sidecar.stderr.slice(-3000)}`,
      () =>
        ALL.every((index) => {
          try {
            fsck(join(house.root(index), '.git'));
            return readFileSync(join(house.link(index), 'own.txt'), 'utf8') === `${index} one\n`;
          } catch {
            return false;
          }
        }),
    );
    house.move('two');
    await house.published(sidecar, ALL);
    // It is still in nobody else's hands.
    const other = new Sidecar(['up', house.document(ALL)], {}, { command: 'git-sidecar' });
    await other.logged('ERR_STORE_IN_USE');
  });

  test('heal when a pack of the store is damaged', async () => {
    const house = await new House(3).start();
    house.upstream.git('checkout', '-q', 'main');
    house.upstream.commit(Object.fromEntries(range(150).map((index) => [`many/${index}`, `${index}\n`])));
    house.commits.length = 0;
    house.move('one');
    const sidecar = house.up(ALL);
    await house.published(sidecar, ALL);
    const packs = join(sharedBy(house), 'objects', 'pack');
    for (const name of readdirSync(packs)) rmSync(join(packs, name));
    house.upstream.git('checkout', '-q', 'main');
    house.commits.length = 0;
    house.upstream.commit({ 'many/7': 'changed\n' });
    house.move('two');
    await house.published(sidecar, ALL);
    house.move('three');
    await house.published(sidecar, ALL);
    await sidecar.stop();
    for (const index of ALL) fsck(join(house.root(index), '.git'));
  });

  test('refuse a store that another process uses, and get it when that one has ended', async () => {
    const house = await new House(1).start();
    const first = house.up([0]);
    await house.published(first, [0]);
    const second = new Sidecar(['up', house.document([0])], {}, { command: 'git-sidecar' });
    const line = await second.logged('ERR_STORE_IN_USE');
    expect(line.error ?? line.msg).toContain(house.store);
    await first.stop();
    house.move('two');
    await house.published(second, [0]);
  });

  test('are not led to other objects by a list in the repository of one of them', async () => {
    const house = await new House(2).start();
    const sidecar = house.up([0, 1]);
    await house.published(sidecar, [0, 1]);
    const list = join(house.root(0), '.git', 'objects', 'info', 'alternates');
    const ours = readFileSync(list, 'utf8');
    expect(ours).toBe(`${sharedBy(house)}/objects\n`);
    writeFileSync(list, `${ours}${house.upstream.bare}/objects\n`);
    house.move('two');
    await house.published(sidecar, [0, 1]);
    expect(readFileSync(list, 'utf8')).toBe(ours);
    await sidecar.logged('the list of object stores was not ours');
  });

  test('make a store anew that somebody lets borrow from elsewhere', async () => {
    const house = await new House(2).start();
    const sidecar = house.up([0, 1]);
    await house.published(sidecar, [0, 1]);
    const list = join(sharedBy(house), 'objects', 'info', 'alternates');
    writeFileSync(list, `${house.upstream.bare}/objects\n`);
    house.move('two');
    await house.published(sidecar, [0, 1]);
    expect(existsSync(list)).toBe(false);
    await sidecar.logged('the shared store is made anew');
  });

  test('show consumers nothing but whole trees while pushes and garbage collections go on', async () => {
    const house = await new House(3).start();
    const trees = new Map<string, ReadonlyMap<string, string>>();
    const note = (): void => house.note(trees);
    note();
    const sidecar = house.up(ALL, { more: '  git-gc: always\n', period: '20ms' });
    const problems: string[] = [];
    let isOver = false;
    const watching = ALL.map(async (index) => {
      while (!isOver) {
        const problem = await checkTree(house.link(index), trees);
        if (problem !== undefined) problems.push(problem);
        await delay(5);
      }
    });
    for (const text of ['two', 'three', 'four', 'five']) {
      await house.published(sidecar, ALL);
      house.move(text, ALL, note);
    }
    await house.published(sidecar, ALL);
    await until('garbage was collected', () => sidecar.logs.some(({ args }) => String(args).includes(' gc --quiet')));
    isOver = true;
    await Promise.all(watching);
    expect(problems).toEqual([]);
  });

  test('take up roots that had objects of their own, and give them back when the store is left out', async () => {
    const house = await new House(2).start();
    const alone = house.up([0, 1], { store: false });
    await house.published(alone, [0, 1]);
    await alone.stop();
    expect(existsSync(house.store)).toBe(false);
    const together = house.up([0, 1]);
    await house.published(together, [0, 1]);
    await until('the units borrow', () => existsSync(join(house.root(1), '.git', 'objects', 'info', 'alternates')));
    house.move('two');
    await house.published(together, [0, 1]);
    await together.stop();
    const again = house.up([0, 1], { store: false });
    house.move('three');
    await house.published(again, [0, 1]);
    await again.stop();
    rmSync(house.store, { recursive: true });
    for (const index of [0, 1]) fsck(join(house.root(index), '.git'));
  });
});
