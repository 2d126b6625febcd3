import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type HandCranked, handCranked } from '../kit/hand-cranked.ts';
import { httpGit } from '../kit/http-git.ts';
import { Dice } from '../kit/random.ts';
import { published } from '../kit/sidecar.ts';
import { SignedHistory } from '../kit/signed-history.ts';
import { tempDir } from '../kit/temp.ts';
import { missing } from '../peers/programs.ts';

/** `VERIFY_SEED=7 npx vitest run test/verify/histories.test.ts` repeats one. */
const SEEDS = process.env.VERIFY_SEED ? [Number(process.env.VERIFY_SEED)] : [1, 2, 3, 4, 5, 6, 7, 8];
const STEPS = 14;

const WAYS = ['git', 'http'] as const;

async function live(seed: number): Promise<void> {
  const dice = new Dice(seed);
  const way = dice.pick(WAYS);
  const dir = tempDir();
  const it = new SignedHistory(dir, dice);
  const { model } = it;
  const link = join(dir, 'root', 'link');
  const url = way === 'http' ? `${await httpGit(dir)}/repo.git` : it.upstream.bare;
  const policy = { range: dice.chance(0.5), forward: dice.chance(0.5) };
  const depth = dice.pick([0, 1, 1, 3]);
  const stale = dice.pick(['0s', '1h']);
  const args = [`--repo=${url}`, `--root=${join(dir, 'root')}`, '--link=link', '--verify=commit'];
  args.push(`--verify-keys=${it.keys}`, `--depth=${depth}`, `--stale-worktree-timeout=${stale}`);
  args.push(`--verify-range=${policy.range}`, `--fast-forward-only=${policy.forward}`);
  let sync: HandCranked = await handCranked(args);
  let shown: string | undefined;
  let steps = 0;
  const cycle = async (isUp: boolean): Promise<void> => {
    const what = `seed ${seed}, step ${steps}, ${args.slice(3).join(' ')}, from ${shown} to ${it.tip}`;
    const failure = await sync.cycle().then(
      () => undefined,
      (error: unknown) => error,
    );
    const now = published(link);
    const forbidden = model.forbids(shown, it.tip, policy);
    if (now !== shown && now !== undefined) expect(model.forbids(shown, now, policy), what).toBeUndefined();
    if (shown !== undefined) expect(now, what).toBeDefined();
    if (isUp && forbidden === undefined) expect(now, `${what}: ${String(failure)}`).toBe(it.tip);
    if (isUp && forbidden !== undefined) expect(now, what).toBe(shown);
    shown = now;
  };
  for (steps = 0; steps < STEPS; steps += 1) {
    it.move();
    if (dice.chance(0.3)) {
      await sync.stop();
      sync = await handCranked(args);
    }
    // A tree that somebody has damaged is made anew.
    if (shown !== undefined && dice.chance(0.2)) writeFileSync(join(link, 'number'), 'edited');
    if (dice.chance(0.2)) await it.away(async () => await cycle(false));
    await cycle(true);
  }
  await sync.stop();
  rmSync(link, { force: true });
}

describe.skipIf(missing('ssh-keygen'))('with --verify, whatever the history is', () => {
  test.each(SEEDS)(
    'nothing is published that the policy forbids, and all that it allows is (seed %i)',
    async (seed) => {
      await live(seed);
    },
  );
});
