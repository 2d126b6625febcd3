import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes on disk below a directory, links counted once, as du(1) does; what goes away meanwhile is left out. */
export function diskOf(directory: string, seen = new Set<bigint>()): number {
  let sum = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    try {
      const stat = statSync(path, { bigint: true });
      if (entry.isSymbolicLink() || seen.has(stat.ino)) continue;
      seen.add(stat.ino);
      sum += Number(stat.blocks) * 512;
      if (entry.isDirectory()) sum += diskOf(path, seen);
    } catch {
      // It has gone since the directory was read.
    }
  }
  return sum;
}
