import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildRunConfig } from '../../src/config/build-run-config.ts';
import { load } from '../../src/config/load.ts';
import type { RunConfig } from '../../src/config/run-config.ts';
import { checkSurroundings } from '../../src/run/surroundings.ts';
import { tempDir } from '../kit/temp.ts';

function configOf(...options: string[]): RunConfig {
  const env = { PATH: process.env.PATH ?? '' };
  const words = [`--link=${join(tempDir(), 'link')}`, ...options, '--', process.execPath];
  return buildRunConfig(load('run', words, env), env, '/');
}

describe('where there is no shell', () => {
  test.each([
    ['--build', ['--build=make']],
    ['--ready-exec', ['--ready-exec=true']],
    ['--reload-exec', ['--reload-exec=true', '--into=/var/empty-git-sidecar']],
    ['--rollback-exec', ['--rollback-exec=true']],
    ['--build and --rollback-exec', ['--rollback-exec=true', '--build=make']],
  ])('%s is refused at the start, by name', async (name, options) => {
    const refused = checkSurroundings(configOf(...options), true, '/no/bin/sh');
    await expect(refused).rejects.toMatchObject({
      code: 'ERR_RUN_COMMAND',
      detail: `it is missing here, and runs the line of ${name}`,
    });
  });

  test('a program that needs none is run', async () => {
    await checkSurroundings(
      configOf('--ready-delay=1s', '--reload-signal=HUP', `--into=${tempDir()}`),
      true,
      '/no/bin/sh',
    );
  });
});
