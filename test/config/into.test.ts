import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { whyNotInto } from '../../src/config/into.ts';
import { load } from '../../src/config/load.ts';

const build = (...args: readonly string[]) =>
  buildSyncConfig(load('sync', ['--repo=https://h/r.git', '--root=/git', '--link=current', ...args], {}).settings, {});

describe('--into', () => {
  test('is absolute, or starts from the working directory', () => {
    expect(build('--into=/srv/site').into).toEqual({ directory: '/srv/site', revisionFile: undefined });
    expect(build('--into=site', '--revision-file=.rev').into).toEqual({
      directory: `${process.cwd()}/site`,
      revisionFile: '.rev',
    });
    expect(build().into).toBeUndefined();
  });

  test.each([
    ['/git', 'it is --root itself'],
    ['/', '--root, /git, lies in it'],
    ['/git/current', 'the link, /git/current, has the same path'],
    ['/git/current/x', 'it lies behind the link'],
    ['/git/.git/x', 'it lies in /git/.git, which belongs to the repository'],
    ['/git/.worktrees', 'it lies in /git/.worktrees'],
    ['/git/.git-sidecar/x', 'it lies in /git/.git-sidecar'],
    [`/git/${'a'.repeat(40)}`, 'which has the name of a worktree'],
    [`/git/rev-${'a'.repeat(40)}/x`, 'which has the name of a worktree'],
  ])('cannot be %s', (directory, reason) => {
    expect(() => build(`--into=${directory}`)).toThrow(reason);
  });

  test('can be a directory of its own below the root, also beside the link', () => {
    expect(whyNotInto('/git/site', '/git', '/git/current')).toBeUndefined();
    expect(whyNotInto('/git/pub/site', '/git', '/git/pub/link')).toBeUndefined();
    expect(whyNotInto('/srv/pub', '/git', '/srv/pub/link')).toContain('lies in it');
  });

  test('--revision-file needs it', () => {
    expect(() => build('--revision-file=x')).toThrow('--revision-file needs --into');
  });
});
