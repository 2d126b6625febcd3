import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../../../src/model/error.ts';
import { parseRepositoryName, type RepositoryName } from '../../../../src/relay/protocol/repository-name.ts';
import { AllowPattern, compileNamePattern, followedName } from '../../../../src/relay/server/access/allow.ts';

const name = (text: string): RepositoryName => {
  const parsed = parseRepositoryName(text);
  if (!parsed) throw new Error(`no name: ${text}`);
  return parsed;
};

describe('what --allow allows', () => {
  test.each([
    ['https://h.example/team/*', 'h.example/team/app.git', 'https://h.example/team/app.git'],
    ['https://h.example/team/**', 'h.example/team/a/b.git', 'https://h.example/team/a/b.git'],
    ['h.example/team/app', 'h.example/team/app', 'https://h.example/team/app'],
    ['http://127.0.0.1:8080/*', '127.0.0.1:8080/repo.git', 'http://127.0.0.1:8080/repo.git'],
    ['git@h.example:team/*', 'h.example/team/app.git', 'git@h.example:team/app.git'],
    ['ssh://git@h.example:2222/team/*', 'h.example:2222/team/app', 'ssh://git@h.example:2222/team/app'],
    ['https://H.Example/x y/*', 'h.example/x y/z', 'https://h.example/x%20y/z'],
    ['https://h.example/a%20b/*', 'h.example/a b/z', 'https://h.example/a%20b/z'],
  ])('%s: %s comes from %s', (pattern, asked, url) => {
    const parsed = parseRepositoryName(asked);
    expect(parsed && new AllowPattern(pattern).resolve(parsed)?.url).toBe(url);
  });

  test.each([
    ['https://h.example/team/*', 'h.example/team/a/b.git'],
    ['https://h.example/team/*', 'h.example/other/app.git'],
    ['https://h.example/team/*', 'h.example.evil/team/app.git'],
    ['https://h.example/team/*', 'evil/h.example/team/app.git'],
    ['https://h.example/team/*', 'h.example/teamx/app.git'],
    ['https://h.example/team/*', 'h.example/Team/app.git'],
    ['https://h.example/a.b/*', 'h.example/axb/app.git'],
    ['https://h.example/team/app.git', 'h.example/team/app.git.evil'],
  ])('%s does not cover %s', (pattern, asked) => {
    expect(new AllowPattern(pattern).resolve(name(asked))).toBeUndefined();
  });

  test.each([
    'https://*/team/x',
    'https://*.example.com/x',
    '/srv/git/x',
    'file:///srv/git/*',
    '',
    'https://h.example',
    'https://u:p@h.example/x',
    'https://h/../x',
    'https://h/x#a b',
  ])('%s is refused', (pattern) => {
    expect(() => new AllowPattern(pattern)).toThrow(SidecarError);
    try {
      new AllowPattern(pattern);
    } catch (error) {
      expect(String(error)).not.toContain('u:p');
    }
  });

  test('what follows # limits the refs', () => {
    const upstream = new AllowPattern('https://h/x#main,release/*,refs/pull/**').resolve(name('h/x'));
    const covered = [
      'refs/heads/main',
      'refs/tags/main',
      'refs/heads/release/1',
      'refs/pull/1/head',
      'refs/heads/dev',
      'refs/heads/release/1/x',
      'HEAD',
    ];
    expect(covered.filter((ref) => upstream?.covers(ref))).toEqual(covered.slice(0, 4));
    expect(upstream?.questions).toContain('refs/heads/release/*');
  });

  test('--follow names one repository', () => {
    expect(followedName('git@h.example:team/app.git#main')).toBe('h.example/team/app.git');
    expect(() => followedName('https://h.example/team/*')).toThrow(SidecarError);
  });
});

test('a pattern of the access file reads with or without the scheme, in the case that it has', () => {
  expect(compileNamePattern('https://H.example/team/*')(name('h.example/team/x'))).toBe(true);
  expect(compileNamePattern('h.example/**')(name('h.example/a/b'))).toBe(true);
  expect(compileNamePattern('h.example/team/*')(name('h.example/Team/x'))).toBe(false);
});

test('a pattern with many stars is decided at once, whatever name a client sends', () => {
  const covers = new AllowPattern(`https://h/x#${'a*'.repeat(60)}b`).resolve(name('h/x'))?.covers;
  expect(covers?.(`refs/heads/${'a'.repeat(400)}`)).toBe(false);
  expect(covers?.(`refs/heads/${'a'.repeat(400)}b`)).toBe(true);
});
