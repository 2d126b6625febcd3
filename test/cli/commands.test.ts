import { describe, expect, test } from 'vitest';
import type { Io } from '../../src/app/outcome.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { perform } from '../../src/cli/perform.ts';
import { EVERY_COMMAND } from '../../src/config/option.ts';
import { optionsOf } from '../../src/config/options.ts';
import { commandLine } from '../kit/command-line.ts';

/** What a command line prints, and where its last error would be written. */
async function say(argv: readonly string[], env: Record<string, string> = {}) {
  const said = { lastErrorTo: '', error: '' };
  const printed = await commandLine(
    argv,
    { HOME: '/nonexistent', ...env },
    {
      onError: (text) => {
        said.error = text;
      },
      writeLastErrorTo: (path) => {
        said.lastErrorTo = path;
      },
    },
  );
  return { ...printed, ...said };
}

describe.each(EVERY_COMMAND)('git-sidecar %s', (name) => {
  test('--help says how it is used, with every option of its own', async () => {
    const { status, stdout } = await say([name, '--help']);
    expect([status, stdout]).toEqual([0, expect.stringContaining(`usage: git-sidecar ${name}`)]);
    for (const { name: flag, hidden, envOnly, replacedBy } of optionsOf(name))
      if (!hidden && !envOnly && !replacedBy) expect(stdout).toContain(`--${flag}`);
  });

  test('-h, --version and --man answer and start nothing', async () => {
    expect((await say([name, '-h'])).stdout).toBe((await say([name, '--help'])).stdout);
    expect(await say([name, '--version'])).toMatchObject({ status: 0, stdout: 'dev\n' });
    const { status, stdout } = await say([name, '--man']);
    expect(status).toBe(0);
    for (const head of ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'EXIT STATUS']) expect(stdout).toContain(head);
  });

  test('an unknown flag: exit 2, the usage, the nearest flag; to doctor it is a finding', async () => {
    if (name === 'doctor') {
      const { status, stdout } = await say([name, '--hlep']);
      expect([status, stdout]).toEqual([1, expect.stringContaining('✗ options')]);
      expect(stdout).toContain('unknown flag: --hlep → Did you mean --help?');
      return;
    }
    const { status, stderr, error } = await say([name, '--hlep']);
    expect([status, stderr]).toEqual([2, expect.stringContaining(`usage: git-sidecar ${name}`)]);
    expect(stderr).toContain('Did you mean --help?');
    expect(error).toContain('unknown flag: --hlep');
  });

  test('a word too many: exit 2, unless git-sync takes it', async () => {
    if (name === 'sync' || name === 'doctor') return expect((await say([name, 'a', '--help'])).status).toBe(0);
    const words = Array.from({ length: (COMMANDS[name].words ?? 0) + 1 }, (_each, at) => `word${at}`);
    const { status, stderr } = await say([name, ...words]);
    expect([status, stderr]).toEqual([2, expect.stringContaining(`"${words.at(-1)}" is no option`)]);
  });

  test('the file for the last error is the one of the option, from the start on, and none where there is no such option', async () => {
    const isService = optionsOf(name).some((option) => option.name === 'termination-log');
    const env = { GITSYNC_TERMINATION_LOG: '/by/variable' };
    expect((await say([name, '--nope'], env)).lastErrorTo).toBe(isService ? '/by/variable' : '');
    if (!isService) return;
    expect((await say([name, '--nope'])).lastErrorTo).toBe('/dev/termination-log');
    expect((await say([name, '--termination-log=/by/flag', '--help'])).lastErrorTo).toBe('/by/flag');
  });

  test('--explain shows every option and no secret', async () => {
    // A document is explained in test/config/document.
    if (name === 'up' || !optionsOf(name).some((option) => option.name === 'explain')) return;
    const { status, stdout } = await say([name, '--explain'], { GITSYNC_PASSWORD: 'hidden', GIT_SIDECAR_STATE: '/s' });
    expect([status, stdout]).toEqual([0, expect.stringContaining('compat mode v4')]);
    expect(stdout).not.toContain('hidden');
    if (name !== 'sync') expect(stdout).toContain(`${name} speaks v4`);
  });
});

test('a value that is not allowed is refused in the same words and with the same status by every service', async () => {
  for (const argv of [
    ['sync', '--repo=/r', '--root=/x', '--log-format=xml'],
    ['run', '--link=/l', '--log-format=xml', '--', 'true'],
    ['relay', '--root=/x', '--http-bind=:1', '--allow=https://h/*', '--log-format=xml'],
  ]) {
    const { status, stderr } = await say(argv);
    expect([status, stderr], argv.join(' ')).toEqual([
      1,
      expect.stringContaining('ERROR: --log-format must be one of json, text, auto\nERR_CONFIG_INVALID: '),
    ]);
  }
});

test('a secret in a refused value is shown by no command', async () => {
  for (const name of EVERY_COMMAND) {
    const { stdout, stderr } = await say([name, '--pasword=hidden', '--period=https://u:hidden@h']);
    expect(stdout + stderr).not.toContain('hidden');
  }
});

test('a command line works the same under the name git-sync', async () => {
  const said: string[] = [];
  const io: Io = { stdout: (text) => said.push(text), stderr: (text) => said.push(text), stderrIsTerminal: false };
  expect(await perform(COMMANDS.sync, ['--help'], 'git-sync', { env: {}, cwd: '/', io })).toBe(0);
  expect(said.join('')).toContain('usage: git-sync --repo=URL');
});
