import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { classifyGitFailure } from '../../src/git/classify.ts';
import { overrideSettings, renderGitConfig } from '../../src/git/config-file.ts';
import { credentialSettings } from '../../src/git/credential-settings.ts';
import { createGit } from '../../src/git/git.ts';
import { sshCommand } from '../../src/git/ssh-command.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { tempDir } from '../kit/temp.ts';
import { GIT_ENV } from '../kit/upstream.ts';

describe('what git says becomes a typed error', () => {
  test.each([
    ['fatal: could not read Username for x: terminal prompts disabled', 'ERR_REMOTE_AUTH'],
    ['fatal: Authentication failed for x', 'ERR_REMOTE_AUTH'],
    ['git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.', 'ERR_REMOTE_AUTH'],
    ['Host key verification failed.\nfatal: Could not read from remote repository.', 'ERR_REMOTE_HOST_KEY'],
    ["fatal: unable to access 'https://h/': Could not resolve host: h", 'ERR_REMOTE_UNREACHABLE'],
    ['fatal: unable to access x: The requested URL returned error: 503', 'ERR_REMOTE_BUSY'],
    ["fatal: couldn't find remote ref nope", 'ERR_REMOTE_REF'],
    ['fatal: remote error: upload-pack: not our ref abc', 'ERR_REMOTE_REF'],
    ["fatal: repository 'https://h/x/' not found", 'ERR_REMOTE_NOT_FOUND'],
    ["fatal: '/x' does not appear to be a git repository", 'ERR_REMOTE_NOT_FOUND'],
    ["fatal: Unable to create '/x/shallow.lock': File exists.", 'ERR_GIT_LOCKED'],
    ['fatal: bad object HEAD', 'ERR_FETCH_OBJECTS'],
    ['error: object file .git/objects/aa/bb is empty', 'ERR_FETCH_OBJECTS'],
    ['fatal: something new', 'ERR_GIT_FAILED'],
    ['', 'ERR_GIT_FAILED'],
  ])('%j', (stderr, code) => expect(classifyGitFailure('fetch', 'x', 128, stderr)).toMatchObject({ code }));

  test('the telling lines are kept, hints and noise are not', () => {
    const error = classifyGitFailure(
      'fetch',
      'https://h',
      128,
      'From https://h\nhint: try this\nwarning: x\nfatal: the reason\n',
    );
    expect(error.message).toBe('fetch https://h: fatal: the reason');
  });
});

