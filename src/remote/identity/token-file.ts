import { readFile } from 'node:fs/promises';
import { messageOf, SidecarError } from '../../model/error.ts';
import { whyUnreadable } from '../../platform/unreadable.ts';

/** The text of a file that proves who we are. @throws SidecarError ERR_REMOTE_CREDENTIAL_SOURCE */
export async function readProof(what: string, path: string, hint: string): Promise<string> {
  const fail = (detail: string, cause?: unknown): SidecarError =>
    new SidecarError('ERR_REMOTE_CREDENTIAL_SOURCE', { op: `read ${what}`, target: path, detail, cause, hint });
  const text = await readFile(path, 'utf8').catch(async (cause: unknown) => {
    throw fail((await whyUnreadable(path)) ?? messageOf(cause), cause);
  });
  if (text.trim() === '') throw fail('the file is empty');
  return text;
}

/** A token that somebody keeps fresh in a file, such as the kubelet. @throws SidecarError ERR_REMOTE_CREDENTIAL_SOURCE */
export async function readTokenFile(path: string, learn: (secret: string) => void): Promise<string> {
  const hint = `Mount a projected service-account token at ${path}; see the Pod of this identity in docs/identities.md.`;
  const token = (await readProof('the token file', path, hint)).trim();
  learn(token);
  return token;
}
