import { TOKEN_EXCHANGE } from './exchange.ts';
import type { GoogleRequest, GoogleToken } from './google.ts';
import type { IdentityTools } from './identity.ts';
import { askParty, endOf, lacking, type PartyQuestion, readObject, textIn } from './party.ts';
import { readTokenFile } from './token-file.ts';

const HINT =
  'Compare issuer, subject and audience with the provider: `gcloud iam workload-identity-pools providers describe`.';

function objectIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The proof of who we are, as `credential_source` describes it (AIP-4117): a file or a URL, as text or in JSON. */
async function readSubjectToken({ credentials, signal, refuse }: GoogleRequest, tools: IdentityTools): Promise<string> {
  const source = objectIn(credentials.credential_source);
  if (source.executable !== undefined)
    throw refuse('its credential_source is a program (`executable`), and programs are not started for it');
  if (source.environment_id !== undefined)
    throw refuse(`its credential_source is the environment ${text(source.environment_id)}, which is not supported`);
  const { type = 'text', subject_token_field_name: field } = objectIn(source.format);
  let body: string;
  if (text(source.file) !== '') body = await readTokenFile(text(source.file), tools.learn);
  else if (text(source.url) !== '') {
    const headers = Object.fromEntries(
      Object.entries(objectIn(source.headers)).map(([name, value]) => [name, text(value)]),
    );
    const question = {
      party: 'the source of the subject token',
      method: 'GET',
      url: text(source.url),
      headers,
      hint: HINT,
    } as const;
    body = (await askParty(question, tools.direct, tools.clock.now(), signal)).trim();
  } else throw refuse('its credential_source has neither file nor url');
  if (type !== 'json') return body;
  let found: unknown;
  try {
    found = objectIn(JSON.parse(body))[text(field)];
  } catch {
    throw refuse('the subject token should come as JSON, and does not');
  }
  if (typeof found !== 'string') throw refuse(`the subject token has no field ${JSON.stringify(field)}`);
  return found;
}

/** IAM credentials API, generateAccessToken: the token of a service account for ours. */
async function impersonate(
  url: string,
  token: string,
  { scope, signal }: GoogleRequest,
  { http, clock }: IdentityTools,
): Promise<GoogleToken> {
  const question: PartyQuestion = {
    party: 'the impersonation of a Google service account',
    method: 'POST',
    url,
    headers: { authorization: `Bearer ${token}` },
    json: { scope: [scope], lifetime: '3600s' },
    hint: 'Give the principal the role roles/iam.workloadIdentityUser: `gcloud iam service-accounts get-iam-policy ACCOUNT`.',
  };
  const answer = readObject(await askParty(question, http, clock.now(), signal), question);
  const expiresAt = Date.parse(textIn(answer, 'expireTime', question));
  if (Number.isNaN(expiresAt)) throw lacking('a time in expireTime', question);
  return { password: textIn(answer, 'accessToken', question), expiresAt };
}

/** Workload identity federation (Security Token Service API, `token`), then a service account where one is named. */
export async function federatedToken(request: GoogleRequest, tools: IdentityTools): Promise<GoogleToken> {
  const { credentials, scope, signal, refuse } = request;
  const [audience, url] = [text(credentials.audience), text(credentials.token_url)];
  if (audience === '' || url === '') throw refuse('it has no audience or no token_url');
  const subjectToken = await readSubjectToken(request, tools);
  tools.learn(subjectToken);
  const account = text(credentials.service_account_impersonation_url);
  const question: PartyQuestion = {
    party: 'the token service of Google',
    method: 'POST',
    url,
    form: {
      grant_type: TOKEN_EXCHANGE,
      audience,
      scope: account === '' ? scope : 'https://www.googleapis.com/auth/cloud-platform',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token_type: text(credentials.subject_token_type),
      subject_token: subjectToken,
    },
    hint: HINT,
  };
  const now = tools.clock.now();
  const answer = readObject(await askParty(question, tools.http, now, signal), question);
  const password = textIn(answer, 'access_token', question);
  if (account === '') return { password, ...endOf(answer.expires_in, now) };
  tools.learn(password);
  return await impersonate(account, password, request, tools);
}
