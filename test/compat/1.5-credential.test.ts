import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../src/config/build-config.ts';
import { parseCredentials } from '../../src/config/credential-json.ts';
import { load } from '../../src/config/load.ts';
import { SidecarError } from '../../src/model/error.ts';

const GOOD = { url: 'https://h/', username: 'u', password: 'p' };

describe('compat 1.5 --credential', () => {
  test('an object, or an array of objects', () => {
    expect(parseCredentials(JSON.stringify(GOOD), '--credential')).toEqual([GOOD]);
    expect(parseCredentials(JSON.stringify([GOOD, GOOD]), '--credential')).toHaveLength(2);
  });

  test('keys in any case, password-file too', () => {
    expect(parseCredentials('{"URL":"https://h/","UserName":"u","Password-File":"/p"}', '--credential')).toEqual([
      { url: 'https://h/', username: 'u', passwordFile: '/p' },
    ]);
  });

  test.each(['{"url":"x","nope":"y"}', '{"url":1}', 'null', '"text"', '{"url":"x"', '[1]', '[null]', '{'])(
    '%s is refused',
    (text) => {
      expect(() => parseCredentials(text, '--credential')).toThrow(SidecarError);
    },
  );

  test('text behind the first JSON value is ignored', () => {
    expect(parseCredentials(`${JSON.stringify(GOOD)} and more }`, '--credential')).toEqual([GOOD]);
  });

  test('empty text is no credential', () => {
    expect(parseCredentials('', '--credential')).toEqual([]);
  });

  test('--username comes first, as a credential for the repository', () => {
    const loaded = load(
      'sync',
      ['--repo=https://h/r', '--root=/x', '--username=me', '--password=p', `--credential=${JSON.stringify(GOOD)}`],
      {},
    );
    expect(buildSyncConfig(loaded.settings, {}).credentials.map(({ username }) => username)).toEqual(['me', 'u']);
  });
});
