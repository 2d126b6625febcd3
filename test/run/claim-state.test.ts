import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claimStateDirectory, takeStateDirectory } from '../../src/run/claim-state.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';

test('what a killed run was about to write is removed by the next one, and by no other that is refused', async () => {
  const path = join(tempDir(), 'state');
  await claimStateDirectory(path);
  const leave = (): void => writeFileSync(join(path, '.tmp-git-sidecar.0123456789abcdef'), '{');
  const left = (): string[] => readdirSync(path).filter((name) => name.startsWith('.tmp'));
  leave();
  const release = await takeStateDirectory(path, silentLog);
  expect(left()).toEqual([]);
  leave();
  await expect(takeStateDirectory(path, silentLog)).rejects.toThrow('another run is at work with it');
  expect(left()).toHaveLength(1);
  release();
});
