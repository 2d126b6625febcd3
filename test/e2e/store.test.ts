import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CountedGit, countedGit } from '../kit/counted-git.ts';
import { Sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';

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
  move(text: string, branches = Array.from({ length: this.count }, (_each, index) => index)): void {
    const { upstream } = this;
    for (const index of branches) {
      upstream.git('checkout', '-q', '-B', `b${index}`, this.commits[index] ?? 'main');
      upstream.write({ 'own.txt': `${index} ${text}\n` });
      upstream.git('add', '-A');
      upstream.git('commit', '-q', '-m', `${index} ${text}`);
      this.commits[index] = upstream.head();
    }
    upstream.push(...branches.map((index) => `b${index}`));
  }

  document(units: readonly number[], { depth = 1, period = '100ms', more = '' } = {}): string {
    const path = join(this.dir, 'up.yaml');
    const syncs = units.map(
      (index) => `  - name: u${index}\n    root: ${this.root(index)}\n    ref: b${index}\n    link: link\n`,
    );
    const defaults = `defaults:\n  repo: ${this.git.url}/repo.git\n  depth: ${depth}\n  period: ${period}\n${more}`;
    writeFileSync(path, `log: {verbose: 5}\nstore: ${this.store}\n${defaults}sync:\n${syncs.join('')}`);
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

describe('syncs that share a store', () => {
  test.each([1, 0])('publish 20 refs that one push moved after one fetch (depth %i)', async (depth) => {
    const house = await new House(20).start();
    const sidecar = house.up(range(20), { depth });
    await house.published(sidecar, range(20));
    const before = house.git.fetches.length;
    expect(before).toBeLessThan(20);
    house.move('two');
    await house.published(sidecar, range(20));
    const fetches = house.git.fetches.slice(before);
    expect(fetches).toHaveLength(1);
    expect(fetches[0]).toHaveLength(20);
    expect((await sidecar.stop()).signal).toBe(null);
  });
});
