import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createFlush } from '../../src/platform/flush.ts';
import { createProcessRunner } from '../../src/platform/process/runner.ts';
import { tempDir } from '../kit/temp.ts';

const { signal } = new AbortController();
const runner = createProcessRunner();

/** A program called `sync` that ends with this status. */
function programs(status: number): { readonly env: { PATH: string }; readonly called: string } {
  const directory = tempDir();
  const called = join(directory, 'called');
  writeFileSync(join(directory, 'sync'), `#!/bin/sh\necho "$@" > ${called}\nexit ${status}\n`, { mode: 0o755 });
  return { env: { PATH: directory }, called };
}

function tree(): string {
  const path = tempDir();
  mkdirSync(join(path, 'd'));
  writeFileSync(join(path, 'd', 'f'), 'x');
  symlinkSync('nowhere', join(path, 'd', 'link'));
  return path;
}

test.each([
  ['there is no program for whole file systems', { PATH: '/nonexistent' }],
  ['that program cannot do it', programs(1).env],
])('where %s, each file is flushed, and what cannot be is an error', async (_what, env) => {
  const flush = createFlush({ runner, env });
  await flush([tree()], signal);
  await expect(flush([join(tree(), 'absent')], signal)).rejects.toThrow('ENOENT');
});

test('an order to stop ends it', async () => {
  const flush = createFlush({ runner, env: { PATH: '/nonexistent' } });
  await expect(flush([tree()], AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
});
