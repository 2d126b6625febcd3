import { readdirSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // It ended meanwhile, or belongs to a user whose processes we may not look at.
    return '';
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/**
 * Processes that work inside the directory `path`: their current or root directory, or a file they hold open, is in it.
 * A process of another container shows the path as its own mount has it, so only the directory's name is compared; no
 * other directory may have this name. Linux only (proc(5)); only processes that we can see, which in a Pod means a
 * shared process namespace.
 */
export async function findOccupants(path: string): Promise<number[]> {
  const name = `/${basename(path)}`;
  const isInside = (link: string): boolean => link.endsWith(name) || link.includes(`${name}/`);
  const found: number[] = [];
  for (const entry of namesIn('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const directory = `/proc/${entry}`;
    const isOccupant =
      isInside(linkOf(`${directory}/cwd`)) ||
      isInside(linkOf(`${directory}/root`)) ||
      namesIn(`${directory}/fd`).some((file) => isInside(linkOf(`${directory}/fd/${file}`)));
    if (isOccupant) found.push(pid);
    await setImmediate();
  }
  return found;
}
