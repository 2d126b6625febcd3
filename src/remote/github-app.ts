import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf, SidecarError } from '../model/error.ts';
import type { Clock } from '../platform/clock.ts';
import type { HttpClient } from '../platform/http-client.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import type { GitHubAppConfig } from './git-access.ts';
import type { Identity } from './identity/identity.ts';
import { askParty, lacking, PartyFailure, type PartyQuestion, readObject, textIn } from './identity/party.ts';

export interface InstallationToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** What it allows, by GitHub's names: `contents: read`; undefined where the answer does not say. */
  readonly permissions: Readonly<Record<string, string>> | undefined;
}

/** GitHub accepts at most ten minutes for the token that asks for a token. */
const JWT_LIFETIME_S = 600;

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
  const question: PartyQuestion = {
    party: 'the GitHub App',
    method: 'POST',
    url: `${app.baseUrl.replace(/\/+$/, '')}/app/installations/${app.installationId}/access_tokens`,
    wanted: 201,
    hint: 'Check the application, installation and private key of the GitHub App, and --github-base-url.',
  };
  const jwt = await signRequest(app, now).catch((cause: unknown) => {
    if (cause instanceof SidecarError) throw cause;
    throw new PartyFailure({ ...question, target: question.url, detail: messageOf(cause), cause });
  });
  const headers = { authorization: `Bearer ${jwt}`, accept: 'application/vnd.github+json' };
  const answer = readObject(await askParty({ ...question, headers }, http, now, signal), question);
  const [token, end] = [textIn(answer, 'token', question), Date.parse(textIn(answer, 'expires_at', question))];
  if (Number.isNaN(end)) throw lacking('a time in expires_at', question);
  return { token, expiresAt: end, permissions: readPermissions(answer.permissions) };
}

function readPermissions(value: unknown): InstallationToken['permissions'] {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.fromEntries(Object.entries(value).map(([name, level]) => [name, String(level)]));
}

/** A GitHub App: a private key that gives tokens of an hour. */
export function gitHubApp(app: GitHubAppConfig, http: HttpClient, clock: Clock): Identity {
  return {
    name: 'github-app',
    obtain: async (signal) => {
      const { token, expiresAt } = await requestInstallationToken(app, http, clock.now(), signal);
      return { username: '-', password: token, expiresAt };
    },
  };
}
