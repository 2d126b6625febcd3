import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CASE_HINTS } from '../model/case-hints.ts';
import { asSidecarError, messageOf, SidecarError } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { HttpClient } from '../platform/http-client.ts';
import { hintOnCertificate } from '../platform/no-answer.ts';
import { redactUrl } from '../platform/redact.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import type { GitHubAppConfig } from './git-access.ts';

export interface InstallationToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** What it allows, by GitHub's names: `contents: read`; undefined where the answer does not say. */
  readonly permissions: Readonly<Record<string, string>> | undefined;
}

/** A token is replaced when less than this is left of it (compat.md 7). */
const RENEW_BEFORE_MS = 30_000;
/** GitHub accepts at most ten minutes for the token that asks for a token. */
const JWT_LIFETIME_S = 600;

function failure(target: string, detail: string, cause?: unknown): SidecarError {
  return new SidecarError('ERR_REMOTE_CREDENTIAL_SOURCE', {
    op: 'get a GitHub App token from',
    target,
    detail,
    cause,
    hint: 'Check the application, installation and private key of the GitHub App, and --github-base-url.',
    ...hintOnCertificate(cause, CASE_HINTS.credentialCertificate),
  });
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new SidecarError('ERR_REMOTE_CREDENTIAL_SOURCE', {
      op: 'read the private key of the GitHub App',
      target: path,
      detail: (await whyUnreadable(path)) ?? messageOf(error),
      cause: error,
    });
  }
}

async function signRequest(app: GitHubAppConfig, now: number): Promise<string> {
  const pem = app.privateKey ?? (await readKeyFile(app.privateKeyFile ?? ''));
  const { SignJWT } = await import('jose/jwt/sign');
  const issuedAt = Math.floor(now / 1000);
  return await new SignJWT({})
    .setProtectedHeader({ alg: 'RS256' })
    .setIssuer(app.issuer)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + JWT_LIFETIME_S)
    .sign(createPrivateKey(pem));
}

/**
 * One new installation token: `POST <base>/app/installations/<id>/access_tokens` must answer 201
 * (GitHub REST API, "Create an installation access token for an app").
 *
 * @throws SidecarError ERR_REMOTE_CREDENTIAL_SOURCE, also when the key file cannot be read
 */
export async function requestInstallationToken(
  app: GitHubAppConfig,
  http: HttpClient,
  now: number,
  signal: AbortSignal,
): Promise<InstallationToken> {
  const target = redactUrl(`${app.baseUrl.replace(/\/+$/, '')}/app/installations/${app.installationId}/access_tokens`);
  const jwt = await signRequest(app, now).catch((error: unknown) => {
    throw error instanceof SidecarError ? error : failure(target, messageOf(error), error);
  });
  const headers = {
    authorization: `Bearer ${jwt}`,
    accept: 'application/vnd.github+json',
    'user-agent': 'git-sidecar',
  };
  const question = { method: 'POST', url: new URL(target), headers, signal };
  const { status, body } = await http.askForText(question).catch((error: unknown) => {
    throw failure(target, asSidecarError(error, 'ask').detail, error);
  });
  if (status !== 201) throw failure(target, `the answer has status ${status}, wanted 201`);
  const token = readToken(body);
  if (!token) throw failure(target, 'the answer lacks token or expires_at');
  return token;
}

function readPermissions(value: unknown): InstallationToken['permissions'] {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.fromEntries(Object.entries(value).map(([name, level]) => [name, String(level)]));
}

/** undefined where it is no such answer. */
function readToken(text: string): InstallationToken | undefined {
  try {
    const body = JSON.parse(text) as { token?: unknown; expires_at?: unknown; permissions?: unknown } | null;
    const expiresAt = typeof body?.expires_at === 'string' ? Date.parse(body.expires_at) : Number.NaN;
    if (typeof body?.token !== 'string' || Number.isNaN(expiresAt)) return undefined;
    return { token: body.token, expiresAt, permissions: readPermissions(body.permissions) };
  } catch {
    // It is no JSON; what came instead may hold a token, so it is not shown.
    return undefined;
  }
}

/** Keeps one installation token and replaces it shortly before it ends. */
export class GitHubAppTokens {
  readonly #app: GitHubAppConfig;
  readonly #http: HttpClient;
  readonly #clock: Clock;
  readonly #onRefresh: (success: boolean) => void;
  #current: InstallationToken | undefined;

  constructor(app: GitHubAppConfig, http: HttpClient, clock: Clock, onRefresh: (success: boolean) => void) {
    this.#app = app;
    this.#http = http;
    this.#clock = clock;
    this.#onRefresh = onRefresh;
  }

  async token(signal: AbortSignal): Promise<string> {
    if (this.#current && this.#current.expiresAt - this.#clock.now() >= RENEW_BEFORE_MS) return this.#current.token;
    try {
      this.#current = await requestInstallationToken(this.#app, this.#http, this.#clock.now(), signal);
    } catch (error) {
      this.#onRefresh(false);
      throw error;
    }
    this.#onRefresh(true);
    return this.#current.token;
  }
}
