import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Where an executable file of this name is, as execvp(3) looks for it; undefined when nowhere. */
export async function findProgram(program: string, searchPath: string | undefined): Promise<string | undefined> {
  const places = program.includes('/')
    ? [program]
    : (searchPath ?? DEFAULT_PATH).split(delimiter).map((directory) => join(directory || '.', program));
  for (const place of places) if (await isExecutable(place)) return place;
  return undefined;
}
