import {
  cpSync,
  type Dirent,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { differences, exactTree } from '../kit/exact-tree.ts';
import { httpGit } from '../kit/http-git.ts';
import { makePrey } from '../kit/prey.ts';
import { openPrivateMounts, type PrivateMounts } from '../kit/private-mounts.ts';
import { published, Sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { missing } from '../peers/programs.ts';
import { until } from '../peers/wait.ts';

/** Errors that say what is in the way, where a sync cannot go on. */
const TYPED = ['ERR_PATH_REDIRECTED', 'ERR_PATH_KEPT', 'ERR_ROOT_FOREIGN_REPO'];
/** Places that the user named: a volume that is mounted there is his own. */
const NAMED_BY_USER = ['pub', 'marks'];
/** What the sync puts there, and the links that a killed one leaves. */
const OURS = /^(?:link|touched|error|tmp-link\.[0-9a-f]{16}):/;

const VARIANTS = {
  v4: ['--link=pub/link', '--git-gc=always', '--verify-period=20ms'],
  'v4 with submodules': ['--link=pub/link', '--git-config=protocol.file.allow:always', '--submodules=recursive'],
  v3: ['--compat=v3', '--dest=link', '--git-gc=always'],
} as const;
type Variant = keyof typeof VARIANTS;

interface Prepared {
  readonly upstream: Upstream;
  readonly root: string;
  readonly start: (root: string, within?: readonly string[]) => Sidecar;
  readonly commit: () => string;
  /** Every directory below the root that was ever seen, relative to it; published trees are called TREE. */
  readonly directories: readonly string[];
}

const linkOf = (root: string): string =>
  [join(root, 'pub/link'), join(root, 'link')].find((path) => published(path) !== undefined) ?? join(root, 'pub/link');

/** What is in a directory; nothing when it has gone meanwhile. */
function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Directories of a root: ours and git's, one of the many of an object store, and the first level of each tree. */
function directoriesOf(root: string, tree: string): string[] {
  const found: string[] = [];
  const walk = (path: string): void => {
    for (const entry of entriesOf(path)) {
      if (!entry.isDirectory()) continue;
      const inner = join(path, entry.name);
      const isFanOut = basename(path) === 'objects' && entry.name.length === 2;
      if (isFanOut && found.some((other) => dirname(other) === relative(root, path) && basename(other).length === 2))
        continue;
      found.push(relative(root, inner));
      walk(inner);
    }
  };
  walk(root);
  return found.map((path) => path.replaceAll(tree, 'TREE')).filter((path) => !/[0-9a-f]{40}/.test(path));
}

/** A root after a rich life: updates, a spare, a repaired tree, garbage collected. */
async function prepare(variant: Variant): Promise<Prepared> {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  upstream.commit({ a: 'one', 'd/e': 'one' });
  if (variant.includes('submodules')) {
    const sub = new Upstream(dir, 'sub.git');
    sub.commit({ s: 'one' });
    upstream.git('-c', 'protocol.file.allow=always', 'submodule', 'add', sub.bare, 'sub');
  }
  let count = 0;
  const commit = (): string => {
    count += 1;
    return upstream.commit({ a: `round ${count}`, [`d/${count}`]: 'x' });
  };
  commit();
  const url = await httpGit(dir);
  const start = (root: string, within: readonly string[] = []): Sidecar =>
    new Sidecar(
      [
        `--repo=${url}/repo.git`,
        '--branch=main',
        `--root=${root}`,
        ...VARIANTS[variant],
        '--touch-file=marks/touched',
        '--error-file=marks/error',
        '--max-failures=-1',
        '--spare=always',
        '-v=4',
        ...(variant === 'v3' ? ['--wait=0.05'] : ['--period=50ms']),
      ],
      {},
      { within },
    );
  const root = join(dir, 'root');
  const seen = new Set<string>();
  const look = (): void => {
    for (const path of directoriesOf(root, basename(readlinkSync(linkOf(root))))) seen.add(path);
  };
  const process = start(root);
  for (let round = 0; round < 3; round += 1) {
    const oid = commit();
    await until(
      () => `${oid} is published\n${process.stderr.slice(-2000)}`,
      () => published(linkOf(root)) === oid,
    );
    look();
  }
  if (variant === 'v4') {
    const before = readlinkSync(linkOf(root));
    renameSync(join(linkOf(root), 'a'), join(linkOf(root), 'moved'));
    await until('the tree is repaired', () => readlinkSync(linkOf(root)) !== before);
    look();
    await until('the spare is made', () => existsSync(join(root, '.git/worktrees/git-sidecar-spare/git-sidecar.json')));
  }
  look();
  await process.stop();
  return { upstream, root, start, commit, directories: [...seen].sort() };
}

type Plant = 'a symlink' | 'a mount';

/** One directory of one root, and what somebody puts in its place. */
class Case {
  readonly directory: string;
  readonly #prepared: Prepared;
  readonly #plant: Plant;
  readonly #mounts: PrivateMounts | undefined;
  readonly #place: string;
  readonly #root: string;
  #preys: { readonly path: string; readonly before: Map<string, string> }[] = [];
  #process: Sidecar | undefined;

  constructor(prepared: Prepared, directory: string, plant: Plant, mounts?: PrivateMounts) {
    this.directory = directory;
    this.#prepared = prepared;
    this.#plant = plant;
    this.#mounts = mounts;
    this.#place = tempDir();
    this.#root = join(this.#place, 'root');
    cpSync(prepared.root, this.#root, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  }

  /** Where something is mounted over the directory of the link, it is in there, and from outside cannot be seen. */
  get #link(): string {
    const prey = this.#preys.at(-1)?.path;
    return this.#isUsers && prey !== undefined && this.directory === 'pub' ? join(prey, 'link') : linkOf(this.#root);
  }

  get #isUsers(): boolean {
    return this.#plant === 'a mount' && NAMED_BY_USER.includes(this.directory);
  }

  start(): void {
    this.#process = this.#prepared.start(this.#root, this.#mounts?.enter);
  }

  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL');
  }

  async untilPublished(oid: string): Promise<void> {
    await untilPublished(this.#link, oid, this.#process);
  }

  /**
   * The cycle that published is over, and one more. git itself works with paths, so what is planted while a git process
   * runs is found by the next look only.
   */
  async untilQuiet(): Promise<void> {
    const pauses = (): number => this.#process?.count('next sync') ?? 0;
    const before = pauses();
    await until(`${this.directory}: it is quiet`, () => pauses() > before + 1);
  }

  plant(): void {
    const tree = published(this.#link) ?? 'TREE';
    const path = join(this.#root, this.directory.replaceAll('TREE', tree));
    const stat = lstatSync(path, { throwIfNoEntry: false });
    const prey = join(this.#place, `prey${this.#preys.length}`);
    if (stat && !stat.isDirectory()) return;
    makePrey(prey, stat ? path : undefined);
    if (!stat) mkdirSync(path, { recursive: true });
    if (this.#plant === 'a mount') this.#mounts?.bind(prey, path);
    else {
      renameSync(path, join(this.#place, `was${this.#preys.length}`));
      symlinkSync(prey, path);
    }
    this.#preys.push({ path: prey, before: exactTree(prey) });
  }

  /** The sync went on, or said why it cannot. */
  async untilSettled(oid: string): Promise<void> {
    await until(
      () =>
        `${this.directory} (${this.#plant}): ${oid} is published, or the reason is said\n${this.#process?.stderr.slice(-3000)}`,
      () => published(this.#link) === oid || this.#process?.logs.some(({ code }) => TYPED.includes(code ?? '')),
    );
  }

  get isPublished(): boolean {
    return this.#process?.logs.some(({ code }) => TYPED.includes(code ?? '')) !== true;
  }

  /** What was done to the prey. */
  harm(): string[] {
    return this.#preys.flatMap(({ path, before }) =>
      differences(before, exactTree(path))
        .filter((line) => !this.#isUsers || !OURS.test(line))
        .map((line) => `${this.directory} (${this.#plant}): ${line}`),
    );
  }
}

const AT_A_TIME = 4;

/** @returns what was harmed, and in which directories a plant kept the sync from going on */
async function attack(
  prepared: Prepared,
  plant: Plant,
  mounts?: PrivateMounts,
): Promise<{ harm: string[]; stopped: string[] }> {
  const [harm, stopped]: [string[], string[]] = [[], []];
  for (let at = 0; at < prepared.directories.length; at += AT_A_TIME) {
    const cases = prepared.directories.slice(at, at + AT_A_TIME).map((each) => new Case(prepared, each, plant, mounts));
    const all = async (step: (each: Case) => Promise<void> | void): Promise<void> =>
      void (await Promise.all(cases.map(step)));
    const head = prepared.commit();
    await all((each) => each.start());
    await all((each) => each.untilPublished(head));
    await all((each) => each.untilQuiet());
    // While it runs.
    await all((each) => each.plant());
    const next = prepared.commit();
    await all((each) => each.untilSettled(next));
    // After a kill.
    await all((each) => each.untilQuiet());
    await all((each) => each.kill());
    await all((each) => each.plant());
    const last = prepared.commit();
    await all((each) => each.start());
    await all((each) => each.untilSettled(last));
    await all((each) => each.kill());
    harm.push(...cases.flatMap((each) => each.harm()));
    stopped.push(...cases.filter((each) => !each.isPublished).map(({ directory }) => directory));
  }
  return { harm, stopped };
}

const EXPECTED: Record<Variant, readonly string[]> = {
  v4: [
    '.git',
    '.git/refs/heads',
    '.git/objects/pack',
    '.git/git-sidecar/spare/d',
    '.git/worktrees/TREE',
    '.worktrees/TREE/d',
    '.worktrees/rebuilt',
    'marks',
    'pub',
  ],
  'v4 with submodules': ['.git/worktrees/TREE/modules/sub/objects/pack', '.worktrees/TREE/sub'],
  v3: ['.git/refs', '.git/git-sidecar', '.git/worktrees/TREE', 'TREE/d'],
};

describe('every directory below the root that a sync writes to or removes from', () => {
  for (const variant of Object.keys(VARIANTS) as Variant[]) {
    test(`${variant}: a symlink in its place leads to no deletion and no write outside, and the sync goes on`, {
      timeout: 540_000,
    }, async () => {
      const prepared = await prepare(variant);
      expect(prepared.directories).toEqual(expect.arrayContaining([...EXPECTED[variant]]));
      const { harm, stopped } = await attack(prepared, 'a symlink');
      expect(harm).toEqual([]);
      expect(stopped.filter((directory) => !['.git', 'pub', 'marks'].includes(directory))).toEqual([]);
    });
  }

  test.skipIf(missing('unshare', 'nsenter'))(
    'v4: a mount in its place is not written to and nothing in it is deleted, and the sync goes on or says why not',
    { timeout: 540_000 },
    async ({ skip }) => {
      const mounts = openPrivateMounts() ?? skip();
      const { harm, stopped } = await attack(await prepare('v4'), 'a mount', mounts);
      expect(harm).toEqual([]);
      expect(stopped.filter((directory) => !['.git', '.worktrees'].includes(directory))).toEqual([]);
    },
  );
});