describe('running git', () => {
  const git = (program: string) =>
    createGit({ program, runner: createProcessRunner(), log: silentLogger, environment: () => GIT_ENV, cwd: '/' });

  test('gives output, accepts the statuses that are an answer, counts processes', async () => {
    const it = git('git');
    expect((await it.run(['version'], { op: 'ask' })).stdout).toContain('git version');
    expect((await it.run(['rev-parse', '--git-dir'], { op: 'ask', accept: [128] })).code).toBe(128);
    expect(it.started).toBe(2);
  });

  test('a missing program and an ended command have codes of their own', async () => {
    await expect(git('/no/git').run(['version'], { op: 'ask' })).rejects.toMatchObject({ code: 'ERR_GIT_MISSING' });
    await expect(
      git('git').run(['hash-object', '--stdin'], { op: 'ask', stdin: 'x', signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'ERR_GIT_TIMEOUT' });
  });
});

describe('the private configuration', () => {
  test('overrides replace by key, whatever the case of section and name', () => {
    expect(
      overrideSettings(
        [
          { key: 'gc.autoDetach', value: 'false' },
          { key: 'a.Sub.x', value: '1' },
        ],
        [
          { key: 'GC.autodetach', value: 'true' },
          { key: 'a.sub.x', value: '2' },
        ],
      ),
    ).toEqual([
      { key: 'a.Sub.x', value: '1' },
      { key: 'GC.autodetach', value: 'true' },
      { key: 'a.sub.x', value: '2' },
    ]);
  });

  test('`git credential fill` finds the credential of the longest path, then of the host, whatever the scheme; another user’s URL gets none', () => {
    const dir = tempDir();
    const { settings, variables } = credentialSettings([
      { url: 'https://h.example/', username: 'host', password: 'p"1' },
      { url: 'https://h.example/team', username: 'team', password: "p'2 \\ $x" },
      { url: 'file:///srv/repo.git', username: 'filer', password: 'p3' },
      { url: 'ssh://h.example:22/repo', username: 'sheller', password: 'p4' },
      { url: 'git://h.example/repo', username: 'daemon', password: 'p5' },
      { url: '/srv/a path', username: 'nobody', password: 'p6' },
    ]);
    writeFileSync(join(dir, 'config'), renderGitConfig(settings));
    const fill = (request: string): string => {
      try {
        return execFileSync('git', ['credential', 'fill'], {
          env: { ...GIT_ENV, ...variables, GIT_CONFIG_GLOBAL: join(dir, 'config'), GIT_TERMINAL_PROMPT: '0' },
          input: request,
          stdio: ['pipe', 'pipe', 'ignore'],
        }).toString();
      } catch {
        return 'none';
      }
    };
    expect(fill('url=https://h.example/team/repo\n\n')).toContain("username=team\npassword=p'2 \\ $x\n");
    expect(fill('url=https://h.example/other\n\n')).toContain('username=host\npassword=p"1\n');
    expect(fill('protocol=https\nhost=h.example\n\n')).toContain('username=host');
    expect(fill('url=file:///srv/repo.git\n\n')).toContain('username=filer\npassword=p3\n');
    expect(fill('url=file:///elsewhere\n\n')).toContain('username=filer');
    expect(fill('url=ssh://h.example:22/repo\n\n')).toContain('username=sheller\npassword=p4\n');
    expect(fill('url=git://h.example/repo\n\n')).toContain('username=daemon\npassword=p5\n');
    expect(fill('url=https://stranger@h.example/other\n\n')).toBe('none');
    expect(fill('url=https://elsewhere.example/\n\n')).toBe('none');
    expect(renderGitConfig(settings)).not.toContain('p"1');
  });

  test('a token for another scheme is given to a git that knows schemes, and to no other', () => {
    const credentials = [{ url: 'https://h.example/', username: '', password: 'p 1', scheme: 'Bearer' }];
    const { settings, variables } = credentialSettings(credentials);
    const ask = (request: string): string =>
      execFileSync('/bin/sh', ['-c', `${settings[0]?.value.slice(1)} get`], {
        env: { ...GIT_ENV, ...variables },
        input: request,
      }).toString();
    const known = 'capability[]=authtype\nprotocol=https\nhost=h.example\n\n';
    expect(ask(known)).toBe('capability[]=authtype\nauthtype=Bearer\ncredential=p 1\n');
    expect(ask('protocol=https\nhost=h.example\n\n')).toBe('');
  });

  test('GIT_SSH_COMMAND: paths with blanks and quotes survive the shell', () => {
    const command = sshCommand({
      keyFiles: ["/a key/it's"],
      hostKeys: { check: 'file', file: '/known hosts' },
      command: undefined,
      verbosity: 0,
      controlDirectory: undefined,
      persistSeconds: 1,
    });
    const words = execFileSync('/bin/sh', ['-c', `printf '%s\\n' ${command}`])
      .toString()
      .split('\n');
    expect(words).toContain("/a key/it's");
    expect(words).toContain('UserKnownHostsFile="/known hosts"');
    expect(
      sshCommand({
        keyFiles: [],
        hostKeys: { check: 'none' },
        command: 'mine -x',
        verbosity: 4,
        controlDirectory: '/c',
        persistSeconds: 30,
      }),
    ).toMatch(/^mine -x -o StrictHostKeyChecking=no .*ControlPath=\/c\/%C/);
  });

  test.each([
    ['-v 5', undefined, 5, / -v /],
    ['-v 7', undefined, 7, / -vv /],
    ['a command of the user’s with -v', 'ssh -vvv', 0, /^ssh -vvv /],
  ])('ssh that tells about itself shares no connection: %s', (_name, command, verbosity, flag) => {
    const options = { keyFiles: [], hostKeys: { check: 'none' }, controlDirectory: '/c', persistSeconds: 30 } as const;
    const text = sshCommand({ ...options, command, verbosity });
    expect(text).toMatch(flag);
    expect(text).not.toContain('Control');
  });
});
