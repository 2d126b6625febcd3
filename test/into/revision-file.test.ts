import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RevisionFile } from '../../src/into/revision-file.ts';
import type { Oid } from '../../src/model/oid.ts';
import { tempDir } from '../kit/temp.ts';

const OID = 'a'.repeat(40) as Oid;

test.each([
  ['private', 0o600],
  ['executable', 0o777],
  ['unreadable', 0o000],
])('a revision file that somebody made %s is written anew', async (_what, mode) => {
  const directory = tempDir();
  const file = new RevisionFile(directory, '.revision');
  await file.show(OID);
  const before = statSync(file.path).mode;
  chmodSync(file.path, mode);
  expect(await file.shows(OID)).toBe(false);
  await file.show(OID);
  expect(statSync(file.path).mode).toBe(before);
  expect(readFileSync(file.path, 'utf8')).toBe(`${OID}\n`);
});

test('one that got more permissions stays as it is, and one with another commit does not', async () => {
  const directory = tempDir();
  const file = new RevisionFile(directory, '.revision');
  await file.show(OID);
  chmodSync(file.path, 0o664);
  expect(await file.shows(OID)).toBe(true);
  writeFileSync(join(directory, '.revision'), 'another\n');
  expect(await file.shows(OID)).toBe(false);
});
