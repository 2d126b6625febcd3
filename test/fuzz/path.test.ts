import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../src/model/error.ts';
import { abuse } from '../kit/abuse.ts';
import { differences, exactTree } from '../kit/exact-tree.ts';
import { handCranked } from '../kit/hand-cranked.ts';
import { Dice } from '../kit/random.ts';
import { HISTORY_GIT_CONFIG, RandomHistory } from '../kit/random-history.ts';
import { tempDir } from '../kit/temp.ts';
import { git } from '../kit/upstream.ts';

const STEPS = Number(process.env.PATH_STEPS ?? 40);
const SEED = Number(process.env.PATH_SEED ?? Date.now() % 1_000_000);

/** What a commit has at a path, as git itself lists it: the trees and what shapes them; a word where that is no directory. */
function partOf(bare: string, oid: string, path: string): string {
  const names = path.split('/');
  const above = names.map((_, index) => names.slice(0, index).join('/'));
  const entry = (of: string): string => git(bare, '--literal-pathspecs', 'ls-tree', '--full-tree', oid, '--', of);
  for (const [index] of names.entries()) {
    const found = entry(names.slice(0, index + 1).join('/'));
    if (found === '') return 'missing';
    if (!found.startsWith('040000 tree')) return 'no directory';
  }
  const attributes = above.map((directory) =>
    entry(directory === '' ? '.gitattributes' : `${directory}/.gitattributes`),
  );
  // Whether such a file is executable changes nothing.
  return [entry(path), ...attributes].join('\n').replaceAll('100755', '100644');
}

const isDirectory = (part: string): boolean => part !== 'missing' && part !== 'no directory';

interface Variant {
  readonly name: string;
  readonly path: string;
  readonly missing: 'error' | 'keep' | 'empty';
  readonly args?: readonly string[];
}

const VARIANTS: readonly Variant[] = [
  { name: 'd, an error where it is missing', path: 'd', missing: 'error' },
  { name: 'd/e, empty where it is missing', path: 'd/e', missing: 'empty' },
  { name: 'z, kept where it is missing, without a spare', path: 'z', missing: 'keep', args: ['--no-spare'] },
];

describe('random histories, random abuse of what is published, restarts: --path', () => {
  test.each(VARIANTS.map((variant, index) => [variant.name, variant, index] as const))(
    `${STEPS} commits: the link shows the last one that changed the part, as a fresh checkout has it (%s)`,
    async (_name, { path, missing, args = ['--spare=always'] }, index) => {
      const seed = SEED + index;
      process.stdout.write(`path test, ${path}: seed ${seed}\n`);
      const dice = new Dice(seed);
      const dir = tempDir();
      const outside = join(dir, 'outside');
      mkdirSync(outside);
      writeFileSync(join(outside, 'precious'), 'precious');
      const history = new RandomHistory(dir, dice);
      git(history.bare, 'config', 'uploadpack.allowFilter', 'true');
      const [root, link] = [join(dir, 'root'), join(dir, 'root', 'link')];
      const options = ['--ref=main', `--root=${root}`, '--link=link', '--submodules=off', '--verify-period=0'];
      const own = [`--path=${path}`, `--path-missing=${missing}`, `--git-config=${HISTORY_GIT_CONFIG}`, ...args];
      const start = async () => await handCranked([`--repo=${history.bare}`, ...options, '--git-gc=always', ...own]);
      let sync = await start();
      let shown: { readonly oid: string; readonly part: string } | undefined;
      let left: ReadonlyMap<string, string> | undefined;
      let considered = 0;
      const done: string[] = [];
      for (let step = 0; step < STEPS; step += 1) {
        const oid = history.commit();
        const part = partOf(history.bare, oid, path);
        const what = `step ${step}, seed ${seed}, commit ${oid}; before: ${done.slice(-6).join('; ')}`;
        const refused =
          part === 'no directory' || (part === 'missing' && (missing === 'error' || (missing === 'keep' && !shown)));
        const failure = await sync.cycle().catch((error: unknown) => error);
        if (refused) expect(failure, what).toBeInstanceOf(SidecarError);
        else expect(failure, what).toBeUndefined();
        const stays =
          refused ||
          (part === 'missing' && missing === 'keep') ||
          (part === shown?.part && (isDirectory(part) || missing === 'empty'));
        if (stays && !refused) considered += 1;
        if (!stays) {
          const target = `.worktrees/${oid}/${path}`;
          expect(readlinkSync(link).replace('rebuilt/', ''), what).toBe(target);
          const fresh = history.checkOut(oid, `/${path}/\n`);
          mkdirSync(join(fresh, path), { recursive: true });
          expect(differences(exactTree(realpathSync(link)), exactTree(join(fresh, path))), what).toEqual([]);
          rmSync(fresh, { recursive: true });
          rmSync(`${fresh}.index`);
          shown = { oid, part };
        } else if (shown && left) {
          expect(readlinkSync(link).replace('rebuilt/', ''), what).toBe(`.worktrees/${shown.oid}/${path}`);
          expect(differences(exactTree(realpathSync(link)), left), `what is published was touched; ${what}`).toEqual(
            [],
          );
        }
        if (shown === undefined) continue;
        done.length = 0;
        for (let times = dice.chance(0.5) ? dice.below(4) : 0; times > 0; times -= 1)
          done.push(abuse(realpathSync(link), outside, dice));
        const spare = join(root, '.git', 'git-sidecar', 'spare');
        if (dice.chance(0.1) && existsSync(spare)) done.push(`spare: ${abuse(spare, outside, dice)}`);
        left = exactTree(realpathSync(link));
        if (!dice.chance(0.1)) continue;
        await sync.stop();
        sync = await start();
        done.push('restart');
      }
      expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious');
      expect(
        readdirSync(join(root, '.worktrees')).filter((name) => /[0-9a-f]{40}/.test(name)).length,
      ).toBeLessThanOrEqual(1);
      process.stdout.write(`  of ${STEPS} commits, ${considered} changed nothing of the part\n`);
      await sync.stop();
    },
    STEPS * 3000,
  );
});
