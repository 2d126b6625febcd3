import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { nats } from '../kit/nats.ts';
import { Dice, shuffled } from '../kit/random.ts';
import { type RunningRelay, startRelay } from '../kit/relay.ts';
import { type LogLine, read, run, Sidecar } from '../kit/sidecar.ts';
import { SignedHistory } from '../kit/signed-history.ts';
import type { Policy, SignedModel } from '../kit/signed-model.ts';
import { tempDir } from '../kit/temp.ts';
import { startUp } from '../kit/up.ts';
import { freePort } from '../peers/ports.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

/** `STORY_SEED=7 npx vitest run test/e2e/verify-stories.test.ts` repeats one; several are separated by commas. */
const SEEDS = (process.env.STORY_SEED ?? '1,2').split(',').map(Number);
/** Two stories have half of the events each; one that is repeated has the same. */
const PARTS = 2;
const SAMPLE_MS = 5;

/** What one observer has seen of a follower, one commit after the other. */
class Course {
  readonly #model: SignedModel;
  readonly #policy: Policy;
  readonly #violations: string[];
  readonly #name: string;
  last: string | undefined;

  constructor(name: string, model: SignedModel, policy: Policy, violations: string[]) {
    this.#name = name;
    this.#model = model;
    this.#policy = policy;
    this.#violations = violations;
  }

  see(oid: string): void {
    if (oid === this.last) return;
    const reason = this.#model.forbids(this.last, oid, this.#policy);
    if (reason !== undefined) this.#violations.push(`${this.#name}: from ${this.last} to ${oid}: ${reason}`);
    this.last = oid;
  }
}

interface FollowerPlan {
  readonly name: string;
  readonly policy: Policy;
  readonly root: string;
  /** Starts it, also again. */
  readonly start: () => Sidecar;
  /** The text in which it says what it refuses. */
  readonly refusal: () => Promise<string>;
  /** Its own log lines. */
  readonly isOwn?: (line: LogLine) => boolean;
  /** Commits that it brought to life, in their order; only of `run`. */
  readonly ran?: () => readonly string[];
  /** The part of the commit that it publishes. */
  readonly part?: string;
  /** The directory of `--into`. */
  readonly into?: string;
  /** It learns from others what is refused, and keeps what was good before. */
  readonly isTrusting?: true;
  /** Which way its objects come: lines of the log that have to be there, and those that must not. */
  readonly way?: { readonly has?: string; readonly hasNot?: string };
}

/** The commit that a link is named after; undefined while there is no link. */
function commitAt(link: string, part?: string): string | undefined {
  try {
    const target = readlinkSync(link);
    return basename(part === undefined ? target : dirname(target));
  } catch {
    return undefined;
  }
}

/** A process that follows the branch under a policy, and those who watch it. */
class Follower {
  readonly plan: FollowerPlan;
  readonly link: string;
  readonly #links: Course;
  readonly #logs: Course;
  readonly #runs: Course;
  readonly #intos: Course;
  #process: Sidecar;
  /** Lines that say so: of this process, and of those before. */
  #lines = 0;
  #earlier = 0;
  #runsSeen: number;
  /** What was published before this process. */
  #before: string | undefined;
  /** Of the processes that have ended. */
  #log = '';

