import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/platform/clock.ts';
import { createProcessRunner } from '../../../src/platform/process/runner.ts';
import { type CredentialProgramsOptions, credentialPrograms } from '../../../src/remote/identity/credential-program.ts';
import { usesPath } from '../../../src/remote/identity/program-line.ts';
import { readCredential, writeCredential } from '../../../src/remote/wire/credential-lines.ts';
import { script } from '../../kit/script.ts';
import { read } from '../../kit/sidecar.ts';
import { tempDir } from '../../kit/temp.ts';

const { signal } = new AbortController();
const URL = 'https://git.test/team/app.git';

function setUp(helpers: readonly string[], more: Partial<CredentialProgramsOptions> = {}) {
  const learned: string[] = [];
  const home = tempDir();
  const identity = credentialPrograms({
    ...{
      helpers,
      git: 'git',
      runner: createProcessRunner(),
      clock: systemClock,
      url: URL,
      username: '',
      withPath: false,
    },
    environment: () => ({ PATH: process.env.PATH ?? '', HOME: home, GIT_CONFIG_GLOBAL: '/dev/null' }),
    learn: (secret) => void learned.push(secret),
    ...more,
  });
  return { identity, learned, home };
}

/** A helper that notes what it is asked, and answers `get` with `lines`. */
function noting(...lines: readonly string[]): { readonly helper: string; readonly noted: () => string } {
  const file = join(tempDir(), 'noted');
  const answer = lines.map((line) => `echo '${line}'`).join('; ');
  const path = script(
    `${file}.sh`,
    `{ echo "$1:"; cat; } >> ${file}`,
    `test "$1" = get && { ${answer || ':'}; }`,
    'exit 0',
  );
  return { helper: path, noted: () => read(file) ?? '' };
}

describe('git-credential’s format', () => {
  test('is read up to the empty line; lists and lines of another form are left out', () => {
    const text = 'capability[]=authtype\nusername=u\npassword=a=b\r\nnoise\n\nusername=other\n';
    expect([...readCredential(text)]).toEqual([
      ['username', 'u'],
      ['password', 'a=b'],
    ]);
  });

  test('is not written where a value would add a line of its own', () => {
    expect(() => writeCredential(new Map([['host', 'a\nhost=b']]), [])).toThrow('host');
  });
});

