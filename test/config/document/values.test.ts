import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadDocument } from '../../../src/config/document/load-document.ts';
import { tempDir } from '../../kit/temp.ts';
import { load, problemsOf, sync, unitOf } from './kit.ts';

const configOf = (source: unknown, surroundings = {}) => unitOf(load(source, surroundings), 'sync', 'a').config;
const doc = (lines: string): string => `sync:\n  - name: a\n    repo: https://h/r.git\n    root: /git\n    ${lines}\n`;

describe('values', () => {
  test.each([
    ['ref: 1.10', { requested: '1.10' }],
    ['ref: 0x10', { requested: '0x10' }],
    ['ref: true', { requested: 'true' }],
    ['ref: no', { requested: 'no' }],
    ['ref: "a b"', { requested: 'a b' }],
    ['ref: |-\n      main', { requested: 'main' }],
  ])('a text is what stands there, and not what YAML makes of it: %s', (line, target) => {
    expect(configOf(doc(line)).target).toMatchObject(target);
  });

  test.each([
    ['depth: 3', { depth: 3 }],
    ['depth: "3"', { depth: 3 }],
    ['lfs: true', { lfs: true }],
    ['lfs: "true"', { lfs: true }],
    ['period: 1m30s', { periodMs: 90_000 }],
    ['stale-worktree-timeout: 0', { staleWorktreeTimeoutMs: 0 }],
    ['ssh-key-file: /k', { ssh: { keyFiles: ['/k'] } }],
    ['ssh-key-file: [/k, "/l:m"]', { ssh: { keyFiles: ['/k', '/l:m'] } }],
    ['git-config-add: ["a.b:c", "d.e:f"]', { gitConfigAdd: [{ key: 'a.b' }, { key: 'd.e' }] }],
  ])('%s', (line, config) => expect(configOf(doc(line))).toMatchObject(config));

  test.each([
    ['period: 10', '5:13: period: 10 has no unit; write 10s for seconds or 10ms for milliseconds'],
    ['period: soon', '5:13: period: "soon" must be a duration such as 10s, 5m or 1h30m'],
    ['lfs: yes', '5:10: lfs: "yes" must be true or false'],
    ['depth: 1.5', '5:12: depth: "1.5" must be a whole number'],
    ['ref: [a]', '5:10: ref must be a text'],
    ['ref: {a: b}', '5:10: ref must be a text'],
    ['ssh-key-file: [{}]', '5:20: ssh-key-file must be a text or a list of texts'],
    ['ref:', '5:9: ref has no value; write "" for an empty text'],
    ['ref: ~', '5:10: ref has no value; write "" for an empty text'],
    ['ref: "a\\0"', '5:10: a value cannot hold a NUL character'],
  ])('%s is refused with its place', (line, problem) => expect(problemsOf(doc(line))).toEqual([problem]));
});

describe('variables', () => {
  const env = { REPO: 'https://v/x.git', EMPTY: '' };
  test.each([
    ['${REPO}', 'https://v/x.git'],
    ['https://h/${EMPTY}r', 'https://h/r'],
    ['https://h/${EMPTY:-d}', 'https://h/d'],
    ['https://h/${NONE:-}r', 'https://h/r'],
    ['https://h/${NONE:-a:-b}', 'https://h/a:-b'],
    ['https://h/$$', 'https://h/$'],
    ['https://h/$${REPO}', 'https://h/${REPO}'],
    ['https://h/$REPO', 'https://h/$REPO'],
    ['https://h/$', 'https://h/$'],
  ])('%s is %s', (written, expected) => {
    expect(configOf({ sync: [sync('a', { repo: written })] }, { env }).remote.fetchUrl).toBe(expected);
  });

  test('the text of a variable is a text: it names no file, no other variable and no YAML', () => {
    const text = 'file:/etc/passwd ${REPO} $$ [a, b]: c';
    expect(configOf({ sync: [sync('a', { ref: '${X}' })] }, { env: { ...env, X: text } }).target.requested).toBe(text);
  });

  test.each([
    ['${NONE}', 'the variable NONE is not set; set it, or write `${NONE:-default}`'],
    ['${}', '`${` must be followed by'],
    ['${A%b}', '`${` must be followed by'],
    ['a${', '`${` must be followed by'],
  ])('%s is refused with its place', (written, what) => {
    expect(problemsOf(doc(`ref: "${written}"`))).toEqual([expect.stringContaining(`5:10: ${what}`)]);
  });

  test('variables of options are not read, and a person who set one learns it', () => {
    const document = load({ sync: [sync('a')] }, { env: { GITSYNC_REF: 'v1', GITSYNC_ROOT: '/git' } });
    expect(unitOf(document, 'sync', 'a').config.target.requested).toBe('HEAD');
    expect(document.notices).toEqual([
      'GITSYNC_REF has no effect: write ${GITSYNC_REF} in /etc/app/git.yaml where it is meant',
    ]);
  });

  test('what children inherit has no variable that a secret came from, in no unit', () => {
    const document = load(
      {
        sync: [sync('a', { username: '${USER}', password: '${TOKEN}' }), sync('b', { repo: 'https://me:${PW}@h/r' })],
        run: [{ name: 'app', from: 'a', command: 'x ${OTHER}' }],
      },
      { env: { TOKEN: 'S3CRET1', PW: 'S3CRET2', USER: 'me', OTHER: 'o' } },
    );
    for (const { config } of document.units) {
      expect(JSON.stringify(config.environment)).not.toContain('S3CRET');
      expect(config.environment).toMatchObject({ USER: 'me', OTHER: 'o' });
    }
  });
});

