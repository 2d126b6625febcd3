import { join } from 'node:path';
import { expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { Dice } from '../kit/random.ts';
import { untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { checkTree, treeOf } from '../kit/tree-check.ts';
import { startUp, type Up } from '../kit/up.ts';
import { Upstream } from '../kit/upstream.ts';
import { goodApp } from '../kit/web-app.ts';
import { freePort } from '../peers/ports.ts';
import { delay, until } from '../peers/wait.ts';

const ROUNDS = Number(process.env.UP_KILL_ROUNDS ?? 8);
const SEED = Number(process.env.UP_KILL_SEED ?? Date.now() % 1_000_000);
const REFS = ['main', 'b0', 'b1', 'b2'];

/** Ends it hard; its application may still be there. */
async function kill({ process }: Up): Promise<void> {
  const gone = new Promise((done) => process.child.once('exit', done));
  process.child.kill('SIGKILL');
  await gone;
}

test(`SIGKILL at a random instant, ${ROUNDS} times: no link ever shows half a tree, and the next start publishes and serves everything`, async () => {
  process.stdout.write(`kill test of a document: seed ${SEED}\n`);
  const dice = new Dice(SEED);
  const dir = tempDir();
  const srv = join(dir, 'srv');
  const upstream = new Upstream(srv, 'app.git');
  const trees = new Map<string, Map<string, string>>();
  const commit = (ref: string, round: number): void => {
    upstream.git('checkout', '-q', ref);
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`d${at % 5}/f${at}`, `${round} ${at}`]));
    const oid = upstream.commit({ ...goodApp(`${ref} ${round}`), ...files });
    trees.set(oid, treeOf(upstream.work));
  };
  upstream.commit({});
  for (const ref of REFS) {
    if (ref !== 'main') upstream.git('branch', ref, 'main');
    commit(ref, 0);
  }
  const url = await httpGit(srv);
  const ports = [await freePort(), await freePort()];
  const link = (ref: string): string => join(dir, 'git', ref, 'current');
  const make = (bind: string) => ({
    http: { bind },
    defaults: { period: '100ms' },
    sync: REFS.map((ref) => ({ name: ref, ref, repo: `${url}/app.git`, root: join(dir, 'git', ref), link: 'current' })),
    // The same sync in the same way: a web server and a worker.
    run: ports.map((port, index) => ({
      name: `web-${index}`,
      from: 'main',
      command: [process.execPath, 'server.js'],
      listen: `127.0.0.1:${port}`,
      'ready-http': '/',
      'ready-for': '0s',
      'drain-delay': '0s',
    })),
  });

  let isOver = false;
  const problems: string[] = [];
  const { up: first, again } = await startUp(dir, make);
  const checker = (async () => {
    while (!isOver) {
      for (const ref of REFS) {
        const problem = await checkTree(link(ref), trees);
        if (problem) problems.push(problem);
      }
      await delay(5);
    }
  })();

  let up = first;
  let newest = 0;
  const allIsThere = async (): Promise<void> => {
    for (const ref of REFS) await untilPublished(link(ref), upstream.head(ref), up.process);
    for (const port of ports)
      await until(
        () => `the newest is served\n${up.process.stderr.slice(-3000)}`,
        async () => {
          const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
          return (await answer?.text()) === `main ${newest}`;
        },
        60_000,
      );
  };
  for (let round = 1; round <= ROUNDS; round += 1) {
    // Some in the middle of the start, some in that of updates and deployments, some at rest.
    if (dice.chance(0.4)) await delay(dice.below(1200));
    else await allIsThere();
    if (dice.chance(0.7)) {
      for (const ref of REFS) {
        if (!dice.chance(0.6)) continue;
        commit(ref, round);
        if (ref === 'main') newest = round;
      }
      await delay(dice.below(500));
    }
    const killed = up;
    await kill(killed);
    up = again();
    // The applications that it left behind are ended by the next start: only then are its pipes closed.
    if (dice.chance(0.5)) {
      await allIsThere();
      await killed.process.exited;
    }
  }
  await allIsThere();
  isOver = true;
  await checker;
  expect(problems.slice(0, 3)).toEqual([]);
  expect((await up.process.stop()).code).toBe(143);
}, 180_000);
