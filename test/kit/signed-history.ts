import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dice } from './random.ts';
import { rawObject, SshSigner, signHead, withSignature, writeObject } from './signing.ts';
import { Upstream } from './upstream.ts';

export interface Policy {
  readonly range: boolean;
  readonly forward: boolean;
}

/** What a test knows of each commit, from how it was made: no signature is looked at. */
export class SignedModel {
  readonly #good = new Set<string>();
  readonly #parents = new Map<string, readonly string[]>();

  add(oid: string, parents: readonly string[], isGood: boolean): string {
    this.#parents.set(oid, parents);
    if (isGood) this.#good.add(oid);
    return oid;
  }

  #ancestors(oid: string): Set<string> {
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
  forbids(from: string | undefined, to: string, { range, forward }: Policy): string | undefined {
    if (!this.#good.has(to)) return 'it is not signed well';
    if (from === undefined || from === to) return undefined;
    const before = this.#ancestors(from);
    const all = this.#ancestors(to);
    if (forward && !all.has(from)) return 'it does not come from what is published';
    const isHidden = [...all].some((each) => !before.has(each) && !this.#good.has(each));
    return range && isHidden ? 'a commit before it is not signed well' : undefined;
  }
}

/** A branch that random people move: those who may sign, those who may not, and those who cheat. */
export class SignedHistory {
  readonly upstream: Upstream;
  readonly model = new SignedModel();
  /** A file for `--verify-keys`, with the keys of those who may sign. */
  readonly keys: string;
  /** The first commit, which is not signed. */
  readonly first: string;
  readonly #dice: Dice;
  readonly #known: string[];
  readonly #alice: SshSigner;
  readonly #mallory: SshSigner;

  constructor(directory: string, dice: Dice) {
    this.#dice = dice;
    this.upstream = new Upstream(directory);
    this.#alice = new SshSigner(directory, 'alice');
    this.#mallory = new SshSigner(directory, 'mallory');
    this.keys = join(directory, 'signers');
    writeFileSync(this.keys, `alice ${this.#alice.publicKey}\n`);
    this.first = this.upstream.commit({ number: '0' });
    this.#known = [this.model.add(this.first, [], false)];
  }

  get tip(): string {
    return this.upstream.head();
  }

  /** The commit whose file `number` holds that. */
  commitOf(number: string): string | undefined {
    return this.#known[Number(number)];
  }

  /** A new commit by somebody who may sign. */
  good(): string {
    return this.#make(true, () => signHead(this.upstream, (payload) => this.#alice.sign(payload)));
  }

  /** One to three random moves of the branch. */
  move(): void {
    const { upstream } = this;
    const dice = this.#dice;
    const moves: readonly (() => void)[] = [
      () => this.good(),
      () => this.good(),
      () => this.good(),
      () => this.#make(false, () => upstream.head()),
      () => this.#make(false, () => signHead(upstream, (payload) => this.#mallory.sign(payload))),
      () => this.#make(false, () => signHead(upstream, () => this.#alice.sign(Buffer.from(`${dice.below(1e9)}`)))),
      () => this.#make(false, () => this.#changedAfterwards()),
      // Another server would show an older commit, or another branch, in the same way.
      () => this.goTo(dice.pick(this.#known)),
    ];
    for (let times = 1 + dice.below(3); times > 0; times -= 1) dice.pick(moves)();
  }

  /** The branch shows another commit. */
  goTo(revision: string): void {
    this.upstream.git('reset', '-q', '--hard', revision);
    this.upstream.push();
  }

  /** The server is away while this runs. */
  async away<Result>(work: () => Promise<Result>): Promise<Result> {
    const { bare } = this.upstream;
    renameSync(bare, `${bare}.away`);
    try {
      return await work();
    } finally {
      renameSync(`${bare}.away`, bare);
    }
  }

  #changedAfterwards(): string {
    const { upstream } = this;
    const raw = rawObject(upstream, 'HEAD');
    const signed = withSignature(raw, this.#alice.sign(raw)).toString('latin1');
    const oid = writeObject(upstream, 'commit', Buffer.from(`${signed}and more\n`, 'latin1'));
    this.goTo(oid);
    return oid;
  }

  #make(isGood: boolean, finish: () => string): string {
    const { upstream } = this;
    const parent = upstream.head();
    const number = `${this.#known.length}`;
    upstream.write({ number, [this.#dice.pick(['a', 'd/b', 'd/c'])]: `${this.#dice.below(1e9)}` });
    upstream.git('add', '-A');
    upstream.git('commit', '-q', '-m', number);
    const oid = finish();
    upstream.push();
    this.#known.push(this.model.add(oid, [parent], isGood));
    return oid;
  }
}
