import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { notTried } from './not-tried.ts';

const DIRECTORIES = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

/** Full path of a program, or undefined when this machine lacks it. */
export function findProgram(name: string): string | undefined {
  return DIRECTORIES.map((directory) => join(directory, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** For `describe.skipIf`: true, with the reason printed, when one of `names` is missing. */
export function missing(...names: string[]): boolean {
  const absent = names.filter((name) => findProgram(name) === undefined);
  if (absent.length > 0) notTried(`this machine lacks ${absent.join(', ')}`);
  return absent.length > 0;
}
