import { codeCommitSigner } from './codecommit-signer.ts';
import type { Identity, IdentityTools, Obtained } from './identity.ts';
import type { AwsConfig, AwsKeySource } from './identity-config.ts';
import { askParty, lacking, type PartyQuestion, readObject, textIn } from './party.ts';
import type { SigningKeys } from './sign-codecommit.ts';
import { readTokenFile } from './token-file.ts';

type Keys = Omit<SigningKeys, 'region'> & Pick<Obtained, 'expiresAt'>;

type Source<From> = Extract<AwsKeySource, { from: From }>;

function endIn(text: string, question: PartyQuestion): { readonly expiresAt: number } {
  const expiresAt = Date.parse(text);
  if (Number.isNaN(expiresAt)) throw lacking('a time in Expiration', question);
  return { expiresAt };
}

/** AWS STS, `AssumeRoleWithWebIdentity` (API version 2011-06-15): keys for a token of the cluster (IRSA). */
async function byWebIdentity(
  { role, tokenFile, sessionName }: Source<'web-identity'>,
  { stsUrl, region }: AwsConfig,
  { http, clock, learn }: IdentityTools,
  signal: AbortSignal,
): Promise<Keys> {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const question: PartyQuestion = {
    party: 'AWS STS',
    method: 'POST',
    url: stsUrl ?? (region === '' ? 'https://sts.amazonaws.com/' : `https://sts.${region}.${domain}/`),
    headers: { accept: 'text/xml' },
    form: {
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: role,
      RoleSessionName: sessionName,
      WebIdentityToken: await readTokenFile(tokenFile, learn),
    },
    hint: `Compare the trust policy of the role with issuer, subject and audience of the token: \`aws iam get-role --role-name ${role.replace(/^.*\//, '')}\`.`,
  };
  const answer = await askParty(question, http, clock.now(), signal);
  const field = (name: string): string => {
    const text = new RegExp(`<${name}>\\s*([^<\\s]+)\\s*</${name}>`).exec(answer)?.[1];
    if (text === undefined) throw lacking(name, question);
    return text;
  };
  return {
    keyId: field('AccessKeyId'),
    secret: field('SecretAccessKey'),
    sessionToken: field('SessionToken'),
    ...endIn(field('Expiration'), question),
  };
}

/** The credentials endpoint of EKS Pod Identity and of ECS tasks (AWS SDKs, "Container credential provider"). */
async function byContainer(
  { url, tokenFile, token }: Source<'container'>,
  { direct, clock, learn }: IdentityTools,
  signal: AbortSignal,
): Promise<Keys> {
  const proof = tokenFile === undefined ? token : await readTokenFile(tokenFile, learn);
  if (proof !== undefined) learn(proof);
  const question: PartyQuestion = {
    party: 'the AWS credentials endpoint of this Pod',
    method: 'GET',
    url,
    ...(proof !== undefined && { headers: { authorization: proof } }),
    hint: 'See whether the service account has an association: `aws eks list-pod-identity-associations --cluster-name CLUSTER`.',
  };
  const answer = readObject(await askParty(question, direct, clock.now(), signal), question);
  return {
    keyId: textIn(answer, 'AccessKeyId', question),
    secret: textIn(answer, 'SecretAccessKey', question),
    sessionToken: textIn(answer, 'Token', question),
    ...endIn(textIn(answer, 'Expiration', question), question),
  };
}

async function obtainKeys(config: AwsConfig, tools: IdentityTools, signal: AbortSignal): Promise<Keys> {
  const { keys } = config;
  if (keys.from === 'web-identity') return await byWebIdentity(keys, config, tools, signal);
  if (keys.from === 'container') return await byContainer(keys, tools, signal);
  return { keyId: keys.keyId, secret: keys.secret, sessionToken: keys.sessionToken ?? '' };
}

/** AWS, for CodeCommit: keys for some hours, and with them a signature for each repository. */
export function awsIdentity(config: AwsConfig, tools: IdentityTools): Identity {
  return {
    name: 'aws',
    obtain: async (signal): Promise<Obtained> => {
      const { expiresAt, ...keys } = await obtainKeys(config, tools, signal);
      tools.learn(keys.secret);
      tools.learn(keys.sessionToken);
      const signer = codeCommitSigner({ ...keys, region: config.region }, tools);
      return { username: keys.keyId, password: '', signer, ...(expiresAt !== undefined && { expiresAt }) };
    },
  };
}
