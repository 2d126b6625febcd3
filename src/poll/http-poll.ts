import type { Credential } from '../model/credential.ts';
import { isOfKind } from '../model/error.ts';
import type { AdvertisedRef } from '../model/ref.ts';
import type { UploadPack } from '../remote/upload-pack.ts';
import { readLsRefs, writeLsRefs } from '../remote/wire/ls-refs.ts';

async function ask(
  remote: UploadPack,
  prefixes: readonly string[],
  credentials: readonly Credential[],
  signal: AbortSignal,
): Promise<AdvertisedRef[]> {
  const { capabilities } = await remote.discover(credentials, signal);
  const body = writeLsRefs({ prefixes, objectFormat: capabilities.objectFormat, agent: remote.agent });
  return readLsRefs(await remote.question(body, credentials, signal));
}

/**
 * Asks a smart HTTP server one question: refs that start with one of `prefixes` (gitprotocol-v2, "ls-refs").
 * When a server that answered before no longer does, what it can do is asked again.
 *
 * @throws NotNative when git has to ask instead
 * @throws SidecarError ERR_REMOTE_*
 */
export async function listRefs(
  remote: UploadPack,
  prefixes: readonly string[],
  credentials: readonly Credential[],
  signal: AbortSignal,
): Promise<AdvertisedRef[]> {
  const known = remote.server !== undefined;
  try {
    return await ask(remote, prefixes, credentials, signal);
  } catch (error) {
    if (!known || !isOfKind(error, 'no-git', 'no-repository')) throw error;
    remote.forget();
    return await ask(remote, prefixes, credentials, signal);
  }
}