  constructor(plan: FollowerPlan, model: SignedModel, violations: string[]) {
    const course = (what: string, policy = plan.policy): Course =>
      new Course(`${plan.name}, ${what}`, model, policy, violations);
    this.plan = plan;
    this.link = join(plan.root, 'link');
    this.#links = course('link');
    this.#logs = course('log');
    // A process that was killed is followed by one of the last release that was proven, which may be an older one.
    this.#runs = course('run', { range: false, forward: false });
    // What was published and run before there was a policy stays, and is what later commits are compared with.
    this.#intos = course('directory');
    const before = this.published;
    for (const each of [this.#links, this.#logs, this.#runs, this.#intos]) each.last = before;
    this.#runsSeen = plan.ran?.().length ?? 0;
    this.#before = before;
    this.#process = plan.start();
  }

  /** What the link shows now. */
  get published(): string | undefined {
    return commitAt(this.link, this.plan.part);
  }

  /** The link, and of a directory the file in it that each commit changes. */
  watchLink(commitOf?: (number: string) => string | undefined): void {
    const now = this.published;
    if (now !== undefined) this.#links.see(now);
    const number = this.plan.into && commitOf && read(this.plan.into, 'number');
    const commit = number && commitOf?.(number);
    if (commit) this.#intos.see(commit);
  }

  /** Looks at everything that shows what is published. */
  watch(): void {
    this.watchLink();
    const lines = this.#process.logs.filter((line) => line.msg === 'published' && (this.plan.isOwn?.(line) ?? true));
    for (const { hash } of lines.slice(this.#lines)) this.#logs.see(String(hash));
    this.#lines = lines.length;
    const ran = this.plan.ran?.() ?? [];
    for (const oid of ran.slice(this.#runsSeen)) this.#runs.see(oid);
    this.#runsSeen = ran.length;
  }

  /** What was published last, also while the link is missing. */
  get shown(): string | undefined {
    return this.published ?? this.#links.last;
  }

  /**
   * Its log says what this process published last. That comes a moment after the link, and has to be judged by the rules
   * of that moment: keys and allowed steps change from one event to the next.
   */
  get hasTold(): boolean {
    const { published } = this;
    if (published === undefined || published === this.#before) return true;
    const told = this.#process.logs.filter(({ msg }) => /^published$|was published again$/.test(msg));
    return told.filter((line) => this.plan.isOwn?.(line) ?? true).at(-1)?.hash === published;
  }

  /** It has published something itself. */
  get hasPublished(): boolean {
    return this.#lines + this.#earlier > 0;
  }

  get process(): Sidecar {
    return this.#process;
  }

  /** It used the way that it is there for. */
  expectWay(): void {
    const { name, way } = this.plan;
    if (way?.has !== undefined) expect([name, this.#log.includes(way.has)]).toEqual([name, true]);
    if (way?.hasNot !== undefined) expect([name, this.#log.includes(way.hasNot)]).toEqual([name, false]);
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    await this.#process.stop(signal);
    this.watch();
    this.#log += this.#process.stderr;
    this.#earlier += this.#lines;
    this.#lines = 0;
  }

  start(): void {
    this.#before = this.published;
    this.#process = this.plan.start();
  }
}

async function textAt(url: string): Promise<string> {
  return await fetch(url, { signal: AbortSignal.timeout(5000) }).then(
    async (answer) => await answer.text(),
    () => '',
  );
}

/** All combinations; each is dealt out before any comes again. */
const POLICIES: readonly Policy[] = [0, 1, 2, 3].map((each) => ({ range: (each & 1) > 0, forward: (each & 2) > 0 }));

interface Story {
  readonly history: SignedHistory;
  readonly followers: readonly Follower[];
  readonly violations: readonly string[];
  /** Waits until every follower has published the tip, or refuses it, as the oracle wants it. */
  settle(what: string): Promise<void>;
}

const samplers: NodeJS.Timeout[] = [];
afterEach(() => {
  for (const timer of samplers.splice(0)) clearInterval(timer);
});

/** A follower that verifies nothing, of a relay that does. */
function trusting(root: string, placeOf: (root: string) => string[], relay: RunningRelay): FollowerPlan {
  return {
    name: 'behind a strict relay',
    policy: { range: false, forward: false },
    isTrusting: true,
    root,
    start: () => new Sidecar([...placeOf(root), '--period=400ms', `--relay=${relay.url}`]),
    refusal: async () => {
      const status = JSON.parse((await textAt(`${relay.url}/status`)) || '{}') as RelayStatus;
      const refused = (status.repositories ?? []).flatMap((repository) => repository.refused ?? []);
      return refused.map(({ oid, code }) => ` at ${oid}: ${code}`).join();
    },
  };
}

interface RelayStatus {
  readonly repositories?: readonly { readonly refused?: readonly { readonly oid: string; readonly code: string }[] }[];
}

async function begin(dice: Dice): Promise<Story> {
  const dir = tempDir();
  const history = new SignedHistory(dir, dice);
  const host = await httpGit(dir);
  const repo = `--repo=${host}/repo.git`;
  const board = (await nats(dir)).url;
  const relay = await startRelay({
    dir,
    args: [`--allow=${host}/*`, `--follow=${host}/repo.git`, `--nats=${board}`],
  });
  const policies: Policy[] = [];
  const policyOf = (): Policy => {
    if (policies.length === 0) policies.push(...shuffled(POLICIES, dice));
    const { range, forward } = policies.pop() ?? { range: true, forward: true };
    return { range, forward, allowed: new Set() };
  };
  const wordsOf = ({ range, forward }: Policy): string[] => [
    '--verify=commit',
    ...history.keys.map((path) => `--verify-keys=${path}`),
    `--verify-range=${range}`,
    `--fast-forward-only=${forward}`,
  ];
  const placeOf = (root: string): string[] => [repo, `--root=${root}`, '--link=link', '--max-failures=-1'];
  const allowed = (policy: Policy): string[] =>
    [...(policy.allowed ?? [])].slice(-1).map((oid) => `--allow-rewind=${oid}`);
  const plain = async (name: string, words: readonly string[], command: readonly string[] = []) => {
    const [policy, root, port] = [policyOf(), join(dir, name), await freePort()];
    const args = [...placeOf(root), ...wordsOf(policy), `--http-bind=127.0.0.1:${port}`, ...words];
    const isRun = command.length > 0;
    const plan: FollowerPlan = {
      name,
      policy,
      root,
      start: () =>
        new Sidecar(
          isRun ? ['run', ...args, ...allowed(policy), '--', ...command] : [...args, ...allowed(policy)],
          {},
          { command: isRun ? 'git-sidecar' : 'git-sync' },
        ),
      refusal: async () => await textAt(`http://127.0.0.1:${port}/readyz`),
    };
    return plan;
  };
  const out = join(dir, 'ran');
  const fast = '--period=400ms';
  const deploy = [`--state=${join(dir, 'state')}`, '--ready-for=0s', '--ready-delay=0s'];
  const command = ['sh', '-c', `cat number >> ${out}; echo >> ${out}; exec sleep 1000 > /dev/null 2>&1`];
  const ran = (): string[] =>
    (read(out) ?? '')
      .split('\n')
      .slice(0, -1)
      .filter(Boolean)
      .map((number) => history.commitOf(number) ?? `unknown ${number}`);
  const plans: FollowerPlan[] = [
    { ...(await plain('native packs', [fast, '-v=3'])), way: { has: '"msg":"fetched"' } },
    { ...(await plain('git fetch', [fast, '--depth=0', '-v=3'])), way: { hasNot: '"msg":"fetched"' } },
    await plain('an old root', [fast, '--depth=3', '--stale-worktree-timeout=1h']),
    { ...(await plain('into', [fast, `--into=${join(dir, 'directory')}`])), into: join(dir, 'directory') },
    { ...(await plain('path', [fast, '--path=d'])), part: 'd' },
    await plain('relay', [fast, `--relay=${relay.url}`]),
    await plain('NATS', ['--period=500ms', `--nats=${board}`]),
    { ...(await plain('run', [fast, ...deploy], command)), ran },
  ];
  const strict = await startRelay({
    dir,
    root: join(dir, 'strict relay'),
    args: [
      ...[`--allow=${host}/*`, `--follow=${host}/repo.git`, '--verify=commit'],
      ...history.keys.map((path) => `--verify-keys=${path}`),
    ],
  });
  plans.push(trusting(join(dir, 'behind a strict relay'), placeOf, strict));
  const [one, two] = [policyOf(), policyOf()];
  const unit = (name: string, { range, forward }: Policy) => ({
    name,
    repo: `${host}/repo.git`,
    root: join(dir, name),
    link: 'link',
    period: '400ms',
    verify: 'commit',
    'verify-keys': [...history.keys],
    'verify-range': range,
    'fast-forward-only': forward,
  });
  // It was published, and run, when there was no policy yet.
  expect((await run([...placeOf(join(dir, 'an old root')), '--one-time'])).code).toBe(0);
  const before = ['run', ...placeOf(join(dir, 'run')), ...deploy, '--', ...command];
  const unsigned = new Sidecar(before, {}, { command: 'git-sidecar' });
  await until(
    () => `the unsigned release runs\n${unsigned.stderr}`,
    () => ran().length > 0,
  );
  await unsigned.stop('SIGTERM');
  const { up, again: startAgain } = await startUp(dir, (bind) => ({
    http: { bind },
    store: join(dir, 'store'),
    sync: [unit('one', one), unit('two', two)],
  }));
  let running = up;
  let isFirst = true;
  const ofUnit = (name: string, policy: Policy, start: () => Sidecar): FollowerPlan => ({
    name,
    policy,
    root: join(dir, name),
    start,
    isOwn: (line) => line.unit === name,
    refusal: async () => (await running.get(`/readyz/${name}`))?.text ?? '',
  });
  plans.push(
    ofUnit('one', one, () => {
      if (!isFirst) running = startAgain();
      isFirst = false;
      return running.process;
    }),
    ofUnit('two', two, () => running.process),
  );
  const violations: string[] = [];
  const followers = plans.map((plan) => new Follower(plan, history.model, violations));
  const sample = (): void => {
    for (const follower of followers) follower.watchLink((number) => history.commitOf(number));
  };
  samplers.push(setInterval(sample, SAMPLE_MS));
  const isSettled = async (follower: Follower): Promise<boolean> => {
    const { shown, published } = follower;
    const { part, policy, isTrusting, refusal } = follower.plan;
    const { model, tip, upstream } = history;
    // What leaves the part as it is needs no publish.
    if (part && published && upstream.head(`${published}:${part}`) === upstream.head(`${tip}:${part}`)) return true;
    if (isTrusting && published === tip) return true;
    if (model.forbids(shown, tip, policy) === undefined) return published === tip;
    return (await refusal()).includes(` at ${tip}: ERR_VERIFY_`);
  };
  /** What is shown is what the commit has, and no other. A damaged tree is made anew once the branch is there again. */
  const isWhole = ({ plan: { part, into }, link, published }: Follower): boolean => {
    if (published === undefined || published !== history.tip) return true;
    const wanted = history.upstream.git('show', `${published}:${part ? `${part}/` : ''}number`);
    return [link, ...(into ? [into] : [])].every((directory) => read(directory, 'number') === wanted);
  };
  const settle = async (what: string): Promise<void> => {
    for (const follower of followers) {
      const { name, policy } = follower.plan;
      await until(
        () =>
          `${name} (${JSON.stringify(policy)}) has settled after ${what}: it shows ${follower.shown}, the tip is ${history.tip}, which is ${history.model.forbids(follower.shown, history.tip, policy) ?? 'allowed'}\n${follower.process.stderr.slice(-2000)}\n${history.upstream.git('log', '--graph', '--oneline', '--no-abbrev', follower.shown ?? 'HEAD', 'HEAD')}`,
        async () => (await isSettled(follower)) && isWhole(follower) && follower.hasTold,
        30_000,
      );
      follower.watch();
    }
    expect(violations).toEqual([]);
  };
  return { history, followers, violations, settle };
}

/** What happens to followers while the branch moves. Each happens in every story, in an order that the seed chooses. */
const EVENTS = {
  'nothing else': async () => undefined,
  'a restart': async ({ followers }: Story, dice: Dice) => {
    await again(pick(followers, dice), 'SIGTERM');
  },
  'a kill': async ({ followers }: Story, dice: Dice) => {
    await again(pick(followers, dice), 'SIGKILL');
  },
  'a restart of the document': async ({ followers }: Story) => {
    const [one, two] = ['one', 'two'].map((name) => named(followers, name));
    await one?.stop('SIGTERM');
    await two?.stop('SIGTERM');
    one?.start();
    two?.start();
  },
  'a lost repository': async ({ followers }: Story, dice: Dice) => {
    const follower = pick(followers, dice);
    await follower.stop('SIGKILL');
    rmSync(join(follower.plan.root, '.git'), { recursive: true, force: true });
    follower.start();
  },
  'a damaged tree': async ({ followers }: Story, dice: Dice) => {
    const follower = pick(followers, dice);
    await follower.stop('SIGTERM');
    rmSync(join(follower.link, 'number'), { force: true });
    follower.start();
  },
  'there and back': async ({ history, settle }: Story) => {
    const there = history.good();
    await settle('there');
    history.goTo(`${there}^`);
    await settle('back');
    history.goTo(there);
    await settle('there again');
  },
  'a restore without the server': async ({ history, followers, settle }: Story) => {
    await settle('before the restore');
    const follower = named(followers, 'native packs');
    const { shown } = follower;
    await follower.stop('SIGTERM');
    rmSync(follower.link, { force: true });
    rmSync(join(follower.plan.root, '.worktrees'), { recursive: true, force: true });
    const isGood = shown !== undefined && history.model.isGood(shown);
    const says = isGood ? 'the last revision was published again' : 'the last revision could not be restored';
    await history.away(async () => {
      follower.start();
      await until(
        () => `${says}\n${follower.process.stderr.slice(-2000)}`,
        () => follower.process.count(says) > 0,
      );
      expect(follower.published).toBe(isGood ? shown : undefined);
      follower.watch();
    });
  },
  'other keys': async ({ history, settle }: Story) => {
    await settle('before the keys change');
    history.changeKeys();
    await settle('the keys changed');
    history.move();
    await settle('a move under other keys');
    history.changeKeys();
  },
  'another boot': async ({ followers }: Story, dice: Dice) => {
    const follower = pick(
      followers.filter(({ published }) => published !== undefined),
      dice,
    );
    await follower.stop('SIGKILL');
    const state = join(follower.plan.root, '.git', 'git-sidecar', 'state.json');
    writeFileSync(state, JSON.stringify({ ...JSON.parse(readFileSync(state, 'utf8')), boot: 'another' }));
    writeFileSync(join(follower.link, 'number'), '');
    follower.start();
  },
  'a step back that is allowed': async ({ history, followers, settle }: Story, dice: Dice) => {
    await settle('before the step back');
    const follower = pick(
      followers.filter(({ plan, shown }) => plan.policy.forward && !plan.part && shown !== undefined),
      dice,
    );
    history.goTo(follower.shown ?? '');
    const tip = history.good();
    await settle('a commit that it takes');
    history.goTo(`${tip}^`);
    const back = history.good();
    await settle('a step back');
    expect(follower.published).toBe(tip);
    const { allowed } = follower.plan.policy;
    allowed?.add(back);
    await again(follower, 'SIGTERM');
    await settle('the step back is allowed');
    expect(follower.published).toBe(back);
    allowed?.delete(back);
  },
} satisfies Record<string, (story: Story, dice: Dice) => Promise<void>>;

function named(followers: readonly Follower[], name: string): Follower {
  const found = followers.find(({ plan }) => plan.name === name);
  if (!found) throw new Error(`there is no follower ${name}`);
  return found;
}

/** One that has a process of its own. */
function pick(followers: readonly Follower[], dice: Dice): Follower {
  return dice.pick(followers.filter(({ plan }) => !plan.isOwn));
}

async function again(follower: Follower, signal: NodeJS.Signals): Promise<void> {
  await follower.stop(signal);
  follower.start();
}

async function tell(story: Story, dice: Dice, seed: number): Promise<void> {
  const { history, followers } = story;
  history.good();
  await story.settle('the first good commit');
  const events = Object.entries(EVENTS).filter((_, index) => index % PARTS === seed % PARTS);
  for (const [name, happen] of shuffled(events, dice)) {
    history.move();
    await happen(story, dice);
    await story.settle(name);
  }
  history.good();
  await story.settle('the end');
  for (const { plan, hasPublished } of followers) expect([plan.name, hasPublished]).toEqual([plan.name, true]);
  expect(named(followers, 'run').plan.ran?.().length).toBeGreaterThan(0);
  expect(story.violations).toEqual([]);
}

describe.skipIf(missing('ssh-keygen', 'nats-server'))('with --verify, on every way at once', () => {
  test.each(SEEDS)(
    'nothing is published or run that the policy forbids, and all that it allows is (seed %i)',
    { timeout: 240_000 },
    async (seed) => {
      process.stdout.write(`story of signed commits: STORY_SEED=${seed}\n`);
      const dice = new Dice(seed);
      const story = await begin(dice);
      try {
        await tell(story, dice, seed);
      } finally {
        // In peace, so that run ends what it keeps.
        await Promise.all(story.followers.map(async (follower) => await follower.stop('SIGTERM')));
      }
      for (const follower of story.followers) follower.expectWay();
    },
  );
});
