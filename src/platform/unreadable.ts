import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, systemCode } from '../model/error.ts';

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function whoWeAre(): string {
  const groups = [process.getgid?.(), ...(process.getgroups?.() ?? [])].filter((gid) => gid !== undefined);
  return `this process is user ${process.getuid?.()} with group ${[...new Set(groups)].join(', ')}`;
}

/** The first directory above `path` that is not there, for a volume that is not mounted. */
async function firstMissing(path: string): Promise<string | undefined> {
  const parent = dirname(path);
  if (parent === path) return undefined;
  const isThere = await stat(parent).then(
    () => true,
    (error: unknown) => systemCode(error) !== 'ENOENT',
  );
  return isThere ? undefined : ((await firstMissing(parent)) ?? parent);
}

/** Why this process cannot read the file at `path`, as a text for the user; undefined when it can. */
export async function whyUnreadable(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.R_OK);
    return (await stat(path)).isDirectory() ? 'it is a directory (EISDIR)' : undefined;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') {
      const missing = await firstMissing(path);
      return missing === undefined
        ? 'there is no such file (ENOENT)'
        : `there is no such file, nor the directory ${missing} (ENOENT)`;
    }
    if (code !== 'EACCES') return messageOf(error);
    const found = await stat(path).catch(() => undefined);
    if (!found) return `a directory above it may not be entered (EACCES); ${whoWeAre()}`;
    return `it may not be read (EACCES): mode ${octal(found.mode)}, owner ${found.uid}:${found.gid}; ${whoWeAre()}`;
  }
}
