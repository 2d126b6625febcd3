import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { read, run, sidecar, untilPublished } from '../kit/sidecar.ts';
import { git, Upstream } from '../kit/upstream.ts';
import { freePort } from '../peers/ports.ts';
import { until } from '../peers/wait.ts';

/** A git that notes its arguments, one command a line, words separated by tabs. */
function noting(dir: string): { program: string; commands: () => string[][] } {
  const log = join(dir, 'commands');
  const program = script(
    join(dir, 'noting-git'),
    `{ for word in "$@"; do printf '%s\\t' "$word"; done; echo; } >> '${log}'`,
    'exec git "$@"',
  );
  const lines = (): string[] => (read(log) ?? '').split('\n').filter((line) => line !== '');
  return { program, commands: () => lines().map((line) => line.replace(/\t$/, '').split('\t')) };
}

const statusOf = async (port: number): Promise<number | undefined> =>
  (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined))?.status;

describe('compat 13: programs given as --git', () => {
  test('the sub-command is the first word, in first sync, update, idle poll, garbage collection, submodules, sparse and partial checkouts', async () => {
    const { dir, upstream, root, link } = fixture();
    const library = new Upstream(join(dir, 'lib'));
    library.commit({ l: 'one' });
    git(upstream.work, 'submodule', '--quiet', 'add', library.bare, 'lib');
    upstream.commit({ a: 'with a submodule', 'big/b': 'x' });
    git(upstream.bare, 'config', 'uploadpack.allowFilter', 'true');
    const sparse = join(dir, 'sparse');
    const { program, commands } = noting(dir);
    writeFileSync(sparse, '/a\n/lib\n');
    const url = `file://${upstream.bare}`;
    const process = sidecar([
      `--repo=${url}`,
      `--root=${root}`,
      '--link=link',
      '--period=50ms',
      `--git=${program}`,
      '--git-gc=always',
      '--filter=blob:none',
      `--sparse-checkout-file=${sparse}`,
      '--git-config=protocol.file.allow:always',
    ]);
    await untilPublished(link, upstream.head(), process);
    await untilPublished(link, upstream.commit({ a: 'two' }), process);
    await untilPublished(link, upstream.commit({ a: 'three' }), process);
    await until('garbage was collected', () => commands().some(([word]) => word === 'gc'));
    expect(read(link, 'lib/l')).toBe('one');
    expect(read(link, 'big/b')).toBeUndefined();
    for (const words of commands()) expect(words[0], words.join(' ')).toMatch(/^[a-z][a-z-]+$/);
    const first = new Set(commands().map(([word]) => word));
    for (const word of ['init', 'ls-remote', 'fetch', 'reset', 'submodule', 'gc']) expect(first).toContain(word);
    for (const words of commands().filter(([word]) => word === 'fetch')) expect(words).toContain(url);
  });

  test.each([
    ['v3', []],
    ['v3.1', ['GITSYNC_COMPAT']],
  ])('%s: the first sync is a git clone, and what follows works as it does without', async (mode, names) => {
    const { dir, upstream, root, first } = fixture();
    const { program, commands } = noting(dir);
    const url = `file://${upstream.bare}`;
    const environment = {
      GIT_SYNC_REPO: url,
      GIT_SYNC_BRANCH: 'main',
      GIT_SYNC_ROOT: root,
      GIT_SYNC_DEST: 'link',
      GIT_SYNC_DEPTH: '1',
      GIT_SYNC_WAIT: '0.05',
      GIT_SYNC_GIT: program,
      ...Object.fromEntries(names.map((name) => [name, mode])),
    };
    const process = sidecar([], environment);
    await untilPublished(join(root, 'link'), first, process);
    const clones = commands().filter(([word]) => word === 'clone');
    expect(clones).toHaveLength(1);
    expect(clones[0]).toContain(url);
    const second = upstream.commit({ a: 'two' });
    await untilPublished(join(root, 'link'), second, process);
    await process.stop();
    expect(git(join(root, 'link'), 'status', '--porcelain')).toBe('');
    expect(git(root, '--git-dir=.git', 'for-each-ref', '--format=%(refname)', 'refs/heads', 'refs/remotes')).toBe(
      'refs/heads/main',
    );
    expect(git(root, '--git-dir=.git', 'config', 'remote.origin.url')).toBe(url);
    const again = sidecar([], environment);
    await again.logged('starting up');
    await untilPublished(join(root, 'link'), upstream.commit({ a: 'three' }), again);
    expect(commands().filter(([word]) => word === 'clone')).toHaveLength(1);
  });

  test('v3 without a git of its own makes the repository as before', async () => {
    const { upstream, root, first } = fixture();
    const { code } = await run([], {
      GIT_SYNC_REPO: `file://${upstream.bare}`,
      GIT_SYNC_BRANCH: 'main',
      GIT_SYNC_ROOT: root,
      GIT_SYNC_DEST: 'link',
      GIT_SYNC_ONE_TIME: 'true',
    });
    expect(code).toBe(0);
    expect(readlinkSync(join(root, 'link'))).toBe(first);
  });

  test.each([
    ['fetch', 'v4'],
    ['clone', 'v3'],
  ])('/ answers 503 as long as a wrapper lets %s wait (%s)', async (word, mode) => {
    const { dir, upstream, root, first } = fixture();
    const gate = join(dir, 'gate');
    writeFileSync(gate, '');
    const reached = join(dir, 'reached');
    const slow = script(
      join(dir, 'slow-git'),
      `if [ "$1" = ${word} ]; then touch '${reached}'; while [ -e '${gate}' ]; do sleep 0.05; done; fi`,
      'exec git "$@"',
    );
    const port = await freePort();
    const process =
      mode === 'v4'
        ? sidecar([
            `--repo=file://${upstream.bare}`,
            `--root=${root}`,
            '--link=link',
            `--git=${slow}`,
            `--http-bind=:${port}`,
          ])
        : sidecar([], {
            GIT_SYNC_REPO: `file://${upstream.bare}`,
            GIT_SYNC_BRANCH: 'main',
            GIT_SYNC_ROOT: root,
            GIT_SYNC_DEST: 'link',
            GIT_SYNC_GIT: slow,
            GIT_SYNC_HTTP_BIND: `:${port}`,
          });
    await until(`git ${word} is running`, () => read(reached) !== undefined);
    expect(await statusOf(port)).toBe(503);
    rmSync(gate);
    await untilPublished(join(root, 'link'), first, process);
    await until('/ answers 200', async () => (await statusOf(port)) === 200);
  });

  test('a wrapper that asks `git credential fill` for the URL in its arguments gets the credentials, for file:// too', async () => {
    const { dir, upstream, root, first } = fixture();
    const answers = join(dir, 'answers');
    const asking = script(
      join(dir, 'asking-git'),
      `url=$(echo "$*" | tr ' ' '\\n' | grep '^file://' | head -1)`,
      `if [ "$1" = fetch ]; then printf 'url=%s\\n\\n' "$url" | git credential fill >> '${answers}' || exit 1; fi`,
      'exec git "$@"',
    );
    const { code, stderr } = await run(
      [
        `--repo=file://${upstream.bare}`,
        `--root=${root}`,
        '--link=link',
        '--one-time',
        `--git=${asking}`,
        '--username=me',
      ],
      { GITSYNC_PASSWORD: 'my-password' },
    );
    expect(code, stderr).toBe(0);
    expect(readFileSync(answers, 'utf8')).toContain('username=me\npassword=my-password\n');
    expect(readlinkSync(join(root, 'link'))).toContain(first);
  });
});
