import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { ownPlaces, whyNotInto } from '../../src/config/into.ts';
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
    const places = (link: string) => ownPlaces('/git', '/git', link);
    expect(whyNotInto('/git/site', places('/git/current'))).toBeUndefined();
    expect(whyNotInto('/git/pub/site', places('/git/pub/link'))).toBeUndefined();
    expect(whyNotInto('/srv/pub', places('/srv/pub/link'))).toContain('lies in it');
  });

  test.each([
    ['/state', 'it is --state-dir itself'],
    ['/', '--state-dir, /state, lies in it'],
    ['/git', 'the link, /git/current, lies in it'],
    ['/state/.git', 'it lies in /state/.git, which belongs to the repository'],
  ])('with --state-dir, it cannot be %s', (directory, reason) => {
    expect(() => build('--state-dir=/state', `--into=${directory}`)).toThrow(reason);
  });

  test.each([
    ['.', 'the directory of --into, /srv/site, is there'],
    ['..', 'the directory of --into, /srv/site, lies below it'],
    ['/git/current', 'it is the link, /git/current'],
    ['/git/current/x', 'it lies behind the link'],
    ['/git', '--root, /git, is there'],
    ['/git/.git/HEAD', 'it lies in /git/.git, which belongs to the repository'],
    ['../../git/.worktrees/x', 'it lies in /git/.worktrees'],
    ['/git/.git-sidecar/into.ledger', 'it lies in /git/.git-sidecar'],
    [`/git/${'a'.repeat(40)}`, 'which has the name of a worktree'],
  ])('--revision-file=%s is refused, because it would be written over what is there', (file, reason) => {
    expect(() => build('--into=/srv/site', `--revision-file=${file}`)).toThrow(reason);
  });

  test.each(['.rev', 'a/b', '/srv/other/rev', '/git/rev', '../rev'])('--revision-file=%s is fine', (file) => {
    expect(build('--into=/srv/site', `--revision-file=${file}`).into?.revisionFile).toBe(file);
  });

  test('--revision-file needs it', () => {
    expect(() => build('--revision-file=x')).toThrow('--revision-file needs --into');
  });
});
