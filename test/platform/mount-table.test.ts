import { expect, test } from 'vitest';
import { mountPointOf } from '../../src/platform/mount-table.ts';

const TABLE = [
  '20 1 0:20 / / rw - overlay overlay rw',
  '31 20 8:1 / /data rw,relatime shared:1 - ext4 /dev/sda1 rw',
  '32 31 8:1 /x /data/a\\040b rw - ext4 /dev/sda1 rw',
  '33 31 8:1 /y /data/a\\040b rw - ext4 /dev/sda1 rw',
  '',
].join('\n');

test.each([
  ['/', '20'],
  ['/database', '20'],
  ['/data', '31'],
  ['/data/a', '31'],
  ['/data/a b/c', '33'],
])('without the kernel’s word for a descriptor, %s is on the mount that hides all others there', (path, id) => {
  expect(mountPointOf(path, TABLE)).toBe(id);
});
