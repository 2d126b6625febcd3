import { type BigIntStats, closeSync, lstatSync, mkdirSync, openSync, rmdirSync, unlinkSync } from 'node:fs';
import { temporaryName } from '../platform/atomic-file.ts';
import { type BytePath, systemPath } from '../platform/byte-path.ts';
import type { IndexEntry } from './index-file.ts';

const NANOSECONDS = 1_000_000_000n;
const SYMLINK_MODE = 0o120000;
const PERMISSIONS = 0o7777;

/** Permissions and owner that a file gets when git makes it here, now. */
export interface FreshModes {
  readonly file: number;
  readonly executable: number;
  readonly directory: number;
  readonly uid: bigint;
  readonly gid: bigint;
}

/** Finds out by making such files: umask, inherited groups, access lists and odd file systems all have their say. */
export function probeFreshModes(directory: string): FreshModes {
  const path = temporaryName(directory, '.tmp-git-sidecar');
  const probe = (make: () => void, remove: (path: string) => void): BigIntStats => {
    make();
    const stat = lstatSync(path, { bigint: true });
    remove(path);
    return stat;
  };
  const touch = (mode: number) => () => closeSync(openSync(path, 'wx', mode));
  const permissions = ({ mode }: BigIntStats): number => Number(mode) & PERMISSIONS;
  const file = probe(touch(0o666), unlinkSync);
  return {
    file: permissions(file),
    executable: permissions(probe(touch(0o777), unlinkSync)),
    directory: permissions(probe(() => mkdirSync(path, 0o777), rmdirSync)),
    uid: file.uid,
    gid: file.gid,
  };
}

/** `lstat` in nanoseconds; undefined where there is nothing, or something that cannot be looked at. */
export function lstatExactly(path: BytePath): BigIntStats | undefined {
  try {
    return lstatSync(systemPath(path), { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/**
 * True when no program can have touched the file since git wrote it: all that an index records is the same, above all
 * the change time, which no program can set; and permissions and owner are those of a fresh file. A change in the very
 * instant in which the worktree was finished would not show, so a file from that instant is regarded as touched.
 */
export function isUntouched(entry: IndexEntry, stat: BigIntStats, modes: FreshModes, finishedAtNs: bigint): boolean {
  if (entry.mode === SYMLINK_MODE) {
    if (!stat.isSymbolicLink()) return false;
  } else {
    const expected = (entry.mode & 0o100) === 0 ? modes.file : modes.executable;
    if (!stat.isFile() || (Number(stat.mode) & PERMISSIONS) !== expected) return false;
  }
  return (
    stat.uid === modes.uid &&
    stat.gid === modes.gid &&
    Number(stat.size & 0xffff_ffffn) === entry.size &&
    stat.mtimeNs === BigInt(entry.mtimeSeconds) * NANOSECONDS + BigInt(entry.mtimeNanoseconds) &&
    stat.ctimeNs === BigInt(entry.ctimeSeconds) * NANOSECONDS + BigInt(entry.ctimeNanoseconds) &&
    stat.ctimeNs < finishedAtNs
  );
}
