import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missing } from '../peers/programs.ts';
import { type Dice, shuffled } from './random.ts';
import { SignedModel } from './signed-model.ts';
import {
  OpenpgpSigner,
  rawObject,
  SshSigner,
  signHead,
  TestAuthority,
  type TestSigner,
  withSignature,
  writeObject,
} from './signing.ts';
import { Upstream } from './upstream.ts';

/** Somebody who may sign, and the file of `--verify-keys` that says so. */
interface Person {
  readonly name: string;
  readonly signer: TestSigner;
  readonly file: string;
  readonly keys: string;
}

/** One of each kind of signature for which this machine has the programs. */
function peopleIn(directory: string): readonly Person[] {
  const people: Person[] = [];
  const alice = new SshSigner(directory, 'alice');
  people.push({ name: 'alice', signer: alice, file: 'signers', keys: `alice ${alice.publicKey}\n` });
  if (!missing('gpg', 'gpgconf')) {
    const signer = new OpenpgpSigner(directory, 'bob');
    people.push({ name: 'bob', signer, file: 'bob.asc', keys: signer.publicKey });
  }
  if (!missing('gpgsm', 'gpg-agent', 'openssl')) {
    const authority = new TestAuthority(directory, 'root');
    people.push({ name: 'carol', signer: authority.issue('carol'), file: 'ca.pem', keys: authority.certificate });
  }
  return people;
}

/** A branch that random people move: those who may sign, those who may not, and those who cheat. */
export class SignedHistory {
  readonly upstream: Upstream;
  readonly model: SignedModel;
  /** For `--verify-keys`: with the keys of those who may sign. */
  readonly keys: readonly string[];
  /** The first commit, which is not signed. */
  readonly first: string;
  readonly #dice: Dice;
  readonly #known: string[];
  readonly #people: readonly Person[];
  readonly #mallory: SshSigner;
  readonly #directory: string;
  /** Moves that are to come before any of them comes again. */
  readonly #deck: string[] = [];

  constructor(directory: string, dice: Dice) {
    this.#dice = dice;
    this.#directory = directory;
    this.upstream = new Upstream(directory);
    this.#people = peopleIn(directory);
    this.#mallory = new SshSigner(directory, 'mallory');
    this.keys = this.#people.map(({ file }) => join(directory, file));
    this.model = new SignedModel(this.#people.map(({ name }) => name));
    for (const person of this.#people) this.#writeKeys(person);
    this.first = this.upstream.commit({ number: '0', a: 'a', 'd/b': 'b', 'd/c': 'c', 'd/number': '0' });
    this.#known = [this.model.add(this.first, [], undefined)];
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
    const person = this.#dice.pick(this.#people.filter(({ name }) => !this.#lost.has(name)));
    return this.#make(person.name, () => signHead(this.upstream, (payload) => person.signer.sign(payload)));
  }

  /** Whose keys are not known at the moment. */
  readonly #lost = new Set<string>();

  /** The keys of one of those who may sign go, or all come back. Whoever follows has to have settled. */
  changeKeys(): void {
    const lost = this.#lost.size > 0 || this.#people.length < 2 ? undefined : this.#dice.pick(this.#people.slice(1));
    this.#lost.clear();
    if (lost) this.#lost.add(lost.name);
    for (const person of this.#people) this.#writeKeys(person);
    this.model.know(this.#people.map(({ name }) => name).filter((name) => !this.#lost.has(name)));
  }

  /**
   * One to three random moves of the branch; the last ones of all calls are all kinds of them, in turn.
   * @param published the branch may go back to it first, as somebody does who has seen that a commit is refused
   */
  move(published?: string): void {
    const { upstream } = this;
    const dice = this.#dice;
    const [alice] = this.#people;
    const signHeadWith = (signer: TestSigner): string => signHead(upstream, (payload) => signer.sign(payload));
    const moves: Readonly<Record<string, () => void>> = {
      'a good commit': () => this.good(),
      'an unsigned commit': () => this.#make(undefined, () => upstream.head()),
      'a commit of a stranger': () => this.#make(undefined, () => signHeadWith(this.#mallory)),
      'a commit with another signature': () =>
        this.#make(undefined, () =>
          signHead(upstream, () => alice?.signer.sign(Buffer.from(`${dice.below(1e9)}`)) ?? ''),
        ),
      'a commit that was changed afterwards': () => this.#make(undefined, () => this.#changedAfterwards()),
      // Another server would show an older commit, or another branch, in the same way.
      'another commit': () => this.goTo(dice.pick(this.#known)),
      'a good merge': () => this.merge(true),
      'a good merge of what nobody signed': () => this.merge(false),
    };
    const names = Object.keys(moves);
    if (published !== undefined && dice.chance(0.6)) this.goTo(published);
    for (let times = dice.below(3); times > 0; times -= 1)
      moves[dice.chance(0.7) ? 'a good commit' : dice.pick(names)]?.();
    if (this.#deck.length === 0) this.#deck.push(...shuffled(names, dice));
    moves[this.#deck.pop() ?? '']?.();
  }

  /** The branch shows another commit. */
  goTo(revision: string): void {
    this.upstream.git('reset', '-q', '--hard', revision);
    this.upstream.push();
  }

  /** A side branch from any commit of before, one or two commits long, is merged by somebody who may sign. */
  merge(isSideGood: boolean): string {
    const { upstream } = this;
    const trunk = upstream.head();
    upstream.git('reset', '-q', '--hard', this.#dice.pick(this.#known));
    for (let left = 1 + this.#dice.below(2); left > 0; left -= 1) {
      if (isSideGood) this.good();
      else this.#make(undefined, () => upstream.head());
    }
    const side = upstream.head();
    upstream.git('reset', '-q', '--hard', trunk);
    const person = this.#dice.pick(this.#people.filter(({ name }) => !this.#lost.has(name)));
    upstream.git('merge', '-q', '--no-commit', '--no-ff', '-s', 'ours', '--allow-unrelated-histories', side);
    return this.#make(
      person.name,
      () => signHead(upstream, (payload) => person.signer.sign(payload)),
      // It is merged already where it is an ancestor.
      upstream.git('rev-list', '--count', `${trunk}..${side}`) === '0' ? [trunk] : [trunk, side],
    );
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

  /** Keys of a stranger take the place of those that are lost: a file without keys is an error of another kind. */
  #writeKeys({ name, file, keys }: Person): void {
    const path = join(this.#directory, file);
    writeFileSync(path, this.#lost.has(name) ? `mallory namespaces="none" ${this.#mallory.publicKey}\n` : keys);
  }

  #changedAfterwards(): string {
    const { upstream } = this;
    const raw = rawObject(upstream, 'HEAD');
    const signer = this.#people[0]?.signer ?? this.#mallory;
    const signed = withSignature(raw, signer.sign(raw)).toString('latin1');
    const oid = writeObject(upstream, 'commit', Buffer.from(`${signed}and more\n`, 'latin1'));
    this.goTo(oid);
    return oid;
  }

  #make(signer: string | undefined, finish: () => string, parents = [this.upstream.head()]): string {
    const { upstream } = this;
    const number = `${this.#known.length}`;
    const changed = this.#dice.pick(['a', 'd/b', 'd/c']);
    const inPart = changed === 'a' ? {} : { 'd/number': number };
    upstream.write({ number, ...inPart, [changed]: `${this.#dice.below(1e9)}` });
    upstream.git('add', '-A');
    upstream.git('commit', '-q', '-m', number);
    const oid = finish();
    upstream.push();
    this.#known.push(this.model.add(oid, parents, signer));
    return oid;
  }
}
