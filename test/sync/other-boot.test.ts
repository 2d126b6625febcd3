import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { script } from '../kit/script.ts';
import { fixture } from '../kit/setup.ts';
import { published, untilPublished } from '../kit/sidecar.ts';

test('published files that cannot be read in time after a start of the machine fail no cycle', async () => {
  const { dir, first, link, root, start } = fixture();
  const before = start();
  await untilPublished(link, first, before);
  await before.stop();
  const state = join(root, '.git', 'git-sidecar', 'state.json');
  writeFileSync(state, JSON.stringify({ ...JSON.parse(readFileSync(state, 'utf8')), boot: 'another' }));
  const git = script(join(dir, 'git'), 'case "$*" in *update-index*) exec sleep 60 ;; esac', 'exec git "$@"');
  const process = start(`--git=${git}`, '--sync-timeout=6s', '-v=4');
  expect((await process.logged('could not be read in time')).error).toBeUndefined();
  await process.logged('next sync');
  expect(process.stderr).not.toContain('sync failed');
  expect(published(link)).toBe(first);
  await process.stop();
});
