import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type HandCranked, handCranked } from '../kit/hand-cranked.ts';
import { httpGit } from '../kit/http-git.ts';
import { Dice } from '../kit/random.ts';
import { read } from '../kit/sidecar.ts';
import { SignedHistory } from '../kit/signed-history.ts';
import type { Policy } from '../kit/signed-model.ts';
import { tempDir } from '../kit/temp.ts';
import { missing } from '../peers/programs.ts';

/** `VERIFY_SEED=7 npx vitest run test/verify/histories.test.ts` repeats one. */
const SEEDS = process.env.VERIFY_SEED ? [Number(process.env.VERIFY_SEED)] : [1, 2, 3, 4, 5, 6, 7, 8];
const STEPS = 10;

/** Each of them once in the first eight seeds. */
const POLICIES = [0, 1, 2, 3].map((each) => ({ range: (each & 1) > 0, forward: (each & 2) > 0 }));
const SHAPES = ['plain', 'plain', 'into', 'path'] as const;
const WAYS = ['git', 'http'] as const;

/** What happens to the process that follows, before it looks at the branch again. */
const EVENTS = [
  'nothing',
  'nothing',
  'a restart',
  'other keys',
  'a damaged tree',
  'another boot',
  'no server',
] as const;

class Life {
  readonly #dice: Dice;
  readonly #dir = tempDir();
  readonly #root = join(this.#dir, 'root');
  readonly #into = join(this.#dir, 'into');
  readonly #history: SignedHistory;
  readonly #policy: Policy;
  readonly #shape: (typeof SHAPES)[number];
  readonly #args: string[] = [];
  readonly #allowed = new Set<string>();
  readonly #used = new Set<string>();
  #sync: HandCranked | undefined;
  #shown: string | undefined;
  #done: string[] = [];

  constructor(seed: number) {
    this.#dice = new Dice(seed);
    this.#history = new SignedHistory(this.#dir, this.#dice);
    this.#policy = { ...(POLICIES[seed % 4] as Policy), allowed: this.#allowed };
    this.#shape = SHAPES[Math.floor(seed / 2) % 4] ?? 'plain';
  }

  async live(): Promise<void> {
    const dice = this.#dice;
    const { range, forward } = this.#policy;
    const url = dice.pick(WAYS) === 'http' ? `${await httpGit(this.#dir)}/repo.git` : this.#history.upstream.bare;
    this.#args.push(`--repo=${url}`, `--root=${this.#root}`, '--link=link', '--verify=commit');
    this.#args.push(...this.#history.keys.map((path) => `--verify-keys=${path}`));
    this.#args.push(`--depth=${dice.pick([0, 1, 1, 3])}`, `--stale-worktree-timeout=${dice.pick(['0s', '1h'])}`);
    this.#args.push(`--verify-range=${range}`, `--fast-forward-only=${forward}`);
    if (this.#shape === 'into') this.#args.push(`--into=${this.#into}`);
    if (this.#shape === 'path') this.#args.push('--path=d');
    await this.#start();
    for (let step = 0; step < STEPS; step += 1) {
      this.#history.move(this.#shown);
      await this.#happen(dice.pick(EVENTS));
      await this.#cycle(true);
      if (this.#isRewound && dice.chance(0.6)) await this.#allowRewind();
    }
    await this.#sync?.stop();
    rmSync(this.#link, { force: true });
  }

  get #link(): string {
    return join(this.#root, 'link');
  }

  get #published(): string | undefined {
    try {
      const target = readlinkSync(this.#link);
      return basename(this.#shape === 'path' ? dirname(target) : target);
    } catch {
      return undefined;
    }
  }

  /** The tip would be published if it were not for the step back. */
  get #isRewound(): boolean {
    const { tip, model } = this.#history;
    const reason = (policy: Policy) => model.forbids(this.#shown, tip, policy);
    return reason(this.#policy) !== undefined && reason({ ...this.#policy, forward: false }) === undefined;
  }

  async #start(...more: string[]): Promise<void> {
    await this.#sync?.stop();
    this.#sync = await handCranked([...this.#args, ...more]);
  }

  async #happen(event: (typeof EVENTS)[number]): Promise<void> {
    this.#done.push(event);
    const state = join(this.#root, '.git', 'git-sidecar', 'state.json');
    if (event === 'a restart') await this.#start();
    if (event === 'other keys') this.#history.changeKeys();
    if (event === 'no server') await this.#history.away(async () => await this.#cycle(false));
    // A tree that somebody, or a power cut, has damaged is made anew.
    if (this.#shown === undefined || (event !== 'a damaged tree' && event !== 'another boot')) return;
    writeFileSync(join(this.#link, 'number'), '');
    if (event !== 'another boot') return;
    await this.#sync?.stop();
    this.#sync = undefined;
    writeFileSync(state, JSON.stringify({ ...JSON.parse(readFileSync(state, 'utf8')), boot: 'another' }));
    await this.#start();
  }

  /** A person allows the step back. That works once for each commit, and the option stays. */
  async #allowRewind(): Promise<void> {
    const { tip } = this.#history;
    this.#done.push('a step back is allowed');
    if (!this.#used.has(tip)) this.#allowed.add(tip);
    await this.#start(`--allow-rewind=${tip}`);
    await this.#cycle(true);
    this.#allowed.delete(tip);
    this.#used.add(tip);
  }

  async #cycle(isUp: boolean): Promise<void> {
    const { model, tip } = this.#history;
    const shown = this.#shown;
    const what = `${this.#args.slice(3).join(' ')}, from ${shown} to ${tip}, after ${this.#done.join(', ')}`;
    const failure = await this.#sync?.cycle().then(
      () => undefined,
      (error: unknown) => error,
    );
    const now = this.#published;
    const forbidden = model.forbids(shown, tip, this.#policy);
    if (now !== shown && now !== undefined) expect(model.forbids(shown, now, this.#policy), what).toBeUndefined();
    if (shown !== undefined) expect(now, what).toBeDefined();
    if (isUp && forbidden === undefined) expect(this.#isAt(now, tip), `${what}: ${String(failure)}`).toBe(true);
    if (isUp && forbidden !== undefined) expect(now, what).toBe(shown);
    // Content, not only names: what a cycle that succeeded shows is what the commit has.
    if (now !== undefined && isUp && forbidden === undefined) {
      expect(read(this.#link, 'number'), what).toBe(this.#numberOf(now));
      if (this.#shape === 'into') expect(read(this.#into, 'number'), what).toBe(this.#numberOf(now));
    }
    this.#shown = now;
  }

  #numberOf(oid: string): string {
    return this.#history.upstream.git('show', `${oid}:${this.#shape === 'path' ? 'd/' : ''}number`);
  }

  /** With `--path` an earlier commit with the same part is as good. */
  #isAt(oid: string | undefined, tip: string): boolean {
    if (oid === tip || oid === undefined || this.#shape !== 'path') return oid === tip;
    const { upstream } = this.#history;
    return upstream.head(`${oid}:d`) === upstream.head(`${tip}:d`);
  }
}

describe.skipIf(missing('ssh-keygen'))('with --verify, whatever the history is', () => {
  test.each(SEEDS)(
    'nothing is published that the policy forbids, and all that it allows is (seed %i)',
    { timeout: 120_000 },
    async (seed) => {
      await new Life(seed).live();
    },
  );
});
