import { isAbsolute, relative } from 'node:path';

/** `path` is `directory` or something below it; both absolute. Names alone decide: nothing is looked at. */
export function isInside(path: string, directory: string): boolean {
  const inner = relative(directory, path);
  return inner !== '..' && !inner.startsWith('../') && !isAbsolute(inner);
}
