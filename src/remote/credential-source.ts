import { readFile } from 'node:fs/promises';
import type { Credential } from '../model/credential.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { HttpClient } from '../platform/http-client.ts';
import type { Redactor } from '../platform/redact.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import { askPassword } from './askpass.ts';
import { cookieValues } from './cookies.ts';
import type { CredentialSpec, GitAccess } from './git-access.ts';
import { GitHubAppTokens } from './github-app.ts';

export interface CredentialSourceOptions {
  readonly config: Pick<GitAccess, 'credentials' | 'credentialUrls' | 'askpassUrl' | 'githubApp' | 'cookieFile'>;
  readonly clock: Clock;
  readonly http: HttpClient;
  /** Learns every secret before it is used. */
  readonly redactor: Redactor;
  readonly onAskpass: (success: boolean) => void;
  readonly onGithubToken: (success: boolean) => void;
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

/** All credentials as they are now: files and services are asked again each time, so a rotated secret is picked up. */
export class CredentialSource {
  readonly #options: CredentialSourceOptions;
  readonly #github: GitHubAppTokens | undefined;

  constructor(options: CredentialSourceOptions) {
    this.#options = options;
    const app = options.config.githubApp;
    this.#github = app && new GitHubAppTokens(app, options.http, options.clock, options.onGithubToken);
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
    if (this.#github) {
      const password = await this.#github.token(signal);
      credentials.push(...config.credentialUrls.map((url) => ({ url, username: '-', password })));
    }
    for (const value of await readCookies(config.cookieFile)) redactor.addRenewed(value);
    for (const { username, password } of credentials) redactor.addRenewed(password, username);
    return credentials.map((credential) => ({ ...credential, password: withoutLineEnd(credential.password) }));
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
