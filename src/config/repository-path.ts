import { normalize } from 'node:path';
import { refuseIf } from './validation.ts';

/** What git writes into no tree, and what a line of patterns cannot hold. */
const CONTROL = /[\p{Cc}]/u;
/** Stands for bytes that are no UTF-8: the command line is text by the time that we see it. */
const REPLACED = '\u{fffd}';

/**
 * A directory of a repository, from its top.
 * @returns it without slashes at its ends; undefined for the top itself
 * @throws InvalidOption when no commit can have it
 */
export function parseRepositoryPath(option: string, text: string): string | undefined {
  const shown = `${option} ${JSON.stringify(text)}`;
  refuseIf(text.startsWith('/'), `${shown} must be relative: it starts at the top of the repository`, false);
  refuseIf(CONTROL.test(text) || text.includes(REPLACED), `${shown} cannot be used: its name is no plain text`, false);
  const path = text === '' ? '.' : normalize(text).replace(/\/+$/, '');
  const names = path.split('/');
  refuseIf(names.includes('..'), `${shown} must stay inside the repository`, false);
  refuseIf(
    names.some((name) => name.toLowerCase() === '.git'),
    `${shown} cannot be used: no commit holds a .git`,
    false,
  );
  return path === '.' ? undefined : path;
}
