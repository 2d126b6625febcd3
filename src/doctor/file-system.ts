import { readFileSync } from 'node:fs';
import { mountPointOf } from '../platform/mount-table.ts';

/** The type of the file system that holds a real path, as mount(8) names it; a word for it where there is no mount table. */
export function fileSystemOf(path: string): string {
  try {
    const table = readFileSync('/proc/self/mountinfo', 'latin1');
    const id = mountPointOf(Buffer.from(path).toString('latin1'), table);
    const line = table.split('\n').find((each) => each.startsWith(`${id} `));
    return line?.split(' - ')[1]?.split(' ')[0] ?? 'file system';
  } catch {
    return 'file system';
  }
}
