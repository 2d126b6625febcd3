import { expect, test } from 'vitest';
import { subCommandFirst } from '../../src/git/sub-command-first.ts';

test('what stands before the sub-command becomes variables, behind the settings that the user’s variables carry', () => {
  const inherited = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'a.b', GIT_CONFIG_VALUE_0: 'c' };
  const given = ['--git-dir', '/r/.git', '-c', 'core.x=y=z', '-c', 'core.bare', 'fetch', '-c', 'kept'];
  expect(subCommandFirst(given, inherited)).toEqual({
    args: ['fetch', '-c', 'kept'],
    variables: {
      GIT_DIR: '/r/.git',
      GIT_CONFIG_COUNT: '3',
      GIT_CONFIG_KEY_1: 'core.x',
      GIT_CONFIG_VALUE_1: 'y=z',
      GIT_CONFIG_KEY_2: 'core.bare',
      GIT_CONFIG_VALUE_2: 'true',
    },
  });
  expect(subCommandFirst(['version'], {})).toEqual({ args: ['version'], variables: {} });
});
