import { describe, expect, test } from 'vitest';
import { helpText, readOrder } from '../../bench/command-line.ts';
import { openGitSync } from '../../bench/git-sync.ts';

const SECTIONS = [
  { name: 'poll', what: 'idle polls' },
  { name: 'update', what: 'updates' },
  { name: 'soak', what: 'long', onRequest: true },
];
const order = (...words: string[]) => readOrder(words, SECTIONS);

describe('the command line of the bench', () => {
  test('without names all sections are measured but those that run on request; with names only those', () => {
    expect(order()).toEqual({ sections: ['poll', 'update'], gitSync: undefined, smoke: false, help: false });
    expect(order('update', 'poll').sections).toEqual(['poll', 'update']);
    expect(order('soak').sections).toEqual(['soak']);
  });

  test('a smoke tries every section', () => {
    expect(order('--smoke')).toMatchObject({ sections: ['poll', 'update', 'soak'], smoke: true });
    expect(order('--smoke', 'poll').sections).toEqual(['poll']);
  });

  test.each([
    [['pol'], 'no section pol; there are poll, update, soak'],
    [['--smok'], 'no option --smok; there are --git-sync=PATH, --smoke and --help'],
    [['--git-sync'], '--git-sync needs a path: --git-sync=/usr/local/bin/git-sync'],
    [['--git-sync='], '--git-sync needs a path: --git-sync=/usr/local/bin/git-sync'],
  ])('%j is refused with what there is', (words, message) => {
    expect(() => order(...words)).toThrow(message);
  });

  test('--help names every section and every option', () => {
    expect(order('--help').help).toBe(true);
    const text = helpText(SECTIONS);
    for (const word of ['poll', 'idle polls', 'soak', '--git-sync=PATH', '--smoke']) expect(text).toContain(word);
  });

  test('a git-sync that is not there, or is no program, is refused with its path', () => {
    expect(() => openGitSync('/nonexistent/git-sync')).toThrow('--git-sync=/nonexistent/git-sync: ENOENT');
    expect(() => openGitSync('/tmp')).toThrow('--git-sync=/tmp: it is no file');
    expect(() => openGitSync('package.json')).toThrow('--git-sync=package.json: EACCES');
  });

  test('a table names the git-sync program by what it says of its version', () => {
    const version = openGitSync('dist/git-sync.cjs').name;
    expect(version).toMatch(/^git-sync \d+\.\d+\.\d+$/);
  });
});
