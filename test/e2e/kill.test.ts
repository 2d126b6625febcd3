import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { generator } from '../kit/random.ts';
import { script } from '../kit/script.ts';
import { published, type Sidecar, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { checkTree, treeOf } from '../kit/tree-check.ts';
import { Upstream } from '../kit/upstream.ts';
import { delay, until } from '../peers/wait.ts';

const ROUNDS = Number(process.env.KILL_ROUNDS ?? 200);
const SEED = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);

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
          '-v=1',
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
    expect(checks).toBeGreaterThan(0);
  }, 1_200_000);
});

/** Resolves when the cycle that published `oid` is over, clean-up and garbage included, or the process is gone. */
async function cycleIsOver(process: Sidecar, oid: string): Promise<void> {
  const isOver = (): boolean => {
    const { logs } = process;
    const at = logs.findIndex(({ msg, hash }) => msg === 'published' && hash === oid);
    return at >= 0 && logs.slice(at).some(({ msg, name }) => msg === 'stage' && name === 'clean-up');
  };
  const isGone = (): boolean => process.child.exitCode !== null || process.child.signalCode !== null;
  await until(
    () => `the cycle of ${oid} is over\n${process.stderr.slice(-2000)}`,
    () => isOver() || isGone(),
    30_000,
  );
}

describe('SIGKILL at every git process of an update', () => {
  // The repository is opened, a pack flows in, the spare is brought forward, garbage is collected: each is a git process or
  // lies between two. What works without git is killed in test/e2e/crash-points.test.ts.
  test.each(['before', 'during', 'after'])(
    'killed %s the first, the second, … of them',
    async (when) => {
      const dir = tempDir();
      const upstream = new Upstream(dir);
      const trees = new Map<string, Map<string, string>>();
      const commit = (round: number): string => {
        const files = Object.fromEntries(
          Array.from({ length: 20 }, (_, index) => [`d${index % 3}/f${index}`, `${index}`]),
        );
        const oid = upstream.commit({
          ...files,
          changed: `${round}`,
          [`only-${round}`]: 'here',
          [`only-${round - 1}`]: null,
        });
        trees.set(oid, treeOf(upstream.work));
        return oid;
      };
      const url = await httpGit(dir);
      const root = join(dir, 'root');
      const link = join(root, 'link');
      const counter = join(dir, 'counter');
      mkdirSync(join(dir, 'bin'));
      const git = execFileSync('sh', ['-c', 'command -v git']).toString().trim();
      const env = { PATH: `${join(dir, 'bin')}:${process.env.PATH}` };
      script(
        join(dir, 'bin', 'git'),
        `n=$(flock ${counter} sh -c 'n=$(($(cat ${counter}) - 1)); echo $n > ${counter}; echo $n')
      [ $n != 0 ] && exec ${git} "$@"
      case ${when} in
        before) kill -9 $PPID ;;
        during) ${git} "$@" & sleep 0.003; kill -9 $PPID; wait ;;
        after) ${git} "$@"; kill -9 $PPID ;;
      esac`,
      );
      const args = [
        `--repo=${url}/repo.git`,
        `--root=${root}`,
        '--link=link',
        '--period=20ms',
        '--git-gc=always',
        '--spare=always',
        '-v=6',
      ];
      let round = 0;
      let kills = 0;
      let recycled = 0;
      for (let at = 1; at < 40; at += 1) {
        // A process that is at rest: published, with a spare.
        writeFileSync(counter, '100000');
        const before = sidecar(args, env);
        for (let times = 0; times < 2; times += 1) await untilPublished(link, commit(++round), before);
        await cycleIsOver(before, upstream.head());
        await before.stop();
        writeFileSync(counter, `${at}`);
        const killed = sidecar(args, env);
        const newest = commit(++round);
        await Promise.race([cycleIsOver(killed, newest), killed.exited]);
        expect(await checkTree(link, trees)).toBeUndefined();
        const survived = killed.child.exitCode === null && killed.child.signalCode === null;
        recycled += killed.logs.filter(({ from }) => from === 'spare').length;
        if (!survived) kills += 1;
        await killed.stop();
        writeFileSync(counter, '100000');
        const after = sidecar(args, env);
        await untilPublished(link, upstream.head(), after);
        expect(await checkTree(link, trees)).toBeUndefined();
        await after.stop();
        if (survived) break;
      }
      expect(kills).toBeGreaterThanOrEqual(4);
      expect(recycled).toBeGreaterThan(0);
    },
    240_000,
  );
});
