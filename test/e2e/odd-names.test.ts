import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exactTree } from '../kit/exact-tree.ts';
import { handCranked } from '../kit/hand-cranked.ts';
import { type ByteFiles, commitBytes, ODD_DIRECTORY, ODD_NAMES, oddFiles, writeBytes } from '../kit/odd-names.ts';
import { deployed, runFixture } from '../kit/runner.ts';
import { run } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV, git } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

/** Paths and contents, as git has them. */
function expected(files: ByteFiles): Record<string, string> {
  return Object.fromEntries(
    files.map(([path, content]) => [
      path.toString('latin1'),
      typeof content === 'string' ? content : content.link.toString('latin1'),
    ]),
  );
}

function contents(root: string): Record<string, string> {
  const files = [...exactTree(root)].filter(([, facts]) => !facts.startsWith('directory'));
  return Object.fromEntries(files.map(([path, facts]) => [path, facts.replace(/^\S+ \S+ \S+ /, '')]));
}

/** Enough files for the other way of looking over a spare. */
const PADDING: ByteFiles = Array.from({ length: 3100 }, (_, index) => [Buffer.from(`pad/${index % 50}/${index}`), '']);

const VARIANTS: readonly (readonly [string, readonly string[], ByteFiles])[] = [
  ['v4', ['--ref=main', '--link=link'], []],
  ['a large tree', ['--ref=main', '--link=link'], PADDING],
  ['v3', ['--branch=main', '--dest=link'], []],
  ['v3 with --change-permissions', ['--branch=main', '--dest=link', '--change-permissions=0750'], []],
];

describe('file names that are not text', () => {
  test.each(VARIANTS)('sync publishes, updates, repairs and removes them (%s)', async (name, args, padding) => {
    const dir = tempDir();
    const [bare, root] = [join(dir, 'repo.git'), join(dir, 'root')];
    git(dir, 'init', '-q', '--bare', '-b', 'main', bare);
    const files = (content: string): ByteFiles => [...oddFiles(content), ...padding];
    const options = [
      `--repo=${bare}`,
      `--root=${root}`,
      '--submodules=off',
      '--verify-period=1ns',
      '--spare=always',
      ...args,
    ];
    const sync = await handCranked(options);
    const publish = async (content: ByteFiles): Promise<string> => {
      commitBytes(bare, content);
      await sync.cycle();
      const published = realpathSync(join(root, 'link'));
      expect(contents(published)).toEqual(expected(content));
      return published;
    };
    for (const content of ['one', 'two', 'three', 'four']) await publish(files(content));
    // Those that are gone go, and those that stay stay.
    const published = await publish(files('four').filter((_, index) => index % 3 !== 0));
    const worktrees = readdirSync(args.includes('--dest=link') ? root : join(root, '.worktrees'));
    expect(worktrees.filter((each) => /[0-9a-f]{40}/.test(each))).toHaveLength(1);
    const built = sync.logged.filter(({ message }) => message === 'checked out').map(({ fields }) => fields.from);
    if (!name.includes('permissions')) {
      expect(built.slice(2)).toEqual(['spare', 'spare', 'spare']);
      // One that was edited and one that was added come back and go.
      const whole = contents(published);
      const [, edited = Buffer.from('')] = ODD_NAMES;
      writeFileSync(Buffer.concat([Buffer.from(`${published}/`), edited]), 'edited');
      writeFileSync(
        Buffer.concat([Buffer.from(`${published}/`), ODD_DIRECTORY, Buffer.from('/added\xff', 'latin1')]),
        '',
      );
      await sync.cycle();
      expect(contents(realpathSync(join(root, 'link')))).toEqual(whole);
      const told = sync.logged.find(({ message }) => message.includes('were changed'));
      expect(told?.fields.files).toBe('\\xff\\xfe\\x80');
    }
    await sync.stop();
  });

  test('patterns of --sparse-checkout-file may name them', async () => {
    const dir = tempDir();
    const [bare, root, patterns] = [join(dir, 'repo.git'), join(dir, 'root'), join(dir, 'patterns')];
    git(dir, 'init', '-q', '--bare', '-b', 'main', bare);
    commitBytes(bare, oddFiles('one'));
    writeFileSync(patterns, Buffer.from('/caf\xe9.txt\n', 'latin1'));
    const sync = await handCranked([
      ...[`--repo=${bare}`, '--ref=main', `--root=${root}`, '--link=link', `--sparse-checkout-file=${patterns}`],
    ]);
    await sync.cycle();
    expect(contents(join(root, 'link'))).toEqual({ 'caf\xe9.txt': 'one' });
    await sync.stop();
  });

  test.each([
    ['release directories', false],
    ['--into', true],
  ])('run deploys them, goes back and removes them (%s)', async (_name, isInto) => {
    const it = await runFixture();
    const into = join(it.dir, 'into');
    mkdirSync(into);
    writeBytes(into, [[Buffer.from('theirs\xe9', 'latin1'), 'theirs']]);
    const publish = (content: string, kept: (index: number) => boolean = () => true): [string, ByteFiles] => {
      const files = oddFiles(content).filter((_, index) => kept(index));
      const fill = (tree: string): void => writeBytes(join(tree, 'sub'), files);
      const oid = it.publisher.publish({ 'sub/plain': content }, fill);
      return [oid, [...files, [Buffer.from('plain'), content]]];
    };
    const [first, files] = publish('1');
    const options = isInto ? [`--into=${into}`, '--copy=sub:deep/sub'] : ['--path=sub'];
    const process = it.start(options, ['sh', '-c', 'exec sleep 100']);
    const whereIs = (): string => {
      const name = readdirSync(join(it.stateDir, 'releases')).sort().at(-1) ?? '';
      return isInto ? join(into, 'deep/sub') : join(it.stateDir, 'releases', name);
    };
    await deployed(process, first);
    expect(contents(whereIs())).toEqual(expected(files));
    const [second, fewer] = publish('2', (index) => index % 2 === 0);
    await deployed(process, second);
    expect(contents(whereIs())).toEqual(expected(fewer));
    expect((await run(['rollback', `--state=${it.stateDir}`], {}, 'git-sidecar')).code).toBe(0);
    await until('it runs the first again', async () => (await it.status()).running?.oid === first);
    if (isInto) {
      expect(contents(whereIs())).toEqual(expected(files));
      // A process that knows from its state file alone which files are ours.
      await process.stop();
      const again = it.start(options, ['sh', '-c', 'exec sleep 100']);
      const [third, last] = publish('3', (index) => index % 5 === 0);
      await deployed(again, third);
      expect(contents(whereIs())).toEqual(expected(last));
      expect(contents(into)['theirs\xe9']).toBe('theirs');
    }
  });
});

test('git agrees that the commits hold these names', () => {
  const dir = tempDir();
  git(dir, 'init', '-q', '--bare', '-b', 'main', join(dir, 'repo.git'));
  commitBytes(join(dir, 'repo.git'), oddFiles('x'));
  const args = ['ls-tree', '-rz', '--name-only', 'main'];
  const names = execFileSync('git', args, { cwd: join(dir, 'repo.git'), env: GIT_ENV }).toString('latin1');
  expect(names.split('\0').filter(Boolean).sort()).toEqual(Object.keys(expected(oddFiles('x'))).sort());
  rmSync(dir, { recursive: true });
});
