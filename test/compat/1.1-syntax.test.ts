import { describe, expect, test } from 'vitest';
import { load } from '../../src/config/load.ts';
import type { CompatMode } from '../../src/config/option.ts';
import { SidecarError } from '../../src/model/error.ts';
import { run } from '../kit/sidecar.ts';

function settings(mode: CompatMode, ...argv: string[]) {
  return load('sync', [`--compat=${mode}`, ...argv], {}).settings;
}

function refusal(mode: CompatMode, ...argv: string[]): SidecarError {
  try {
    settings(mode, ...argv);
  } catch (error) {
    if (error instanceof SidecarError) return error;
  }
  throw new Error(`${argv.join(' ')} was accepted`);
}

describe('compat 1.1 flag syntax', () => {
  test('one dash: v3 takes -repo=x and -repo x, v4 refuses them with exit 2', async () => {
    expect(settings('v3', '-repo=x').text('repo')).toBe('x');
    expect(settings('v3', '-repo', 'x').text('repo')).toBe('x');
    expect(refusal('v4', '-repo=x').detail).toContain('unknown shorthand flag');
    expect((await run(['--compat=v4', '-repo=x'])).code).toBe(2);
  });

  test('two dashes: --repo=x and --repo x in every mode', () => {
    for (const mode of ['v3.1', 'v3', 'v4'] as const) {
      expect(settings(mode, '--repo=x').text('repo')).toBe('x');
      expect(settings(mode, '--repo', 'x').text('repo')).toBe('x');
    }
  });

  test('a word that is no flag: v3 stops parsing there, v4 reads on', () => {
    expect(settings('v3', '--repo=x', 'word', '--depth=3').number('depth')).toBe(0);
    expect(settings('v4', '--repo=x', 'word', '--depth=3').number('depth')).toBe(3);
    expect(load('sync', ['--compat=v3', 'word', '--depth=3'], {}).notices.join()).toContain('word --depth=3');
  });

  test('bool: bare or =v; `--one-time true` leaves `true` as a word', () => {
    expect(settings('v3', '--one-time').flag('one-time')).toBe(true);
    expect(settings('v4', '--one-time=F').flag('one-time')).toBe(false);
    expect(settings('v3', '--one-time', 'true', '--depth=3').number('depth')).toBe(0);
    expect(settings('v4', '--one-time', 'true', '--depth=3').number('depth')).toBe(3);
  });

  test.each(['1', 't', 'T', 'TRUE', 'true', 'True', '0', 'f', 'F', 'FALSE', 'false', 'False'])(
    'bool word %s',
    (word) => {
      for (const mode of ['v3', 'v4'] as const)
        expect(settings(mode, `--one-time=${word}`).flag('one-time')).toBe(/^(1|t)/i.test(word));
    },
  );

  test.each(['yes', 'maybe', ''])('%j is no bool', (word) => {
    expect(refusal('v4', `--one-time=${word}`).code).toBe('ERR_CONFIG_USAGE');
    expect(refusal('v3', `--one-time=${word}`).code).toBe('ERR_CONFIG_USAGE');
  });

  test.each([
    ['0x2', 2],
    ['07', 7],
    ['1_0', 10],
    ['-1', -1],
    ['+4', 4],
    ['0b11', 3],
    ['0o17', 15],
  ])('int %s is %i', (text, value) => {
    expect(settings('v4', `--max-failures=${text}`).number('max-failures')).toBe(value);
    expect(settings('v3', `--max-sync-failures=${text}`).number('max-sync-failures')).toBe(value);
  });

  test.each(['1__0', '_1', '1_', '08', 'x', '1.5', ''])('%j is no int', (text) => {
    expect(refusal('v4', `--depth=${text}`).code).toBe('ERR_CONFIG_USAGE');
  });

  test('parse error: exit 2; v4 says why on both streams, v3 on stderr only', async () => {
    const v4 = await run(['--compat=v4', '--nope']);
    expect([v4.code, v4.stdout.includes('unknown flag: --nope'), v4.stderr.includes('unknown flag: --nope')]).toEqual([
      2,
      true,
      true,
    ]);
    const v3 = await run(['--compat=v3', '--nope']);
    expect([v3.code, v3.stdout, v3.stderr.includes('flag provided but not defined: -nope')]).toEqual([2, '', true]);
  });

  test('-h and --help: exit 0; v3 on stderr, v4 on stdout, -? too', async () => {
    const v3 = await run(['--compat=v3', '-h']);
    expect([v3.code, v3.stdout, v3.stderr.includes('--branch')]).toEqual([0, '', true]);
    for (const flag of ['-h', '--help', '-?']) {
      const v4 = await run(['--compat=v4', flag]);
      expect([flag, v4.code, v4.stderr, v4.stdout.includes('--ref')]).toEqual([flag, 0, '', true]);
    }
  });

  test('-help: v3 ok, v4 exit 2', async () => {
    expect((await run(['--compat=v3', '-help'])).code).toBe(0);
    expect((await run(['--compat=v4', '-help'])).code).toBe(2);
  });

  test('--version prints the release on stdout; v4 takes -version for -v ersion', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, stderr: '' });
    expect((await run(['--compat=v3', '-version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(refusal('v4', '-version').detail).toContain('"ersion"');
  });

  test('--man: v4 prints the manual on stdout, v3 has none', async () => {
    expect((await run(['--man'])).stdout).toContain('SYNOPSIS');
    expect(refusal('v3', '--man').code).toBe('ERR_CONFIG_USAGE');
  });

  test.each([[['-v', '5']], [['-v5']], [['-v=5']], [['--verbose', '5']], [['--verbose=5']], [['--v=5']]])(
    'v4 verbosity %j',
    (argv) => {
      expect(settings('v4', ...argv).number('verbose')).toBe(5);
    },
  );

  test('v3 verbosity: -v N and --v=N; glog’s other flags are accepted', () => {
    expect(settings('v3', '-v', '5').number('verbose')).toBe(5);
    expect(settings('v3', '--v=5').number('verbose')).toBe(5);
    expect(
      settings('v3', '-logtostderr', '-stderrthreshold=0', '-vmodule=x', '-log_dir', '/x', '-alsologtostderr=false')
        .mode,
    ).toBe('v3');
    expect(refusal('v4', '--logtostderr', '--log_dir=x').code).toBe('ERR_CONFIG_USAGE');
  });

  test('a prefix of a flag is not the flag, and the nearest one is suggested', () => {
    expect(refusal('v4', '--rep=x').hint).toBe('Did you mean --repo?');
    expect(refusal('v3', '-brnach=x').hint).toBe('Did you mean --branch?');
  });

  test('v4’s hidden flags stand for variables', () => {
    expect(settings('v4', '--__env__GITSYNC_PASSWORD=x').text('password')).toBe('x');
    expect(settings('v4', '--__env__GITSYNC_GITHUB_APP_PRIVATE_KEY=x').text('github-app-private-key')).toBe('x');
    expect(refusal('v4', '--github-app-private-key=x').code).toBe('ERR_CONFIG_USAGE');
  });

  test('a missing value is an error', () => {
    expect(refusal('v4', '--repo').detail).toContain('needs an argument');
    expect(refusal('v3', '-repo').detail).toContain('needs an argument');
  });

  test('durations: Go’s forms only', () => {
    for (const [text, ms] of [
      ['1h2m3s', 3_723_000],
      ['1.5s', 1500],
      ['300ms', 300],
      ['2us', 0.002],
      ['0', 0],
    ] as const) {
      expect(settings('v4', `--period=${text}`).number('period')).toBeCloseTo(ms, 6);
    }
    for (const text of ['10', 's', '1d', '', '1 s'])
      expect(refusal('v4', `--period=${text}`).code).toBe('ERR_CONFIG_USAGE');
  });

  test('--wait: decimal seconds, 1e-1 too, 1s not; truncated to milliseconds', () => {
    expect(settings('v3', '--wait=1e-1').number('wait')).toBeCloseTo(0.1);
    expect(refusal('v3', '--wait=1s').code).toBe('ERR_CONFIG_USAGE');
  });
});
