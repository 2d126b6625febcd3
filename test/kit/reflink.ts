import './temp.ts'; // Its clean-up has to come last, so it has to register first.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { notTried } from '../peers/not-tried.ts';
import { tempDir } from './temp.ts';

const mounted: string[] = [];
afterEach(() => {
  for (const path of mounted.splice(0)) execFileSync('umount', [path]);
});

/** A small XFS in a file, mounted for the running test; undefined, with the reason printed, where that cannot be. */
export function reflinkDirectory(): string | undefined {
  const directory = tempDir();
  const [image, mountPoint] = [join(directory, 'image'), join(directory, 'mounted')];
  try {
    mkdirSync(mountPoint);
    execFileSync('truncate', ['-s', '320M', image]);
    execFileSync('mkfs.xfs', ['-q', '-m', 'reflink=1', image], { stdio: 'ignore' });
    execFileSync('mount', ['-o', 'loop', image, mountPoint], { stdio: 'ignore' });
  } catch {
    notTried('no file system that clones files can be mounted here (needs root, mkfs.xfs and a loop device)');
    return undefined;
  }
  mounted.push(mountPoint);
  return mountPoint;
}
