import { readFile } from 'node:fs/promises';
import { type Credential, credentialOrigin } from '../model/credential.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import type { HttpClient } from '../platform/http-client.ts';
import type { Redactor } from '../platform/redact.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import { askPassword } from './askpass.ts';
import { cookieValues } from './cookies.ts';
import type { CredentialSpec } from './git-access.ts';
import { openWays, type Way, type WaysOptions } from './identity/ways.ts';

export interface CredentialSourceOptions extends Omit<WaysOptions, 'learn'> {
  readonly http: HttpClient;
  /** Learns every secret before it is used. */
  readonly redactor: Redactor;
  readonly onAskpass: (success: boolean) => void;
}

async function readPassword(spec: CredentialSpec): Promise<string> {
  if (spec.passwordFile === undefined) return spec.password ?? '';
  try {
    return readSecret(await readFile(spec.passwordFile));
  } catch (error) {
    throw new SidecarError('ERR_REMOTE_CREDENTIAL_SOURCE', {
      op: 'read the password file',
      target: spec.passwordFile,
      detail: (await whyUnreadable(spec.passwordFile)) ?? messageOf(error),
      cause: error,
    });
  }
}

/**
 * The secret in a file, byte for byte, less what editors put around it: a byte order mark and blank lines. No password
 * holds a line end, since git's own credential protocol cannot carry one.
 *
 * @throws Error for UTF-16, as PowerShell's `>` writes it
 */
function readSecret(content: Buffer): string {
  const mark = content.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff') throw new Error('the file is UTF-16: write it as UTF-8');
  return content
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .replace(/^(?:\r?\n)+|(?:\r?\n)+$/g, '');
}

/** What a server may echo of the cookies; an unreadable file is reported where the cookies are sent. */
async function readCookies(path: string | undefined): Promise<string[]> {
  if (path === undefined) return [];
  return await readFile(path, 'utf8').then(cookieValues, () => []);
}

/** Secrets in files and variables often end in the line end that an editor or `echo` put there. */
function withoutLineEnd(secret: string): string {
  return secret.replace(/\r?\n$/, '');
}

/**
 * All credentials as they are now: files and services are asked again each time, so a rotated secret is picked up. What
 * is valid for a time is kept as long as that.
 */
export class CredentialSource {
  readonly #options: CredentialSourceOptions;
  #ways: Promise<readonly Way[]> | undefined;
  #opened: readonly Way[] = [];

  constructor(options: CredentialSourceOptions) {
    this.#options = options;
  }

  /** @throws SidecarError ERR_REMOTE_CREDENTIAL_SOURCE */
  async read(signal: AbortSignal): Promise<Credential[]> {
    const { config, redactor } = this.#options;
    const credentials: Credential[] = [];
    for (const spec of config.credentials) {
      credentials.push({ url: spec.url, username: spec.username, password: await readPassword(spec) });
    }
    if (config.askpassUrl !== undefined) {
      const answer = await this.#askPassword(config.askpassUrl, signal);
      credentials.push(...config.credentialUrls.map((url) => ({ url, ...answer })));
    }
    for (const way of await this.#open()) credentials.push(...(await readWay(way, credentials, signal)));
    for (const value of await readCookies(config.cookieFile)) redactor.addRenewed(value);
    for (const { username, password } of credentials) redactor.addRenewed(password, username);
    return credentials.map((credential) => ({ ...credential, password: withoutLineEnd(credential.password) }));
  }

  /** A git server accepted what it was shown. @param url of the repository */
  accepted(url: string): void {
    for (const { kept } of this.#waysTo(url)) kept.accepted();
  }

  /**
   * A git server refused what it was shown, so that is not used again.
   * @param url of the repository
   * @returns whether another credential may come: it is worth asking again at once
   */
  refused(url: string): boolean {
    return this.#waysTo(url)
      .map(({ kept }) => kept.refused())
      .includes(true);
  }

  /** Ends what is asked beside the work. */
  close(): void {
    for (const { kept } of this.#opened) kept.close();
  }

  #waysTo(url: string): readonly Way[] {
    return this.#opened.filter(({ urls }) => urls.some((each) => isSameServer(each, url)));
  }

  async #open(): Promise<readonly Way[]> {
    const { redactor } = this.#options;
    this.#ways ??= openWays({ ...this.#options, learn: (secret) => redactor.addRenewed(secret) });
    this.#opened = await this.#ways;
    return this.#opened;
  }

  async #askPassword(url: string, signal: AbortSignal): Promise<{ username: string; password: string }> {
    try {
      const answer = await askPassword(url, this.#options.http, signal);
      this.#options.onAskpass(true);
      return answer;
    } catch (error) {
      this.#options.onAskpass(false);
      throw error;
    }
  }
}

function isSameServer(one: string, other: string): boolean {
  const [a, b] = [one, other].map((url) => credentialOrigin({ url }));
  return a === b;
}

/** A way that is the last one is asked only for servers that nothing else is known for. */
async function readWay(
  { urls, kept, isLast }: Way,
  known: readonly Credential[],
  signal: AbortSignal,
): Promise<readonly Credential[]> {
  const wanted = isLast ? urls.filter((url) => !known.some((each) => isSameServer(each.url, url))) : urls;
  if (wanted.length === 0) return [];
  const { username, password, scheme, signer } = await kept.get(signal);
  if (password === '' && !signer) return [];
  return wanted.map((url) => ({
    url,
    username,
    password,
    ...(scheme !== undefined && { scheme }),
    ...(signer && { signer }),
  }));
}
