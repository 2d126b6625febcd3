import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { published, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { checkTree, treeOf } from '../kit/tree-check.ts';
import { Upstream } from '../kit/upstream.ts';
import { delay, until } from '../peers/wait.ts';

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 200);
const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);

/** mulberry32: a small generator, so that a failing run can be repeated from its printed seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

describe('SIGKILL at a random instant', () => {
  test(`${ROUNDS} rounds: whenever the link exists it shows exactly one commit's complete tree, and the next start goes on`, async () => {
    process.stdout.write(`kill test: seed ${SEED}\n`);
    const random = generator(SEED);
    const dir = tempDir();
    const upstream = new Upstream(dir);
    const files = (round: number) =>
      Object.fromEntries(
        Array.from({ length: 40 }, (_, index) => [
          `d${index % 5}/f${index}`,
          `${round} ${index} ${'x'.repeat(index * 7)}`,
        ]),
      );
    const trees = new Map<string, Map<string, string>>();
    const commit = (round: number): string => {
      const oid = upstream.commit({ ...files(round), [`only-${round}`]: 'here', [`only-${round - 1}`]: null });
      trees.set(oid, treeOf(upstream.work));
      return oid;
    };
    let newest = commit(0);
    const url = await httpGit(dir);
    const root = join(dir, 'root');
    const link = join(root, 'link');

    let checks = 0;
    let stop = false;
    const problems: string[] = [];
    const checker = (async () => {
      while (!stop) {
        const problem = await checkTree(link, trees);
        if (problem) problems.push(problem);
        checks += 1;
        await delay(3);
      }
    })();

    const start = (): ChildProcess =>
      spawn(
        process.execPath,
        [
          resolve('dist/git-sync.cjs'),
          `--repo=${url}/repo.git`,
          `--root=${root}`,
          '--link=link',
          '--period=20ms',
          '--max-failures=-1',
          '--git-gc=always',
        ],
        {
          env: { PATH: process.env.PATH, HOME: '/nonexistent', TMPDIR: dir },
          stdio: 'ignore',
        },
      );
    const kill = async (child: ChildProcess): Promise<void> => {
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGKILL');
      await gone;
    };
    for (let round = 1; round <= ROUNDS; round += 1) {
      const child = start();
      // Most kills fall into the first sync, some into the update that a push causes.
      if (random() < 0.5) await delay(80 + random() * 320);
      else {
        await until('the newest commit is published', () => published(link) === newest, 30_000);
        newest = commit(round);
        await delay(random() * 200);
      }
      await kill(child);
      if (random() < 0.3) newest = commit(round + 10_000);
    }
    const last = start();
    await untilPublished(link, newest);
    await kill(last);
    stop = true;
    await checker;
    expect(problems.slice(0, 3)).toEqual([]);
    expect(checks).toBeGreaterThan(ROUNDS);
  }, 1_200_000);
});
