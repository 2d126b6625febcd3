import { execFileSync } from 'node:child_process';
import { mkdtempSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pathFixture } from '../kit/path-fixture.ts';
import { generator } from '../kit/random.ts';
import { tempDir } from '../kit/temp.ts';
import { checkTree, treeOf } from '../kit/tree-check.ts';
import { GIT_ENV, git } from '../kit/upstream.ts';
import { delay, until } from '../peers/wait.ts';

const ROUNDS = Number(process.env.PATH_KILL_ROUNDS ?? 25);
const SEED = Number(process.env.PATH_KILL_SEED ?? Date.now() % 1_000_000);
const PART = 'apps/web';

/** The part of a commit, as `git archive` gives it. */
function archived(bare: string, oid: string): Map<string, string> {
  const target = mkdtempSync(join(tempDir(), 'archive-'));
  const tar = execFileSync('git', ['archive', '--format=tar', `${oid}:${PART}`], { cwd: bare, env: GIT_ENV });
  execFileSync('tar', ['-x', '-C', target], { input: tar });
  return treeOf(target);
}

test(`${ROUNDS} kills at random instants: the link always shows one complete part, and the next start goes on (--path)`, async () => {
  process.stdout.write(`path kill test: seed ${SEED}\n`);
  const random = generator(SEED);
  const inside = (round: number) =>
    Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`${PART}/d${at % 4}/f${at}`, `${round} ${at}\n`]));
  const beside = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`lib/l${at % 5}/f${at}`, `${at}\n`]));
  const it = await pathFixture({ ...inside(0), ...beside });
  /** By the commit in the link. */
  const trees = new Map<string, Map<string, string>>([[it.first, archived(it.upstream.bare, it.first)]]);
  const { shown } = it;
  const partOf = (oid: string): string => git(it.upstream.bare, 'rev-parse', `${oid}:${PART}`);
  const problems: string[] = [];
  let [checks, isOver] = [0, false];
  const checker = (async () => {
    while (!isOver) {
      const problem = await checkTree(it.link, trees, PART);
      if (problem) problems.push(problem);
      checks += 1;
      await delay(3);
    }
  })();
  let newest = it.first;
  const start = () => it.start([`--path=${PART}`, '--period=20ms', '--git-gc=always']);
  for (let round = 1; round <= ROUNDS; round += 1) {
    const isInside = random() < 0.6;
    const files = isInside ? { ...inside(round), [`${PART}/only-${round}`]: 'here' } : { 'lib/l0/f0': `${round}\n` };
    // The tree is known before anybody can see it.
    it.upstream.write(files);
    it.upstream.git('add', '-A');
    it.upstream.git('commit', '-q', '-m', `${round}`);
    newest = it.upstream.head();
    trees.set(newest, archived(it.upstream.work, newest));
    const process = start();
    await delay(random() * 300);
    it.upstream.push();
    await delay(random() * 500);
    process.kill('SIGKILL');
    await process.exited;
  }
  const last = start();
  await until(
    () => `the newest part is shown\n${last.stderr.slice(-3000)}`,
    () => {
      const { oid } = shown();
      return oid !== undefined && partOf(oid) === partOf(newest);
    },
    60_000,
  );
  isOver = true;
  await checker;
  await last.stop();
  expect(readlinkSync(it.link)).toMatch(new RegExp(`/${PART}$`));
  expect(problems).toEqual([]);
  expect(checks).toBeGreaterThan(ROUNDS);
  git(join(it.root, '.git'), 'fsck', '--connectivity-only');
}, 300_000);