describe('files', () => {
  const withPassword = (password: string): unknown => ({ sync: [sync('a', { username: 'me', password })] });
  const password = (source: unknown, surroundings: object): string | undefined =>
    configOf(source, surroundings).credentials[0]?.password;

  test.each([
    ['file:token', { '/etc/app/token': 'S3CRET\n' }, 'S3CRET'],
    ['file:/run/token', { '/run/token': 'S3CRET\r\n' }, 'S3CRET'],
    ['file:${DIR}/token', { '/run/d/token': ' S3CRET\n\n' }, ' S3CRET\n'],
  ])('%s is what the file holds, without the last line end', (written, files, expected) => {
    expect(password(withPassword(written), { files, env: { DIR: '/run/d' } })).toBe(expected);
  });

  test('a file:// URL is a URL', () => {
    expect(configOf({ sync: [sync('a', { repo: 'file:///srv/r.git' })] }).remote.transport).toBe('file');
  });

  test('every file that was read is named, so that somebody can watch it', () => {
    const files = { '/etc/app/token': 'x', '/run/ref': 'v1' };
    const document = load(
      { sync: [sync('a', { username: 'm', password: 'file:token', ref: 'file:/run/ref' })] },
      { files },
    );
    expect(document.files).toEqual(['/etc/app/git.yaml', '/etc/app/token', '/run/ref']);
    expect(document.secrets).toEqual(['x', 'v1']);
  });

  test('a file that is missing or too large is refused with its place', () => {
    const [missing] = problemsOf(withPassword('file:token'));
    expect(missing).toMatch(/^6:15: the file \/etc\/app\/token cannot be read: ENOENT/);
    const files = { '/etc/app/token': 'x'.repeat(70_000) };
    expect(problemsOf(withPassword('file:token'), { files })[0]).toContain('it is larger than 65536 bytes');
  });

  test('a document that is a directory, a named pipe, missing, too large or no text is refused at once', () => {
    const directory = tempDir();
    mkdirSync(join(directory, 'directory'));
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    writeFileSync(join(directory, 'large'), '#'.repeat(1024 * 1024 + 1));
    writeFileSync(join(directory, 'latin1'), 'sync: \xe9', 'latin1');
    for (const name of ['directory', 'pipe', 'missing', 'large', 'latin1'])
      expect(() => loadDocument(join(directory, name), {})).toThrow(/read the document: \S+:1:1: it cannot be read: /);
  });
});

