import { readFileSync, readlinkSync } from 'node:fs';

/** proc(5), "mountinfo": space, tab, newline and backslash are written as octal numbers. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** The last mount point at or above `path` in a mount table; of several at one place the last, which hides the others. */
export function mountPointOf(path: string, table: string): string {
  let [found, id] = ['', ''];
  for (const line of table.split('\n')) {
    const [number = '', , , , escaped = ''] = line.split(' ');
    const point = unescapeOctal(escaped);
    const isAbove = path === point || path.startsWith(point.endsWith('/') ? point : `${point}/`);
    if (point !== '' && isAbove && point.length >= found.length) [found, id] = [point, number];
  }
  return id;
}

/** Mount points strictly below `path`, which is a real path; none where there is no mount table. */
export function mountPointsBelow(path: string): string[] {
  let table: string;
  try {
    table = readFileSync('/proc/self/mountinfo', 'latin1');
  } catch {
    return [];
  }
  const above = `${Buffer.from(path).toString('latin1')}/`;
  const points = table.split('\n').map((line) => unescapeOctal(line.split(' ')[4] ?? ''));
  return points.filter((point) => point.startsWith(above)).map((point) => Buffer.from(point, 'latin1').toString());
}

/**
 * The mount of an open file from the mount table, for kernels that do not say it with the descriptor (gVisor).
 * @param descriptor `/proc/self/fd/N`
 */
export function mountFromTable(descriptor: string): string {
  const path = readlinkSync(descriptor, 'latin1');
  return `mount ${mountPointOf(path, readFileSync('/proc/self/mountinfo', 'latin1'))}`;
}
