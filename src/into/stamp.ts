import type { Stats } from 'node:fs';

/**
 * A file or link as it was when it was looked at. No program can set the change time, so a file with the same stamp was
 * not touched since.
 */
export interface Stamp {
  readonly kind: 'file' | 'link';
  readonly mode: number;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
}

const PERMISSIONS = 0o7777;
const EXECUTE = 0o100;

/** undefined for what is neither a file nor a link. */
export function stampOf(stat: Stats): Stamp | undefined {
  const kind = stat.isFile() ? 'file' : stat.isSymbolicLink() ? 'link' : undefined;
  if (!kind) return undefined;
  const { size, mtimeMs, ctimeMs, ino } = stat;
  return { kind, mode: stat.mode & PERMISSIONS, size, mtimeMs, ctimeMs, ino };
}

/** A stamp that no file has: what it stands for has to be looked at. */
export function inDoubt(stamp: Stamp): Stamp {
  return { ...stamp, ctimeMs: 0 };
}

export function isInDoubt({ ctimeMs }: Stamp): boolean {
  return ctimeMs === 0;
}

/** The same file with the same content, as far as size and modification time tell; a rename does not change these. */
export function isSameFile(one: Stamp, other: Stamp): boolean {
  return one.kind === other.kind && one.size === other.size && one.mtimeMs === other.mtimeMs && one.ino === other.ino;
}

/** Nobody touched it. */
export function isSameStamp(one: Stamp, other: Stamp): boolean {
  return isSameFile(one, other) && one.mode === other.mode && one.ctimeMs === other.ctimeMs;
}

/**
 * A file with `actual` permissions can stay: it has all that were `wanted`, and is executable only if it should be.
 * Kubernetes adds permissions for a group (`fsGroup`), and that is no reason to write every file anew.
 */
export function isAllowedMode(actual: number, wanted: number): boolean {
  return (actual & wanted) === wanted && (actual & EXECUTE) === (wanted & EXECUTE);
}
