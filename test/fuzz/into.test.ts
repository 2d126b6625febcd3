import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { abuse } from '../kit/abuse.ts';
import { differences, exactTree } from '../kit/exact-tree.ts';
import { handCranked } from '../kit/hand-cranked.ts';
import { MixedDirectory } from '../kit/mixed-directory.ts';
import { Dice } from '../kit/random.ts';
import { HISTORY_GIT_CONFIG, INNER_TARGETS, RandomHistory } from '../kit/random-history.ts';
import { tempDir } from '../kit/temp.ts';

const STEPS = Number(process.env.INTO_STEPS ?? 60);
const SEED = Number(process.env.INTO_SEED ?? Date.now() % 1_000_000);

interface Variant {
  readonly name: string;
  readonly args: readonly string[];
  readonly sparse?: readonly string[];
  /** Share of the steps. */
  readonly steps?: number;
}

const VARIANTS: readonly Variant[] = [
  { name: 'v4', args: [] },
  { name: 'v3, without a spare', args: ['--compat=v3', '--no-spare'], steps: 0.4 },
  {
    name: 'a sparse checkout whose patterns change',
    args: [],
    sparse: ['/*\n!/d/\n', '/d/\n/a\n', '*.txt\n'],
    steps: 0.6,
  },
];

describe('random histories, random abuse of the directory by others', () => {
  test.each(VARIANTS.map((variant, index) => [variant.name, variant, index] as const))(
    `${STEPS} updates: what is ours is the commit, what is of others is as it was (%s)`,
    async (_name, variant, index) => {
      const seed = SEED + index;
      process.stdout.write(`into test, ${variant.name}: seed ${seed}\n`);
      const dice = new Dice(seed);
      const dir = tempDir();
      const outside = join(dir, 'outside');
      mkdirSync(outside);
      writeFileSync(join(outside, 'precious'), 'precious');
      const history = new RandomHistory(dir, dice, 0, INNER_TARGETS);
      const sparseFile = join(dir, 'patterns');
      const into = join(dir, 'into');
      const mixed = new MixedDirectory(into);
      const isV3 = variant.args.includes('--compat=v3');
      const start = async () =>
        await handCranked([
          `--repo=${history.bare}`,
          isV3 ? '--branch=main' : '--ref=main',
          `--root=${join(dir, 'root')}`,
          `--into=${into}`,
          '--revision-file=.revision',
          '--move-aside',
          '--submodules=off',
          '--git-gc=auto',
          `--git-config=${HISTORY_GIT_CONFIG}`,
          ...(variant.sparse ? [`--sparse-checkout-file=${sparseFile}`] : []),
          ...variant.args,
        ]);
      let sync = await start();
      let owned = new Map<string, string>([['.revision', '']]);
      let oid = '';
      const done: string[] = [];
      for (let step = 0; step < STEPS * (variant.steps ?? 1); step += 1) {
        if (variant.sparse && (step === 0 || dice.chance(0.1))) writeFileSync(sparseFile, dice.pick(variant.sparse));
        // After a start the directory is compared also without a new commit.
        const isRestarted = step > 0 && dice.chance(0.2);
        if (isRestarted) {
          await sync.stop();
          sync = await start();
        }
        if (!isRestarted || dice.chance(0.5)) oid = history.commit();
        if (step > 0) mixed.noteForeign(owned);
        const before = exactTree(outside);
        const what = `step ${step}, seed ${seed}, commit ${oid}; before: ${done.slice(-6).join('; ')}`;
        await sync.cycle().catch((error: unknown) => {
          throw new Error(`${what}: ${error}`, { cause: error });
        });
        const fresh = history.checkOut(oid, variant.sparse && readFileSync(sparseFile, 'utf8'));
        owned = exactTree(fresh);
        owned.set('.revision', `file 100644 0:0 ${oid}\n`);
        rmSync(fresh, { recursive: true });
        rmSync(`${fresh}.index`);
        expect(mixed.problems(owned), what).toEqual([]);
        expect(differences(exactTree(outside), before), what).toEqual([]);
        done.length = 0;
        for (let times = dice.chance(0.6) ? dice.below(5) : 0; times > 0; times -= 1)
          done.push(abuse(into, outside, dice));
      }
      await sync.stop();
    },
    STEPS * 5000,
  );
});
