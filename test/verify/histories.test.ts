import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type HandCranked, handCranked } from '../kit/hand-cranked.ts';
import { httpGit } from '../kit/http-git.ts';
import { Dice } from '../kit/random.ts';
import { fixture } from '../kit/setup.ts';
import { published } from '../kit/sidecar.ts';
import { rawObject, SshSigner, signHead, withSignature, writeObject } from '../kit/signing.ts';
import { missing } from '../peers/programs.ts';

/** `VERIFY_SEED=7 npx vitest run test/verify/histories.test.ts` repeats one. */
const SEEDS = process.env.VERIFY_SEED ? [Number(process.env.VERIFY_SEED)] : [1, 2, 3, 4, 5, 6, 7, 8];
const STEPS = 14;

/** What the test knows of each commit, from how it was made. */
class Model {
  readonly good = new Set<string>();
  readonly #parents = new Map<string, readonly string[]>();

  add(oid: string, parents: readonly string[], isGood: boolean): string {
    this.#parents.set(oid, parents);
    if (isGood) this.good.add(oid);
    return oid;
  }

  ancestors(oid: string): Set<string> {
    const found = new Set<string>();
    const visit = (each: string): void => {
      if (found.has(each)) return;
      found.add(each);
      for (const parent of this.#parents.get(each) ?? []) visit(parent);
    };
    visit(oid);
    return found;
  }

  /** Why the policy forbids the step from what is published to `to`; undefined when it allows it. */
  forbids(from: string | undefined, to: string, range: boolean, forward: boolean): string | undefined {
    if (!this.good.has(to)) return 'it is not signed well';
    if (from === undefined || from === to) return undefined;
    const before = this.ancestors(from);
    const all = this.ancestors(to);
    if (forward && !all.has(from)) return 'it does not come from what is published';
    const isHidden = [...all].some((each) => !before.has(each) && !this.good.has(each));
    return range && isHidden ? 'a commit before it is not signed well' : undefined;
  }
}

interface World {
  readonly link: string;
  readonly args: readonly string[];
  readonly model: Model;
  readonly known: string[];
  /** One change of the branch. */
  move(): void;
  /** The server is away while this runs. */
  away<Result>(work: () => Promise<Result>): Promise<Result>;
  tip(): string;
}

async function world(dice: Dice, way: string): Promise<World> {
  const it = fixture();
  const { upstream, dir } = it;
  const [alice, mallory] = [new SshSigner(dir, 'alice'), new SshSigner(dir, 'mallory')];
  const keys = join(dir, 'signers');
  writeFileSync(keys, `alice ${alice.publicKey}\n`);
  const model = new Model();
  const known = [model.add(it.first, [], false)];
  const url = way === 'http' ? `${await httpGit(dir)}/repo.git` : upstream.bare;
  const make = (isGood: boolean, finish: () => string): void => {
    const parent = upstream.head();
    upstream.commit({ [dice.pick(['a', 'd/b', 'd/c'])]: `${dice.below(1e9)}` });
    const oid = finish();
    known.push(model.add(oid, [parent], isGood));
  };
  const moves: readonly (() => void)[] = [
    () => make(true, () => signHead(upstream, (payload) => alice.sign(payload))),
    () => make(true, () => signHead(upstream, (payload) => alice.sign(payload))),
    () => make(true, () => signHead(upstream, (payload) => alice.sign(payload))),
    () => make(false, () => upstream.head()),
    () => make(false, () => signHead(upstream, (payload) => mallory.sign(payload))),
    () => make(false, () => signHead(upstream, () => alice.sign(Buffer.from(`${dice.below(1e9)}`)))),
    () =>
      make(false, () => {
        const raw = rawObject(upstream, 'HEAD');
        const signed = withSignature(raw, alice.sign(raw)).toString('latin1');
        // Changed after it was signed.
        const oid = writeObject(upstream, 'commit', Buffer.from(`${signed}and more\n`, 'latin1'));
        upstream.git('reset', '-q', '--hard', oid);
        upstream.push();
        return oid;
      }),
    // Another server would show an older commit, or another branch, in the same way.
    () => {
      upstream.git('reset', '-q', '--hard', dice.pick(known));
      upstream.push();
    },
  ];
  return {
    link: it.link,
    args: [`--repo=${url}`, `--root=${it.root}`, '--link=link', '--verify=commit', `--verify-keys=${keys}`],
    model,
    known,
    move: () => {
      for (let times = 1 + dice.below(3); times > 0; times -= 1) dice.pick(moves)();
    },
    away: async (work) => {
      renameSync(upstream.bare, `${upstream.bare}.away`);
      try {
        return await work();
      } finally {
        renameSync(`${upstream.bare}.away`, upstream.bare);
      }
    },
    tip: () => upstream.head(),
  };
}

const WAYS = ['git', 'http'] as const;

async function live(seed: number): Promise<void> {
  const dice = new Dice(seed);
  const way = dice.pick(WAYS);
  const it = await world(dice, way);
  const [range, forward] = [dice.chance(0.5), dice.chance(0.5)];
  const depth = dice.pick([0, 1, 1, 3]);
  const stale = dice.pick(['0s', '1h']);
  const args = [...it.args, `--depth=${depth}`, `--stale-worktree-timeout=${stale}`];
  args.push(`--verify-range=${range}`, `--fast-forward-only=${forward}`);
  let sync: HandCranked = await handCranked(args);
  let shown: string | undefined;
  let steps = 0;
  const cycle = async (isUp: boolean): Promise<void> => {
    const what = `seed ${seed}, step ${steps}, ${args.slice(3).join(' ')}, from ${shown} to ${it.tip()}`;
    const failure = await sync.cycle().then(
      () => undefined,
      (error: unknown) => error,
    );
    const now = published(it.link);
    const forbidden = it.model.forbids(shown, it.tip(), range, forward);
    if (now !== shown && now !== undefined) expect(it.model.forbids(shown, now, range, forward), what).toBeUndefined();
    if (shown !== undefined) expect(now, what).toBeDefined();
    if (isUp && forbidden === undefined) expect(now, `${what}: ${String(failure)}`).toBe(it.tip());
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
    if (shown !== undefined && dice.chance(0.2)) writeFileSync(join(it.link, 'a'), 'edited');
    if (dice.chance(0.2)) await it.away(async () => await cycle(false));
    await cycle(true);
  }
  await sync.stop();
  rmSync(it.link, { force: true });
}

describe.skipIf(missing('ssh-keygen'))('with --verify, whatever the history is', () => {
  test.each(SEEDS)(
    'nothing is published that the policy forbids, and all that it allows is (seed %i)',
    async (seed) => {
      await live(seed);
    },
  );
});
