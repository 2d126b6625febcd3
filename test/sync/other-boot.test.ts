import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { published, untilPublished } from '../kit/sidecar.ts';

test('published files that cannot be read in time after a start of the machine fail no cycle', async () => {
  const { dir, first, link, root, start } = fixture();
  const before = start();
  await untilPublished(link, first, before);
  await before.stop();
  const state = join(root, '.git', 'git-sidecar', 'state.json');
  writeFileSync(state, JSON.stringify({ ...JSON.parse(readFileSync(state, 'utf8')), boot: 'another' }));
  const git = script(join(dir, 'git'), 'case "$*" in *update-index*) exec sleep 60 ;; esac', 'exec git "$@"');
  const process = start(`--git=${git}`, '--sync-timeout=6s', '-v=4');
  expect((await process.logged('could not be read in time')).error).toBeUndefined();
  await process.logged('next sync');
  expect(process.stderr).not.toContain('sync failed');
  expect(published(link)).toBe(first);
  await process.stop();
});

/** What a power cut can do to the files of a stopped sync, whose machine was started again. */
function tear(root: string, link: string, files: readonly string[]): void {
  const state = join(root, '.git', 'git-sidecar', 'state.json');
  writeFileSync(state, JSON.stringify({ ...JSON.parse(readFileSync(state, 'utf8')), boot: 'another' }));
  writeFileSync(join(root, '.git', 'git-sidecar', 'running'), '1\n');
  writeFileSync(join(link, 'a'), '');
  for (const file of files) writeFileSync(join(root, '.git', file), '');
}

describe('without the git server, a torn tree is built again from the objects that are here', () => {
  test.each<[string, (oid: string) => readonly string[]]>([
    ['where nothing else was torn', () => []],
    ['where a ref of the repository is empty', () => ['refs/heads/git-sync']],
    [
      'where the record of the worktree is empty',
      (oid) => ['commondir', 'HEAD', 'gitdir', 'index'].map((name) => `worktrees/${oid}/${name}`),
    ],
    ['where the state is empty', () => ['git-sidecar/state.json']],
    [
      'where all of these are empty',
      (oid) => ['refs/heads/git-sync', 'git-sidecar/state.json', `worktrees/${oid}/commondir`, `worktrees/${oid}/HEAD`],
    ],
  ])('%s', async (_where, files) => {
    const { first, link, root, start, upstream } = fixture();
    const before = start();
    await untilPublished(link, first, before);
    await before.stop();
    tear(root, link, files(first));
    renameSync(upstream.bare, `${upstream.bare}-later`);
    const again = start('--max-failures=-1', '-v=1');
    await again.logged('sync failed');
    expect(readFileSync(join(link, 'a'), 'utf8'), again.stderr).toBe('one');
    renameSync(`${upstream.bare}-later`, upstream.bare);
    const second = upstream.commit({ a: 'two' });
    await untilPublished(link, second, again);
    await again.stop();
  });
});
