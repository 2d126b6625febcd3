import { createHash } from 'node:crypto';
import type { Credential } from '../model/credential.ts';
import { isOfKind } from '../model/error.ts';
import type { UploadPack } from '../remote/upload-pack.ts';
import { readLsRefs, writeLsRefs } from '../remote/wire/ls-refs.ts';
import type { ReadRefs } from './read-refs.ts';

async function ask<T>(
  remote: UploadPack,
  prefixes: readonly string[],
  credentials: readonly Credential[],
  signal: AbortSignal,
  read: ReadRefs<T>,
): Promise<T> {
  const { capabilities } = await remote.discover(credentials, signal);
  const body = writeLsRefs({ prefixes, objectFormat: capabilities.objectFormat, agent: remote.agent });
  const answer = await remote.question(body, credentials, signal);
  return await read(readLsRefs(answer), createHash('sha256').update(answer).digest('hex'));
}

/**
 * Asks a smart HTTP server one question: refs that start with one of `prefixes` (gitprotocol-v2, "ls-refs").
 * When a server that answered before no longer does, what it can do is asked again.
 *
 * @throws NotNative when git has to ask instead
 * @throws SidecarError ERR_REMOTE_*
 */
export async function listRefs<T>(
  remote: UploadPack,
  prefixes: readonly string[],
  credentials: readonly Credential[],
  signal: AbortSignal,
  read: ReadRefs<T>,
): Promise<T> {
  const known = remote.server !== undefined;
  try {
    return await ask(remote, prefixes, credentials, signal, read);
  } catch (error) {
    if (!known || !isOfKind(error, 'no-git', 'no-repository')) throw error;
    remote.forget();
    return await ask(remote, prefixes, credentials, signal, read);
  }
}
