import { mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { openSocketDirectory } from '../../src/git/ssh-connections.ts';
import { silentLog } from '../kit/silent-log.ts';
import { tempDir } from '../kit/temp.ts';

/** Where sockets are for a process whose private directory has a path of so many bytes. */
async function openFor(length: number): Promise<{ readonly directory: string; readonly sockets: string | undefined }> {
  const root = tempDir();
  const directory = join(root, 'x'.repeat(length - root.length - 1));
  mkdirSync(directory, { recursive: true });
  const sockets = await openSocketDirectory({ directory, root, log: silentLog });
  return { directory, sockets };
}

test('sockets are in the private directory as long as their paths are no longer than a socket may have', async () => {
  const { directory, sockets } = await openFor(49);
  expect(sockets).toBe(directory);
  // What ssh appends while it binds the socket, and the zero at the end.
  expect(`${sockets}/${'0'.repeat(40)}.${'X'.repeat(16)}\0`.length).toBeLessThanOrEqual(108);
});

test('where it is longer they are in a directory of their own that nobody else can read', async () => {
  const { directory, sockets = '' } = await openFor(50);
  expect(sockets).not.toBe(directory);
  expect(dirname(sockets)).toBe('/tmp');
  expect(statSync(sockets).mode & 0o777).toBe(0o700);
  rmSync(sockets, { recursive: true });
});
