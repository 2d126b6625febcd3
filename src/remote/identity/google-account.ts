import { createPrivateKey } from 'node:crypto';
import { messageOf } from '../../model/error.ts';
import type { GoogleRequest, GoogleToken } from './google.ts';
import type { IdentityTools } from './identity.ts';
import { askParty, endOf, type PartyQuestion, readObject, textIn } from './party.ts';

/** Google takes at most an hour for the token that asks for a token. */
const JWT_LIFETIME_S = 3600;

/** The key of a service account (OAuth 2.0 for server to server applications; RFC 7523). */
export async function accountToken(
  { credentials, scope, signal, refuse }: GoogleRequest,
  { http, clock, learn }: IdentityTools,
): Promise<GoogleToken> {
  const { client_email: email, private_key: pem, private_key_id: kid, token_uri: url } = credentials;
  if (typeof email !== 'string' || typeof pem !== 'string' || typeof url !== 'string')
    throw refuse('it lacks client_email, private_key or token_uri');
  learn(pem);
  const now = clock.now();
  const issuedAt = Math.floor(now / 1000);
  const { SignJWT } = await import('jose/jwt/sign');
  const sign = async (): Promise<string> =>
    await new SignJWT({ scope })
      .setProtectedHeader({ alg: 'RS256', ...(typeof kid === 'string' && { kid }) })
      .setIssuer(email)
      .setAudience(url)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + JWT_LIFETIME_S)
      .sign(createPrivateKey(pem));
  const assertion = await sign().catch((error: unknown) => {
    throw refuse(`its private_key cannot be used: ${messageOf(error)}`);
  });
  const question: PartyQuestion = {
    party: 'the token service of Google',
    method: 'POST',
    url,
    form: { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion },
    hint: 'See whether the key is still valid: `gcloud iam service-accounts keys list --iam-account ACCOUNT`.',
  };
  const answer = readObject(await askParty(question, http, now, signal), question);
  return { password: textIn(answer, 'access_token', question), ...endOf(answer.expires_in, now) };
}
