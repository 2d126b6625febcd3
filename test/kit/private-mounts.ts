import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterEach } from 'vitest';
import { notTried } from '../peers/not-tried.ts';

/** A mount namespace of its own: what is mounted in it is seen by nobody else, and goes away with it. */
export interface PrivateMounts {
  /** The words that start a command in the namespace. */
  readonly enter: readonly string[];
  bind(from: string, to: string): void;
  /** An empty volume of so many MiB. */
  tmpfs(path: string, mebibytes: number): void;
  /** Runs a program in the namespace; returns what it prints. */
  command(file: string, ...args: string[]): string;
  unbind(path: string): void;
  /** Runs a program that imports this project's source in the namespace; returns what it prints. */
  run(directory: string, source: string): string;
}

const holders: { readonly end: () => void }[] = [];
afterEach(() => {
  for (const holder of holders.splice(0)) holder.end();
});

/** Opens one for the running test; undefined, with the reason printed, where that cannot be. */
export function openPrivateMounts(): PrivateMounts | undefined {
  const holder = spawn('unshare', ['-m', '--propagation', 'private', 'sleep', '600'], { stdio: 'ignore' });
  holders.push({ end: () => void holder.kill('SIGKILL') });
  const enter = ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`, '--'];
  const run = (file: string, ...args: string[]): string =>
    execFileSync(enter[0] as string, [...enter.slice(1), file, ...args], { encoding: 'utf8', stdio: 'pipe' });
  try {
    waitForNamespace(run);
  } catch (error) {
    notTried(`no mount namespace can be opened here (needs root and unshare): ${error}`);
    return undefined;
  }
  return {
    enter,
    bind: (from, to) => void run('mount', '--bind', from, to),
    tmpfs: (path, mebibytes) => void run('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'none', path),
    command: run,
    unbind: (path) => void run('umount', path),
    run: (directory, source) => run(process.execPath, bundle(directory, source)),
  };
}

/** Until unshare has done its work the process is still in our own namespace, in which nothing may be mounted. */
function waitForNamespace(run: (file: string, ...args: string[]) => string): void {
  const ours = execFileSync('readlink', ['/proc/self/ns/mnt'], { encoding: 'utf8' });
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if (run('readlink', '/proc/self/ns/mnt') !== ours) return;
    execFileSync('sleep', ['0.02']);
  }
  throw new Error('it did not open');
}

/** Bundles a program that imports this project's source; returns its path. */
export function bundle(directory: string, source: string): string {
  const outfile = join(directory, 'in-namespace.cjs');
  mkdirSync(directory, { recursive: true });
  buildSync({
    stdin: { contents: source, resolveDir: join(import.meta.dirname, '../..'), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile,
  });
  return outfile;
}

/** Makes a file undeletable, or deletable again (chattr(1)). @returns false, with the reason printed, where that cannot be */
export function setImmutable(path: string, immutable: boolean): boolean {
  try {
    execFileSync('chattr', [immutable ? '+i' : '-i', path], { stdio: 'pipe' });
    return true;
  } catch (error) {
    notTried(`no file can be made immutable here (needs root and ext4 or xfs): ${error}`);
    return false;
  }
}
