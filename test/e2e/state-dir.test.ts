import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpGit } from '../kit/http-git.ts';
import { published, read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';
import { until } from '../peers/wait.ts';

async function fixture() {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ a: '1', 'd/b': 'x' });
  const [root, state] = [join(dir, 'root'), join(dir, 'state')];
  const args = [`--repo=${await httpGit(dir)}/repo.git`, `--root=${root}`, '--link=link', '--period=50ms'];
  return {
    dir,
    upstream,
    first,
    root,
    state,
    link: join(root, 'link'),
    args,
    apart: [...args, `--state-dir=${state}`],
  };
}

/** What a walker sees that follows no links, and one that does. */
function walk(root: string, follow: boolean): string[] {
  const args = [...(follow ? ['-L'] : []), root, '-type', 'f'];
  return execFileSync('find', args, { encoding: 'utf8' }).trim().split('\n').filter(Boolean).sort();
}

describe('--state-dir', () => {
  test('a walker of the root meets the link only, and each file once, while updates come', async () => {
    const { upstream, first, root, state, link, apart } = await fixture();
    const process = sidecar([...apart, '--spare=always']);
    await untilPublished(link, first, process);
    expect(process.logs.find(({ msg }) => msg === 'starting up')).toMatchObject({ root, state_dir: state });
    for (const text of ['2', '3', '4']) await untilPublished(link, upstream.commit({ a: text }), process);
    expect(readdirSync(root)).toEqual(['link']);
    expect(walk(root, false)).toEqual([]);
    const names = walk(root, true).map((path) => path.slice(root.length + 1));
    expect(names.filter((name) => !name.endsWith('.git'))).toEqual(['link/a', 'link/d/b']);
    expect(readlinkSync(link)).toMatch(/^\.\.\/state\/\.worktrees\/[0-9a-f]{40}$/);
    await until('the old tree became the spare', () => read(state, '.git/git-sidecar/spare/a') === '4');
    expect(readdirSync(state).sort()).toEqual(['.git', '.worktrees']);
  });

  test('with --path the link shows the sub-directory in the state directory', async () => {
    const { link, apart } = await fixture();
    const { code, stderr } = await run([...apart, '--path=d', '--one-time']);
    expect(code, stderr).toBe(0);
    expect(readdirSync(link)).toEqual(['b']);
    expect(walk(link, true)).toEqual([join(link, 'b')]);
  });

  test('with --into the root holds the link only, and the state directory what we keep', async () => {
    const { dir, root, state, apart } = await fixture();
    const into = join(dir, 'into');
    const { code, stderr } = await run([...apart, `--into=${into}`, '--one-time']);
    expect(code, stderr).toBe(0);
    expect(walk(into, false)).toEqual([join(into, 'a'), join(into, 'd/b')]);
    expect(readdirSync(root)).toEqual(['link']);
    expect(readdirSync(state).sort()).toEqual(['.git', '.git-sidecar', '.worktrees']);
    expect(readdirSync(join(state, '.git-sidecar'))).toEqual(['into.ledger']);
  });

  test('a restart takes up what is there, without a fetch', async () => {
    const { first, link, apart } = await fixture();
    expect((await run([...apart, '--one-time'])).code).toBe(0);
    const { code, stderr } = await run([...apart, '--one-time', '-v=5']);
    expect(code).toBe(0);
    expect(stderr).not.toContain('"fetch ');
    expect(published(link)).toBe(first);
  });

  test('a root that has its state inside is refused, and the command that is named moves it over', async () => {
    const { first, root, state, link, args, apart } = await fixture();
    expect((await run([...args, '--one-time'])).code).toBe(0);
    const refused = await run([...apart, '--one-time']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('ERR_ROOT_HAS_STATE');
    expect(published(link)).toBe(first);
    const command = /Run: (mv [^"]+)"/.exec(refused.stderr)?.[1] ?? 'false';
    expect(command).toContain(`${root}/.git`);
    execFileSync('sh', ['-c', command]);
    const { code, stderr } = await run([...apart, '--one-time', '-v=5']);
    expect(code, stderr).toBe(0);
    expect(stderr, 'the tree that was moved is used again').not.toContain('"checked out"');
    expect(published(link)).toBe(first);
    expect(read(link, 'a')).toBe('1');
    expect(readdirSync(root)).toEqual(['link']);
    expect(readdirSync(state)).toContain('.worktrees');
  });

  test('a repository of somebody else in the root is no concern of ours', async () => {
    const { first, root, link, apart } = await fixture();
    mkdirSync(root);
    execFileSync('git', ['init', '-q', root], { env: { PATH: process.env.PATH, HOME: '/nonexistent' } });
    writeFileSync(join(root, '.git', 'objects', 'info', 'precious'), 'precious');
    const { code, stderr } = await run([...apart, '--one-time']);
    expect(code, stderr).toBe(0);
    expect(published(link)).toBe(first);
    expect(read(root, '.git/objects/info/precious')).toBe('precious');
  });

  test('a state directory that was lost is made anew, and nothing else is', async () => {
    const { first, state, link, apart } = await fixture();
    expect((await run([...apart, '--one-time'])).code).toBe(0);
    rmSync(state, { recursive: true });
    const { code, stderr } = await run([...apart, '--one-time']);
    expect(code, stderr).toBe(0);
    expect(published(link)).toBe(first);
    expect(read(link, 'a')).toBe('1');
  });

  test.each([
    ['in the root', (root: string) => join(root, 'state')],
    ['the root itself', (root: string) => root],
    ['around the root', (root: string) => join(root, '..')],
  ])('a state directory that is %s is refused', async (_what, place) => {
    const { root, args } = await fixture();
    const { code, stderr } = await run([...args, `--state-dir=${place(root)}`, '--one-time']);
    expect(code).toBe(1);
    expect(stderr).toContain('must be outside of each other');
  });

  test('the error file and the touch file stay beside the link', async () => {
    const { upstream, first, root, link, apart } = await fixture();
    const process = sidecar([...apart, '--error-file=error.json', '--touch-file=touched', '--max-failures=-1']);
    await untilPublished(link, first, process);
    await until('it is touched', () => readdirSync(root).sort().join() === 'link,touched');
    rmSync(upstream.bare, { recursive: true });
    await until('the error is there', () => read(root, 'error.json')?.includes('"Err"') === true);
  });

  test('a link in the state directory’s own parts is refused', async () => {
    const { state, args } = await fixture();
    const apart = [...args.filter((arg) => !arg.startsWith('--link')), `--state-dir=${state}`];
    for (const link of [`${state}/.git/x`, `${state}/.worktrees`, state]) {
      const { code, stderr } = await run([...apart, `--link=${link}`, '--one-time']);
      expect(code).toBe(1);
      expect(stderr).toContain('cannot be used');
    }
  });
});
