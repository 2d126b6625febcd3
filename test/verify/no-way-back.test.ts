import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Oid, parseOid } from '../../src/model/oid.ts';
import type { LineageQuestion } from '../../src/verify/history.ts';
import { VerifyMemory } from '../../src/verify/memory.ts';
import { NoWayBack, type Shown } from '../../src/verify/no-way-back.ts';
import { tempDir } from '../kit/temp.ts';

function oid(digit: string): Oid {
  const parsed = parseOid(digit.repeat(40));
  if (!parsed) throw new Error('no id');
  return parsed;
}

/** root ← old ← new ← newer, and old ← side ← further. */
const COMMITS = { root: oid('1'), old: oid('2'), new: oid('3'), newer: oid('4'), side: oid('5'), further: oid('6') };
type Name = keyof typeof COMMITS;
const PARENT = new Map<Oid, Oid>([
  [COMMITS.old, COMMITS.root],
  [COMMITS.new, COMMITS.old],
  [COMMITS.newer, COMMITS.new],
  [COMMITS.side, COMMITS.old],
  [COMMITS.further, COMMITS.side],
]);

function comesFrom(to: Oid, from: Oid): boolean {
  for (let each: Oid | undefined = to; each !== undefined; each = PARENT.get(each)) if (each === from) return true;
  return false;
}

const history = {
  lineage: async ({ to, from }: LineageQuestion) => ({ isForward: comesFrom(to, from), fresh: [to], gitDir: '' }),
};

interface ProcessOptions {
  readonly boot?: string;
  readonly allow?: Name | undefined;
  readonly key?: string;
}

/** What a process that begins now knows. */
function begin(root: string, { boot = 'one', allow, key = 'main' }: ProcessOptions = {}): NoWayBack {
  const policy = { fastForwardOnly: true, range: false, since: undefined, allowRewind: allow && COMMITS[allow] };
  return new NoWayBack({ policy, gitDir: '', history, memory: new VerifyMemory(root, key), boot });
}

function shown(name: Name | undefined, directory?: Name | 'unknown'): Shown {
  const link = name && COMMITS[name];
  return { published: link, link, directory: directory === 'unknown' || !directory ? directory : COMMITS[directory] };
}

async function accepts(knower: NoWayBack, name: Name, now: Shown): Promise<boolean> {
  await knower.settle(now);
  const revision = { ref: 'refs/heads/main', oid: COMMITS[name] };
  return await knower.require(revision, now, new AbortController().signal).then(
    () => true,
    () => false,
  );
}

async function publish(knower: NoWayBack, name: Name, from: Name | undefined): Promise<void> {
  expect(await accepts(knower, name, shown(from))).toBe(true);
  await knower.intend(COMMITS[name]);
  await knower.remember(COMMITS[name]);
}

interface Move {
  readonly name: string;
  readonly from: Name | undefined;
  readonly to: Name;
  /** It was published before `from`. */
  readonly before?: Name;
  readonly allow?: Name;
  /** Of what may come after the move. */
  readonly next: readonly Name[];
  /** Of what may come when it has not happened, and not after it. */
  readonly otherwise: readonly Name[];
  readonly never: readonly Name[];
}

const MOVES: readonly Move[] = [
  { name: 'the first publish', from: undefined, to: 'new', next: ['new', 'newer'], otherwise: ['side'], never: [] },
  { name: 'an update', from: 'old', to: 'new', next: ['new', 'newer'], otherwise: ['side'], never: ['root'] },
  {
    name: 'an allowed step back',
    ...{ before: 'old', from: 'new', to: 'old', allow: 'old' },
    ...{ next: ['old', 'side', 'new'], otherwise: [], never: ['root'] },
  },
  {
    name: 'an allowed step to another branch',
    ...{ before: 'old', from: 'new', to: 'side', allow: 'side' },
    ...{ next: ['side', 'further'], otherwise: ['newer'], never: ['root', 'old'] },
  },
];
/** How far a publish had come. */
const POINTS = ['checked', 'noted', 'shown', 'confirmed'] as const;
const ENDS = ['a kill', 'a power cut', 'a power cut that took the link back'] as const;

const CASES = MOVES.flatMap((move) => POINTS.flatMap((point) => ENDS.map((end) => ({ move, point, end }))));

