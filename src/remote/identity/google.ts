import { messageOf, SidecarError } from '../../model/error.ts';
import { accountToken } from './google-account.ts';
import { federatedToken } from './google-federation.ts';
import type { Identity, IdentityTools, Obtained } from './identity.ts';
import type { GoogleConfig } from './identity-config.ts';
import { askParty, endOf, type PartyQuestion, readObject, textIn } from './party.ts';
import { readProof } from './token-file.ts';

/** A token of Google, without the user name. */
export type GoogleToken = Pick<Obtained, 'password' | 'expiresAt'>;

export type GoogleCredentials = Readonly<Record<string, unknown>>;

export interface GoogleRequest {
  readonly credentials: GoogleCredentials;
  readonly scope: string;
  readonly signal: AbortSignal;
  /** What is wrong with the file of credentials. */
  readonly refuse: (detail: string, hint?: string) => SidecarError;
}

const KINDS: Readonly<Record<string, (request: GoogleRequest, tools: IdentityTools) => Promise<GoogleToken>>> = {
  external_account: federatedToken,
  service_account: accountToken,
};

/** Compute Engine, "Applications authenticate directly with access tokens": the service account of the machine or Pod. */
async function metadataToken(
  { metadataUrl }: GoogleConfig,
  { direct, clock }: IdentityTools,
  signal: AbortSignal,
): Promise<GoogleToken> {
  const question: PartyQuestion = {
    party: 'the metadata server of Google Cloud',
    method: 'GET',
    url: `${metadataUrl}/computeMetadata/v1/instance/service-accounts/default/token`,
    headers: { 'metadata-flavor': 'Google' },
    hint: 'Bind the Kubernetes service account to a Google one (`gcloud iam service-accounts get-iam-policy ACCOUNT`), or set GOOGLE_APPLICATION_CREDENTIALS.',
  };
  const now = clock.now();
  const answer = readObject(await askParty(question, direct, now, signal), question);
  return { password: textIn(answer, 'access_token', question), ...endOf(answer.expires_in, now) };
}

async function fileToken(
  path: string,
  { scope }: GoogleConfig,
  tools: IdentityTools,
  signal: AbortSignal,
): Promise<GoogleToken> {
  const standard =
    'Make the file with `gcloud iam workload-identity-pools create-cred-config … --credential-source-file=PATH`.';
  const refuse = (detail: string, hint = standard): SidecarError =>
    new SidecarError('ERR_REMOTE_CREDENTIAL_SOURCE', {
      op: 'read the Google credentials in',
      target: path,
      detail,
      hint,
    });
  const text = await readProof('the Google credentials in', path, standard);
  let credentials: unknown;
  try {
    credentials = JSON.parse(text);
  } catch (error) {
    // The message of the parser quotes the text, which may be a key.
    throw refuse(`it is no JSON (${messageOf(error).replace(/[,:].*$/s, '')})`);
  }
  if (typeof credentials !== 'object' || credentials === null) throw refuse('it is no JSON object');
  const type = String((credentials as GoogleCredentials).type);
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (!kind) throw refuse(`its type ${JSON.stringify(type)} is none of ${Object.keys(KINDS).join(', ')}`);
  return await kind({ credentials: credentials as GoogleCredentials, scope, signal, refuse }, tools);
}

/** Google Cloud: the metadata server, workload identity federation, or the key of a service account. */
export function googleIdentity(config: GoogleConfig, tools: IdentityTools): Identity {
  return {
    name: 'google',
    obtain: async (signal) => {
      const { credentialsFile, username } = config;
      const token =
        credentialsFile === undefined
          ? await metadataToken(config, tools, signal)
          : await fileToken(credentialsFile, config, tools, signal);
      return { username, ...token };
    },
  };
}
