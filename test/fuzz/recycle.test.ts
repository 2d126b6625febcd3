import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { abuse } from '../kit/abuse.ts';
import { differences, exactTree } from '../kit/exact-tree.ts';
import { handCranked } from '../kit/hand-cranked.ts';
import { Dice } from '../kit/random.ts';
import { HISTORY_GIT_CONFIG, RandomHistory } from '../kit/random-history.ts';
import { tempDir } from '../kit/temp.ts';

const STEPS = Number(process.env.RECYCLE_STEPS ?? 100);
const SEED = Number(process.env.RECYCLE_SEED ?? Date.now() % 1_000_000);

interface Variant {
  readonly name: string;
  readonly args: readonly string[];
  readonly sparse?: readonly string[];
  /** Files besides those that change: a large tree is looked over in another way. */
  readonly padding?: number;
  /** Share of the steps. */
  readonly steps?: number;
  /** How often the spare is abused as well. */
  readonly spareAbuse?: number;
  /** Default: always, also of these small trees. */
  readonly spare?: 'auto';
  /** Old trees are kept, and have to stay as they were. */
  readonly keepsOldTrees?: boolean;
}

const VARIANTS: readonly Variant[] = [
  { name: 'v4', args: [] },
  { name: 'v3', args: ['--compat=v3'] },
  {
    name: 'a sparse checkout whose patterns change',
    args: [],
    sparse: ['/*\n!/d/\n', '/d/\n/a\n', '*.txt\n'],
  },
  { name: 'a large tree', args: [], padding: 3200, steps: 0.1, spareAbuse: 0.25 },
  { name: 'a large tree, with a spare where it is worth it', args: [], padding: 3200, steps: 0.1, spare: 'auto' },
  {
    name: 'old trees kept for an hour',
    args: ['--stale-worktree-timeout=1h'],
    keepsOldTrees: true,
    steps: 0.2,
  },
];

describe('random histories, random abuse of what is published', () => {
  test.each(VARIANTS.map((variant, index) => [variant.name, variant, index] as const))(
    `${STEPS} updates: each tree is what a fresh checkout is (%s)`,
    async (_name, variant, index) => {
      const seed = SEED + index;
      process.stdout.write(`recycle test, ${variant.name}: seed ${seed}\n`);
      const dice = new Dice(seed);
      const dir = tempDir();
      const outside = join(dir, 'outside');
      mkdirSync(outside);
      writeFileSync(join(outside, 'precious'), 'precious');
      const history = new RandomHistory(dir, dice, variant.padding);
      const sparseFile = join(dir, 'patterns');
      const [root, link] = [join(dir, 'root'), join(dir, 'root', 'link')];
      const isV3 = variant.args.includes('--compat=v3');
      const sync = await handCranked([
        `--repo=${history.bare}`,
        isV3 ? '--branch=main' : '--ref=main',
        `--root=${root}`,
        isV3 ? '--dest=link' : '--link=link',
        '--submodules=off',
        '--verify-period=0',
        '--git-gc=auto',
        `--spare=${variant.spare ?? 'always'}`,
        `--git-config=${HISTORY_GIT_CONFIG}`,
        ...(variant.sparse ? [`--sparse-checkout-file=${sparseFile}`] : []),
        ...variant.args,
      ]);
      const keptTrees = new Map<string, Map<string, string>>();
      const done: string[] = [];
      for (let step = 0; step < STEPS * (variant.steps ?? 1); step += 1) {
        if (variant.sparse && (step === 0 || dice.chance(0.1))) writeFileSync(sparseFile, dice.pick(variant.sparse));
        const oid = history.commit();
        await sync.cycle();
        const published = realpathSync(link);
        const fresh = history.checkOut(oid, variant.sparse && readFileSync(sparseFile, 'utf8'));
        const what = `step ${step}, seed ${seed}, commit ${oid}; before: ${done.slice(-6).join('; ')}`;
        expect(differences(exactTree(published), exactTree(fresh)), what).toEqual([]);
        rmSync(fresh, { recursive: true });
        rmSync(`${fresh}.index`);
        for (const [path, tree] of keptTrees) expect(exactTree(path), `${path} at ${what}`).toEqual(tree);
        if (!variant.keepsOldTrees)
          expect(
            readdirSync(isV3 ? root : join(root, '.worktrees')).filter((name) => /[0-9a-f]{40}/.test(name)),
          ).toHaveLength(1);
        done.length = 0;
        for (let times = dice.chance(0.5) ? dice.below(4) : 0; times > 0; times -= 1)
          done.push(abuse(published, outside, dice));
        const spare = join(root, '.git', 'git-sidecar', 'spare');
        if (dice.chance(variant.spareAbuse ?? 0.1) && existsSync(spare))
          done.push(`spare: ${abuse(spare, outside, dice)}`);
        if (variant.keepsOldTrees) keptTrees.set(published, exactTree(published));
      }
      expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious');
      const built = sync.logged.filter(({ message }) => message === 'checked out').map(({ fields }) => fields.from);
      // How many these are is luck; that there are any, where nobody interferes, is known history: test/sync/spare.test.ts.
      const recycled = built.filter((from) => from === 'spare').length;
      process.stdout.write(`  of ${built.length} updates, ${recycled} were made of the spare\n`);
      await sync.stop();
    },
    STEPS * 3000,
  );
});