describe('defaults', () => {
  test('are for every unit that has the option, and a unit’s own value wins', () => {
    const document = load({
      defaults: { period: '33s', 'stop-timeout': '44s', 'ssh-key-file': ['/a', '/b'] },
      sync: [sync('a'), sync('b', { period: '55s', 'ssh-key-file': '/c' })],
      run: [{ name: 'app', from: 'a', command: 'x' }],
    });
    expect(unitOf(document, 'sync', 'a').config).toMatchObject({ periodMs: 33_000, ssh: { keyFiles: ['/a', '/b'] } });
    expect(unitOf(document, 'sync', 'b').config).toMatchObject({ periodMs: 55_000, ssh: { keyFiles: ['/c'] } });
    expect(unitOf(document, 'run', 'app').config.stopTimeoutMs).toBe(44_000);
  });

  test('a unit’s value wins over a default that has an older name for it', () => {
    const document = load({ defaults: { wait: 7, branch: 'old' }, sync: [sync('a', { period: '5s', ref: 'new' })] });
    expect(unitOf(document, 'sync', 'a').config).toMatchObject({ periodMs: 5000, target: { requested: 'new' } });
  });

  test('an empty text takes a default away', () => {
    const document = load({
      defaults: { username: 'u', password: 'p' },
      sync: [sync('a', { username: '', password: '' })],
    });
    expect(unitOf(document, 'sync', 'a').config.credentials).toEqual([]);
  });

  test('a sync never gives up on its own, unless it has a limit or runs once', () => {
    const limits = (more: object): unknown => {
      const { maxFailures, initMaxFailures } = unitOf(load({ sync: [sync('a', { ...more })] }), 'sync', 'a').config;
      return [maxFailures, initMaxFailures];
    };
    expect(limits({})).toEqual([undefined, undefined]);
    expect(limits({ 'max-failures': 3 })).toEqual([3, 3]);
    expect(limits({ 'one-time': true })).toEqual([1, 1]);
  });
});

describe('a run', () => {
  const run = (more: object): unknown => ({ sync: [sync('a', { link: 'current' })], run: [{ name: 'app', ...more }] });

  test('follows a sync of the document or a link', () => {
    expect(unitOf(load(run({ from: 'a', command: ['x'] })), 'run', 'app')).toMatchObject({
      from: 'a',
      config: { link: '/git/a/current', sync: undefined },
    });
    const alone = unitOf(load(run({ link: '/other/link', command: ['x'] })), 'run', 'app');
    expect(alone).toMatchObject({ from: undefined, config: { link: '/other/link' } });
  });

  test('takes its command as words, or as a line for the shell', () => {
    const commandOf = (command: unknown): unknown =>
      unitOf(load(run({ from: 'a', command }), { env: { X: 'x' } }), 'run', 'app').config.command;
    expect(commandOf(['node', '${X}.js', 8080, true, ''])).toEqual(['node', 'x.js', '8080', 'true', '']);
    expect(commandOf('echo $HOME ${X} $$${X}')).toEqual(['/bin/sh', '-c', 'echo $HOME x $x']);
  });

  test.each([
    [
      { from: 'aa', command: ['x'] },
      '8:11: run app: from must be the name of a sync of this document; did you mean a?',
    ],
    [{ from: 'other', command: ['x'] }, '8:11: run app: from must be the name of a sync of this document: a'],
    [{ command: ['x'] }, '7:5: a run needs from, the name of a sync of this document, or link, a published link'],
    [{ from: 'a' }, '7:5: a run needs a command: a list such as [node, server.js], or a line for the shell'],
    [
      { from: 'a', command: [] },
      '9:14: a run needs a command: a list such as [node, server.js], or a line for the shell',
    ],
    [
      { from: 'a', command: ' ' },
      '9:14: a run needs a command: a list such as [node, server.js], or a line for the shell',
    ],
    [{ from: 'a', command: ['x'], link: '/l' }, '11:11: from and link exclude each other: a run follows one of them'],
    [{ from: 'a', command: ['x'], repo: 'r' }, '11:5: repo does not belong in a run: it is an option of sync'],
  ])('%j: %s', (more, problem) => expect(problemsOf(run(more))).toEqual([problem]));
});

test('a relay serves at the address of the document, or at its own', () => {
  const relay = { name: 'r', root: '/mirrors', allow: 'https://h/*' };
  const document = load({
    http: { bind: ':80', metrics: true },
    relay: [relay, { ...relay, name: 's', root: '/s', 'http-bind': ':81' }],
  });
  expect(unitOf(document, 'relay', 'r')).toMatchObject({
    hasOwnAddress: false,
    config: { http: { port: 80, metrics: true } },
  });
  expect(unitOf(document, 'relay', 's')).toMatchObject({ hasOwnAddress: true, config: { http: { port: 81 } } });
  expect(problemsOf({ relay: [relay] })[0]).toContain('http.bind must be set');
});
