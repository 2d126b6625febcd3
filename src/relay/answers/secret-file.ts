import { readFile } from 'node:fs/promises';
import { messageOf } from '../../model/error.ts';
import { fileStamp } from '../../platform/file-stamp.ts';
import { whyUnreadable } from '../../platform/unreadable.ts';
import { DeliveryFailure } from './delivery-failure.ts';

/**
 * The text of a file with one secret, read anew each time, so that it can be replaced.
 * @param learn hides the secret from everything that is shown
 * @throws DeliveryFailure
 */
export async function readSecretFile(path: string, learn: (secret: string) => void): Promise<string> {
  const fail = (detail: string, cause?: unknown): DeliveryFailure =>
    new DeliveryFailure({
      verdict: 'blocked',
      op: 'read',
      target: path,
      detail,
      cause,
      hint: 'Put the secret into this file, one line; it is read again when it changes.',
    });
  const text = await readFile(path, 'utf8').catch(async (cause: unknown) => {
    throw fail((await whyUnreadable(path)) ?? messageOf(cause), cause);
  });
  const secret = text.replace(/^\uFEFF/, '').trim();
  if (secret === '') throw fail('the file is empty');
  if (/[\r\n\0]/.test(secret)) throw fail('the file has more than one line');
  learn(secret);
  return secret;
}

/** Differs when one of the files was written, replaced or removed. */
export async function stampOfFiles(paths: readonly (string | undefined)[]): Promise<string> {
  const stamps = paths.map(async (path) => (path === undefined ? '' : await fileStamp(path).catch(() => 'missing')));
  return (await Promise.all(stamps)).join('\n');
}