describe('a credential helper', () => {
  test('of git itself: the password of `git credential-store`, by its short name with arguments', async () => {
    const file = join(tempDir(), 'stored');
    writeFileSync(file, 'https://me:pass%20word@git.test\n');
    const { identity, learned } = setUp([`store --file=${file}`]);
    expect(await identity.obtain(signal)).toEqual({ username: 'me', password: 'pass word' });
    expect(learned).toContain('pass word');
  });

  test('hears protocol and host, the path only where git would say it, and the user that is asked for', async () => {
    const [without, withPath] = [noting('username=u', 'password=p'), noting('username=u', 'password=p')];
    await setUp([without.helper]).identity.obtain(signal);
    expect(without.noted()).toBe('get:\ncapability[]=authtype\nprotocol=https\nhost=git.test\n\n');
    await setUp([withPath.helper], { withPath: true, username: 'bot' }).identity.obtain(signal);
    expect(withPath.noted()).toBe(
      'get:\ncapability[]=authtype\nprotocol=https\nhost=git.test\npath=team/app.git\nusername=bot\n\n',
    );
  });

  test('in shell says when its password ends', async () => {
    const { identity } = setUp([
      '!f() { test "$1" = get && echo username=u && echo password=p && echo password_expiry_utc=4102444800; }; f',
    ]);
    expect(await identity.obtain(signal)).toEqual({ username: 'u', password: 'p', expiresAt: 4_102_444_800_000 });
  });

  test('with a password that has ended is passed over; the next one is asked', async () => {
    const old = noting('username=u', 'password=old', 'password_expiry_utc=1000');
    const { identity } = setUp([old.helper, noting('username=v', 'password=new').helper]);
    expect(await identity.obtain(signal)).toEqual({ username: 'v', password: 'new' });
  });

  test('that knows only the user leaves the password to the next one, which hears the user', async () => {
    const [first, second] = [noting('username=u'), noting('password=p')];
    expect(await setUp([first.helper, second.helper]).identity.obtain(signal)).toEqual({
      username: 'u',
      password: 'p',
    });
    expect(second.noted()).toContain('username=u\n');
  });

  test('with a token for another scheme: git’s authtype and credential', async () => {
    const { helper } = noting('capability[]=authtype', 'authtype=Bearer', 'credential=abc.def', 'ephemeral=1');
    const { identity, learned } = setUp([helper]);
    expect(await identity.obtain(signal)).toEqual({ username: '', password: 'abc.def', scheme: 'Bearer' });
    expect(learned).toContain('abc.def');
  });

  test('that has nothing is no failure: an empty password', async () => {
    const { identity } = setUp([noting().helper]);
    expect(await identity.obtain(signal)).toEqual({ username: '', password: '' });
  });

  test('that says quit keeps the others from being asked', async () => {
    const second = noting('username=u', 'password=p');
    const { identity } = setUp([noting('quit=1').helper, second.helper]);
    await expect(identity.obtain(signal)).rejects.toThrow('nobody else is to be asked');
    expect(second.noted()).toBe('');
  });

  test('that fails gives way to the next one; when none has a password, it is named without its arguments', async () => {
    const failing = `${script(join(tempDir(), 'broken'), 'echo "vault is sealed" >&2', 'exit 3')} --token=S3cret`;
    const good = noting('username=u', 'password=p').helper;
    expect(await setUp([failing, good]).identity.obtain(signal)).toMatchObject({ password: 'p' });
    const error = await setUp([failing])
      .identity.obtain(signal)
      .then(
        () => expect.unreachable(),
        (reason: Error) => reason,
      );
    expect(error.message).toMatch(
      /^get a credential from the credential helper \/\S+\/broken at https:\/\/git\.test: .*status 3: vault is sealed$/,
    );
    expect(JSON.stringify({ ...error, message: error.message })).not.toContain('S3cret');
  });

  test('that does not exist is named by git', async () => {
    await expect(setUp(['no-such-helper']).identity.obtain(signal)).rejects.toThrow(
      /credential helper no-such-helper .*status 1/,
    );
  });

  test('that hangs, with a child that holds its output, is ended', async () => {
    const marker = join(tempDir(), 'late');
    const helper = script(join(tempDir(), 'hangs'), `(sleep 60; touch ${marker}) & sleep 60`);
    const { identity } = setUp([helper], { timeoutMs: 300 });
    await expect(identity.obtain(signal)).rejects.toThrow('it did not end within 0.3 s');
    expect(existsSync(marker)).toBe(false);
  });

  test('that writes without end is ended, and is no answer', async () => {
    const helper = '!f() { while :; do echo password=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done; }; f';
    await expect(setUp([helper], { timeoutMs: 2000 }).identity.obtain(signal)).rejects.toThrow(
      /did not end|wrote more/,
    );
  });

  test('learns what became of its password: store when it was accepted, erase when it was refused', async () => {
    const { helper, noted } = noting('username=u', 'password=p', 'password_expiry_utc=4102444800');
    const { identity } = setUp([helper]);
    const obtained = await identity.obtain(signal);
    await identity.accepted?.(obtained, signal);
    await identity.refused?.(obtained, signal);
    const question = 'capability[]=authtype\nprotocol=https\nhost=git.test\n';
    const told = `${question}username=u\npassword=p\npassword_expiry_utc=4102444800\n\n`;
    expect(noted()).toBe(`get:\n${question}\nstore:\n${told}get:\n${question}\nerase:\n${told}`);
  });

  test('does not lose a password that was replaced before the old one was refused', async () => {
    const file = join(tempDir(), 'stored');
    writeFileSync(file, 'https://me:old@git.test\n');
    const { identity } = setUp([`store --file=${file}`]);
    const obtained = await identity.obtain(signal);
    writeFileSync(file, 'https://me:new@git.test\n');
    await identity.refused?.(obtained, signal);
    expect(await identity.obtain(signal)).toEqual({ username: 'me', password: 'new' });
  });

  test('gets nothing to store where its token is for once only', async () => {
    const { helper, noted } = noting('username=u', 'password=p', 'ephemeral=1');
    const { identity } = setUp([helper]);
    await identity.accepted?.(await identity.obtain(signal), signal);
    expect(noted()).not.toContain('store:');
  });

  test('`git credential-cache` keeps a password for the next question: what it leaves behind lives on', async () => {
    const socket = join(tempDir(), 'private', 'socket');
    const cache = `cache --timeout=60 --socket=${socket}`;
    const { identity } = setUp([cache, noting('username=u', 'password=p').helper]);
    await identity.accepted?.(await identity.obtain(signal), signal);
    const { identity: later } = setUp([cache]);
    expect(await later.obtain(signal)).toMatchObject({ username: 'u', password: 'p' });
    await createProcessRunner().run({
      file: 'git',
      args: ['credential-cache', `--socket=${socket}`, 'exit'],
      env: { PATH: process.env.PATH ?? '' },
    });
  });
});

describe('credential.useHttpPath', () => {
  test.each([
    [[], false],
    [[['http.sslVersion', 'tlsv1.2']], false],
    [[['credential.useHttpPath', 'true']], true],
    [[['credential.https://git.test.usehttppath', 'true']], true],
    [[['credential.https://other.test.useHttpPath', 'true']], false],
    [
      [
        ['credential.useHttpPath', 'true'],
        ['credential.https://git.test.useHttpPath', 'false'],
      ],
      false,
    ],
  ] as [string[][], boolean][])('of %j: %s', (settings, wanted) => {
    expect(
      usesPath(
        settings.map(([key = '', value = '']) => ({ key, value })),
        URL,
      ),
    ).toBe(wanted);
  });
});
