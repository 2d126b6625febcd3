import { dirname, resolve } from 'node:path';
import type { Fields } from './fields.ts';
import type { Problems } from './problems.ts';
import { checkTemplate, OF_COMMIT } from './read-templates.ts';

/** Secrets stand in files; relative paths begin at the directory of the file that names them. */
export function readFilePath(fields: Fields, key: string, path: string): string | undefined {
  const text = fields.text(key);
  return text === undefined ? undefined : resolve(dirname(path), text);
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\/[^\s/?#]/i.test(text) && URL.canParse(text);
}

/** A URL without anything secret in it. */
export function readPlainUrl(fields: Fields, key: string): string | undefined {
  const text = fields.text(key);
  if (text === undefined) return undefined;
  if (!isHttpUrl(text)) return fields.complain(key, 'must be a URL that begins with https:// or http://');
  const { username, password } = new URL(text);
  if (username !== '' || password !== '')
    return fields.complain(key, 'holds a user or a password; put the secret into token-file');
  return text;
}

/** The address of a page about a commit, which may have placeholders. */
export function readPageUrl(fields: Fields, problems: Problems): string | undefined {
  const text = fields.text('page-url');
  if (text === undefined) return undefined;
  checkTemplate(text, fields.placeOf('page-url'), problems, OF_COMMIT);
  if (isHttpUrl(text.replace(/\{\{[^{}]*\}\}/g, 'x'))) return text;
  return fields.complain('page-url', 'must be a URL that begins with https:// or http://');
}