describe('a publish that ends in the middle neither forgets what was shown nor refuses for what was not', () => {
  test.each(CASES)('$move.name, $point when $end came', async ({ move, point, end }) => {
    const root = tempDir();
    const { before, from, to, allow } = move;
    const knower = begin(root, { allow });
    if (before && from) await publish(knower, before, undefined);
    if (from) await publish(knower, from, before);
    const reached = POINTS.indexOf(point);
    expect(await accepts(knower, to, shown(from))).toBe(true);
    if (reached >= 1) await knower.intend(COMMITS[to]);
    const file = join(root, '.git-sidecar', 'verified.json');
    const onDisk = reached >= 1 && readFileSync(file);
    if (reached >= 3) await knower.remember(COMMITS[to]);
    const isCut = end !== 'a kill';
    // Only what was noted before it was shown is on the disk for sure.
    if (isCut && onDisk) writeFileSync(file, onDisk);
    const wasShown = reached >= 2;
    const link = wasShown && end !== 'a power cut that took the link back' ? to : from;
    const again = (): NoWayBack => begin(root, { boot: isCut ? 'two' : 'one' });
    for (const name of move.never) expect([name, await accepts(again(), name, shown(link))]).toEqual([name, false]);
    const isSure = !isCut || reached !== 1;
    if (wasShown || !isSure)
      for (const name of move.next) expect([name, await accepts(again(), name, shown(link))]).toEqual([name, true]);
    if (isSure)
      for (const name of move.otherwise)
        expect([name, await accepts(again(), name, shown(link))]).toEqual([name, !wasShown]);
    // Once is once: to be published again, the allowed step needs to be allowed again.
    if (wasShown && allow && allow !== 'old')
      expect(await accepts(begin(root, { boot: 'two' }), 'newer', shown(to))).toBe(false);
  });
});

test('what was published without the policy meanwhile is what later commits come from', async () => {
  const root = tempDir();
  await publish(begin(root), 'old', undefined);
  expect(await accepts(begin(root), 'side', shown('new'))).toBe(false);
  expect(await accepts(begin(root), 'newer', shown('new'))).toBe(true);
  expect(await accepts(begin(root), 'old', shown('new'))).toBe(false);
});

test('an allowed step back works once, also when it is published again after an update', async () => {
  const root = tempDir();
  const knower = begin(root, { allow: 'old' });
  await publish(knower, 'old', undefined);
  await publish(knower, 'new', 'old');
  await publish(knower, 'old', 'new');
  await publish(knower, 'new', 'old');
  expect(await accepts(knower, 'old', shown('new'))).toBe(false);
  expect(await accepts(begin(root, { allow: 'old' }), 'old', shown('new'))).toBe(false);
});

test('with --into, a directory that holds the commit, or may hold half of it, has shown it', async () => {
  const cases: [Name | 'unknown', boolean][] = [
    ['old', true],
    ['new', false],
    ['unknown', false],
  ];
  for (const [directory, isForgotten] of cases) {
    const root = tempDir();
    const knower = begin(root);
    await publish(knower, 'old', undefined);
    await knower.intend(COMMITS.new);
    expect([directory, await accepts(begin(root), 'side', shown('old', directory))]).toEqual([directory, isForgotten]);
  }
});

test('a link that was removed while no process ran makes nothing forgotten', async () => {
  const root = tempDir();
  const knower = begin(root);
  await publish(knower, 'old', undefined);
  await knower.intend(COMMITS.new);
  expect(await accepts(begin(root), 'side', shown(undefined))).toBe(false);
});

test('a publish that fails before it is shown refuses nothing later, also after a start of the machine', async () => {
  const root = tempDir();
  const knower = begin(root);
  await publish(knower, 'old', undefined);
  await knower.intend(COMMITS.new);
  expect(await accepts(knower, 'side', shown('old'))).toBe(true);
  expect(await accepts(begin(root, { boot: 'two' }), 'side', shown('old'))).toBe(true);
});

test('a publish of another ref that was killed in the middle belongs to that ref', async () => {
  const root = tempDir();
  await publish(begin(root), 'old', undefined);
  const other = begin(root, { key: 'other' });
  await other.settle(shown('old'));
  await other.intend(COMMITS.side);
  // It was shown. Back at the first ref, it is of no matter that the link shows a commit of the other one.
  expect(await accepts(begin(root), 'new', shown('side'))).toBe(true);
  expect(await accepts(begin(root, { key: 'other' }), 'old', shown('side'))).toBe(false);
});

test('a memory that cannot be understood is no empty one', async () => {
  const root = tempDir();
  await publish(begin(root), 'old', undefined);
  const file = join(root, '.git-sidecar', 'verified.json');
  for (const text of ['', '{}', '{"last":"main"}', '{"refs":{},"pending":{"oid":"x"}}']) {
    writeFileSync(file, text);
    await expect(begin(root).settle(shown('old'))).rejects.toMatchObject({ code: 'ERR_ROOT_WRITE' });
  }
});
