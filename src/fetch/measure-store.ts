import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../model/error.ts';

/** What a repository keeps its objects in. */
export interface StoreSize {
  readonly packs: number;
  /** Objects that are files of their own. */
  readonly loose: number;
  /** On disk. */
  readonly bytes: number;
}

const BLOCK_BYTES = 512;

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory, 'latin1');
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}

/** 0 for one that has gone meanwhile. */
function bytesOnDisk(path: string): number {
  return (lstatSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * BLOCK_BYTES;
}

/** Counts as `git count-objects -v` does (gitrepository-layout, "objects"), without a process. */
export function measureStore(gitDir: string): StoreSize {
  const objects = join(gitDir, 'objects');
  let [packs, loose, bytes] = [0, 0, 0];
  for (const name of namesIn(objects)) {
    if (!/^[0-9a-f]{2}$/.test(name)) continue;
    for (const object of namesIn(join(objects, name))) {
      if (!/^[0-9a-f]+$/.test(object)) continue;
      loose += 1;
      bytes += bytesOnDisk(join(objects, name, object));
    }
  }
  for (const name of namesIn(join(objects, 'pack'))) {
    if (!/\.(?:pack|idx)$/.test(name)) continue;
    if (name.endsWith('.pack')) packs += 1;
    bytes += bytesOnDisk(join(objects, 'pack', name));
  }
  return { packs, loose, bytes };
}
