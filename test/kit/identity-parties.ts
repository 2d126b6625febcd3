import { createHash, createHmac, generateKeyPairSync, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Shown } from './guarded-git.ts';
import { httpStub, type Request } from './http-stub.ts';

/** A stand-in for the party behind an identity, made from its documentation. */
export interface Party {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly requests: readonly Request[];
  /** What was wrong with requests; empty after a test. */
  readonly problems: string[];
  /** Texts that may be shown nowhere. */
  secrets(): readonly string[];
  /** What the git server accepts at the moment. */
  accepts(shown: Shown): boolean;
  /** Which credential is given and accepted from now on. */
  serial: number;
  /** Of what is given, in seconds. */
  lifeS: number;
  mood: 'well' | 'down' | 'refuses';
}

/** What a party makes of one request. */
interface Question {
  readonly request: Request;
  readonly form: Readonly<Record<string, string>>;
  readonly party: Party;
  readonly expect: (what: string, found: unknown, wanted: unknown) => void;
}

interface Facts {
  readonly dir: string;
  readonly name: string;
  /** Answers a request as the party does when it is well. */
  readonly give: (question: Question) => { readonly status?: number; readonly body: string };
  /** Its answer to somebody whom it does not know. */
  readonly refusal: { readonly status: number; readonly body: string };
  readonly options: (url: string, subject: string) => Pick<Party, 'args' | 'env'>;
  readonly accepts?: Party['accepts'] | ((shown: Shown, party: Party) => boolean);
  readonly secrets?: (party: Party) => readonly string[];
}

/** The token that a kubelet would put there. */
export const SUBJECT = 'eyJhbGciOiJSUzI1NiJ9.c3ViamVjdA.S3cretSubject';

function tokenOf(name: string, serial: number): string {
  return `S3cret-${name}-token-${serial}`;
}

async function makeParty({ dir, name, give, refusal, options, accepts, secrets }: Facts): Promise<Party> {
  const subject = join(dir, `${name}-subject`);
  writeFileSync(subject, `${SUBJECT}\n`);
  const problems: string[] = [];
  const answer = (request: Request, response: ServerResponse): void => {
    if (party.mood === 'down') return void response.writeHead(500).end('S3cret internal dump');
    if (party.mood === 'refuses') return void response.writeHead(refusal.status).end(refusal.body);
    const expect: Question['expect'] = (what, found, wanted) => {
      const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
      if (a !== b) problems.push(`${what}: ${a}, wanted ${b}`);
    };
    const form = Object.fromEntries(new URLSearchParams(request.body));
    const { status = 200, body } = give({ request, form, party, expect });
    response.writeHead(status).end(body);
  };
  const stub = await httpStub(answer);
  const party: Party = {
    ...options(stub.url, subject),
    requests: stub.requests,
    problems,
    secrets: () => secrets?.(party) ?? [tokenOf(name, party.serial), SUBJECT],
    accepts: (shown) => (accepts ? accepts(shown, party) : shown.password === tokenOf(name, party.serial)),
    serial: 1,
    lifeS: 3600,
    mood: 'well',
  };
  return party;
}

const FORM = 'application/x-www-form-urlencoded';
const DEVOPS = '499b84ac-1321-427f-aa17-267ca6975798';

/** Microsoft identity platform: token request with a federated credential. */
async function azure(dir: string): Promise<Party> {
  return await makeParty({
    dir,
    name: 'azure',
    options: (url, subject) => ({
      args: ['--identity=azure'],
      env: {
        AZURE_CLIENT_ID: 'client-1',
        AZURE_TENANT_ID: 'tenant-1',
        AZURE_FEDERATED_TOKEN_FILE: subject,
        AZURE_AUTHORITY_HOST: `${url}/`,
      },
    }),
    give: ({ request, form, party, expect }) => {
      expect('request', [request.method, request.path], ['POST', '/tenant-1/oauth2/v2.0/token']);
      expect('type', request.headers['content-type'], FORM);
      expect('form', form, {
        client_id: 'client-1',
        scope: `${DEVOPS}/.default`,
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: SUBJECT,
      });
      const token = tokenOf('azure', party.serial);
      return { body: JSON.stringify({ token_type: 'Bearer', expires_in: party.lifeS, access_token: token }) };
    },
    refusal: {
      status: 401,
      body: '{"error":"invalid_client","error_description":"AADSTS700211: No matching federated identity record found for presented assertion issuer.","error_codes":[700211]}',
    },
  });
}

/** Azure instance metadata service. Numbers come as texts. */
async function azureManaged(dir: string): Promise<Party> {
  return await makeParty({
    dir,
    name: 'azure-managed',
    options: (url) => ({
      args: ['--identity=azure', `--identity-endpoint=${url}`, '--identity-client-id=client-2'],
      // It is a part of this machine, so no proxy is asked.
      env: { HTTP_PROXY: 'http://127.0.0.1:9' },
    }),
    give: ({ request, party, expect }) => {
      const { pathname, searchParams } = new URL(request.path, 'http://h');
      expect('request', [request.method, pathname], ['GET', '/metadata/identity/oauth2/token']);
      expect('header', request.headers.metadata, 'true');
      expect('query', Object.fromEntries(searchParams), {
        'api-version': '2018-02-01',
        resource: DEVOPS,
        client_id: 'client-2',
      });
      const token = tokenOf('azure-managed', party.serial);
      return { body: JSON.stringify({ access_token: token, expires_in: String(party.lifeS), token_type: 'Bearer' }) };
    },
    refusal: { status: 400, body: '{"error":"invalid_request","error_description":"Identity not found"}' },
  });
}

/** OAuth 2.0 token exchange (RFC 8693, 2.1 and 2.2). */
async function exchange(dir: string): Promise<Party> {
  return await makeParty({
    dir,
    name: 'exchange',
    options: (url, subject) => ({
      args: [
        '--identity=exchange',
        `--identity-endpoint=${url}/login/oauth/access_token`,
        `--identity-token-file=${subject}`,
        '--identity-audience=https://gitea.test',
        '--identity-scope=read:repository',
        '--username=gitea-bot',
      ],
      env: {},
    }),
    give: ({ request, form, party, expect }) => {
      expect('request', [request.method, request.path], ['POST', '/login/oauth/access_token']);
      expect('type', request.headers['content-type'], FORM);
      expect('form', form, {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: SUBJECT,
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        audience: 'https://gitea.test',
        scope: 'read:repository',
      });
      const token = tokenOf('exchange', party.serial);
      return {
        body: JSON.stringify({
          access_token: token,
          issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          token_type: 'Bearer',
          expires_in: party.lifeS,
        }),
      };
    },
    accepts: ({ username, password }, { serial }) =>
      username === 'gitea-bot' && password === tokenOf('exchange', serial),
    refusal: { status: 400, body: '{"error":"invalid_request","error_description":"subject_token is not trusted"}' },
  });
}

/** What CodeCommit computes: Signature Version 4 over `GIT`, path and host, step by step as AWS documents it. */
export function codeCommitSignature(secret: string, region: string, time: string, host: string, path: string): string {
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const canonical = ['GIT', path, '', `host:${host}`, '', 'host', ''].join('\n');
  const scope = [time.slice(0, 8), region, 'codecommit', 'aws4_request'];
  const digest = createHash('sha256').update(canonical).digest('hex');
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), digest].join('\n');
  const key = scope.reduce<string | Buffer>((last, part) => hmac(last, part), `AWS4${secret}`);
  return hmac(key, toSign).toString('hex');
}

/** CodeCommit accepts a signature for a quarter of an hour. */
function codeCommitAccepts({ username, password, path, host }: Shown, { serial }: Party): boolean {
  const [, time = '', signature] = /^(\d{8}T\d{6})Z([0-9a-f]{64})$/.exec(password) ?? [];
  const at = Date.parse(time.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(Date.now() - at) < 900_000)) return false;
  if (username !== `ASIAKEY${serial}%S3cret/Session+${serial}==`) return false;
  const name = host.replace(/:\d+$/, '');
  return signature === codeCommitSignature(`S3cretAccess${serial}`, 'eu-west-1', time, name, path);
}

const awsSecrets = ({ serial }: Party): readonly string[] => [
  `S3cretAccess${serial}`,
  `S3cret/Session+${serial}==`,
  SUBJECT,
];

/** AWS STS, AssumeRoleWithWebIdentity. */
async function aws(dir: string): Promise<Party> {
  const role = 'arn:aws:iam::111122223333:role/git-reader';
  return await makeParty({
    dir,
    name: 'aws',
    options: (url, subject) => ({
      args: ['--identity=aws'],
      env: {
        AWS_ROLE_ARN: role,
        AWS_WEB_IDENTITY_TOKEN_FILE: subject,
        AWS_REGION: 'eu-west-1',
        AWS_ENDPOINT_URL_STS: url,
      },
    }),
    give: ({ request, form, party: { serial, lifeS }, expect }) => {
      expect('request', [request.method, request.path], ['POST', '/']);
      expect('type', request.headers['content-type'], FORM);
      expect('authorization', request.headers.authorization, undefined);
      expect('form', form, {
        Action: 'AssumeRoleWithWebIdentity',
        Version: '2011-06-15',
        RoleArn: role,
        RoleSessionName: 'git-sidecar',
        WebIdentityToken: SUBJECT,
      });
      const end = new Date(Date.now() + lifeS * 1000).toISOString();
      return {
        body: `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
  <Credentials>
    <SessionToken>S3cret/Session+${serial}==</SessionToken>
    <SecretAccessKey>S3cretAccess${serial}</SecretAccessKey>
    <Expiration>${end}</Expiration>
    <AccessKeyId>ASIAKEY${serial}</AccessKeyId>
  </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
      };
    },
    accepts: codeCommitAccepts,
    secrets: awsSecrets,
    refusal: {
      status: 400,
      body: '<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>No OpenIDConnect provider found in your account</Message></Error></ErrorResponse>',
    },
  });
}

/** EKS Pod Identity. */
async function awsPod(dir: string): Promise<Party> {
  return await makeParty({
    dir,
    name: 'aws-pod',
    options: (url, subject) => ({
      args: ['--identity=aws', '--identity-region=eu-west-1'],
      env: {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/v1/credentials`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: subject,
        HTTP_PROXY: 'http://127.0.0.1:9',
      },
    }),
    give: ({ request, party: { serial, lifeS }, expect }) => {
      expect('request', [request.method, request.path], ['GET', '/v1/credentials']);
      expect('authorization', request.headers.authorization, SUBJECT);
      return {
        body: JSON.stringify({
          AccessKeyId: `ASIAKEY${serial}`,
          SecretAccessKey: `S3cretAccess${serial}`,
          Token: `S3cret/Session+${serial}==`,
          AccountId: '111122223333',
          Expiration: new Date(Date.now() + lifeS * 1000).toISOString(),
        }),
      };
    },
    accepts: codeCommitAccepts,
    secrets: awsSecrets,
    refusal: { status: 404, body: '{"message":"[ResourceNotFoundException]: no association"}' },
  });
}

/** The metadata server of Google Cloud. */
async function google(dir: string): Promise<Party> {
  return await makeParty({
    dir,
    name: 'google',
    options: (url) => ({
      args: ['--identity=google'],
      env: { GCE_METADATA_HOST: url.replace('http://', ''), HTTP_PROXY: 'http://127.0.0.1:9' },
    }),
    give: ({ request, party, expect }) => {
      const path = '/computeMetadata/v1/instance/service-accounts/default/token';
      expect('request', [request.method, request.path], ['GET', path]);
      expect('header', request.headers['metadata-flavor'], 'Google');
      const token = tokenOf('google', party.serial);
      return { body: JSON.stringify({ access_token: token, expires_in: party.lifeS, token_type: 'Bearer' }) };
    },
    refusal: { status: 404, body: 'S3cret page' },
  });
}

/** Workload identity federation (AIP-4117): Security Token Service, then the IAM credentials API. */
async function googleFederation(dir: string): Promise<Party> {
  const audience = '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k';
  return await makeParty({
    dir,
    name: 'google-federation',
    options: (url) => {
      const subject = join(dir, 'subject.json');
      writeFileSync(subject, JSON.stringify({ id_token: SUBJECT }));
      const file = join(dir, 'external.json');
      const config = {
        type: 'external_account',
        audience,
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `${url}/v1/token`,
        service_account_impersonation_url: `${url}/v1/projects/-/serviceAccounts/git@p.iam:generateAccessToken`,
        credential_source: {
          file: subject,
          format: { type: 'json', subject_token_field_name: 'id_token' },
        },
      };
      writeFileSync(file, JSON.stringify(config));
      return { args: ['--identity=google'], env: { GOOGLE_APPLICATION_CREDENTIALS: file } };
    },
    give: ({ request, form, party: { serial, lifeS }, expect }) => {
      expect('method', request.method, 'POST');
      if (request.path === '/v1/token') {
        expect('type', request.headers['content-type'], FORM);
        expect('form', form, {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          audience,
          scope: 'https://www.googleapis.com/auth/cloud-platform',
          requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
          subject_token: SUBJECT,
        });
        return { body: JSON.stringify({ access_token: `S3cret-federated-${serial}`, expires_in: lifeS }) };
      }
      expect('path', request.path, '/v1/projects/-/serviceAccounts/git@p.iam:generateAccessToken');
      expect('authorization', request.headers.authorization, `Bearer S3cret-federated-${serial}`);
      expect('body', JSON.parse(request.body), {
        scope: ['https://www.googleapis.com/auth/cloud-platform'],
        lifetime: '3600s',
      });
      const accessToken = tokenOf('google-federation', serial);
      return {
        body: JSON.stringify({ accessToken, expireTime: new Date(Date.now() + lifeS * 1000).toISOString() }),
      };
    },
    refusal: {
      status: 400,
      body: '{"error":"invalid_grant","error_description":"The audience in ID Token does not match"}',
    },
  });
}

/** Vault: Kubernetes login, then version 2 of KV. */
async function vault(dir: string): Promise<Party> {
  return await makeParty({
    dir,
    name: 'vault',
    options: (url, subject) => ({
      args: [
        '--identity=vault',
        '--identity-role=git-reader',
        '--identity-path=secret/data/team/git',
        `--identity-token-file=${subject}`,
        '--identity-namespace=team-a',
        '--identity-username-template={{.login}}',
        '--identity-password-template={{ .deploy_token }}',
      ],
      env: { VAULT_ADDR: url },
    }),
    give: ({ request, party: { serial }, expect }) => {
      expect('namespace', request.headers['x-vault-namespace'], 'team-a');
      if (request.path === '/v1/auth/kubernetes/login') {
        expect('login', [request.method, JSON.parse(request.body)], ['POST', { role: 'git-reader', jwt: SUBJECT }]);
        const auth = { client_token: `S3cret-hvs-${serial}`, lease_duration: 3600, renewable: true };
        return { body: JSON.stringify({ auth }) };
      }
      expect('request', [request.method, request.path], ['GET', '/v1/secret/data/team/git']);
      // The token of an earlier login is revoked.
      if (request.headers['x-vault-token'] !== `S3cret-hvs-${serial}`)
        return { status: 403, body: '{"errors":["permission denied"]}' };
      const data = { login: 'deploy', deploy_token: tokenOf('vault', serial) };
      return {
        body: JSON.stringify({
          ...{ lease_id: '', lease_duration: 0, renewable: false },
          data: { data, metadata: { version: serial } },
        }),
      };
    },
    accepts: ({ username, password }, { serial }) => username === 'deploy' && password === tokenOf('vault', serial),
    secrets: ({ serial }) => [tokenOf('vault', serial), SUBJECT, `S3cret-hvs-${serial}`],
    refusal: { status: 403, body: '{"errors":["permission denied"]}' },
  });
}

/** GitHub REST API, "Create an installation access token for an app". */
async function gitHubApp(dir: string): Promise<Party> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = join(dir, 'app.pem');
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return await makeParty({
    dir,
    name: 'github',
    options: (url) => ({
      args: [
        ...['--github-app-application-id=7', '--github-app-installation-id=8'],
        ...[`--github-app-private-key-file=${key}`, `--github-base-url=${url}`],
      ],
      env: {},
    }),
    give: ({ request, party, expect }) => {
      expect('request', [request.method, request.path], ['POST', '/app/installations/8/access_tokens']);
      const jwt = /^Bearer (.+)$/.exec(String(request.headers.authorization))?.[1] ?? '';
      const [head = '', claims = '', signature = ''] = jwt.split('.');
      const isGenuine = verify(
        'sha256',
        Buffer.from(`${head}.${claims}`),
        publicKey,
        Buffer.from(signature, 'base64url'),
      );
      const { iss } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { iss?: unknown };
      expect('token of the app', [isGenuine, iss], [true, '7']);
      const token = tokenOf('github', party.serial);
      const expires_at = new Date(Date.now() + party.lifeS * 1000).toISOString();
      return { status: 201, body: JSON.stringify({ token, expires_at, permissions: { contents: 'read' } }) };
    },
    accepts: ({ password }, { serial }) => password === tokenOf('github', serial),
    secrets: ({ serial }) => [tokenOf('github', serial)],
    refusal: { status: 401, body: '{"message":"A JSON web token could not be decoded"}' },
  });
}

/** Every party, by the name of its case. */
export const PARTIES: Readonly<Record<string, (dir: string) => Promise<Party>>> = {
  'azure workload identity': azure,
  'azure managed identity': azureManaged,
  'oauth token exchange': exchange,
  'aws web identity': aws,
  'aws Pod identity': awsPod,
  'google metadata server': google,
  'google workload identity federation': googleFederation,
  vault,
};

/** The same, and the identity that has options of its own. */
export const ALL_PARTIES: typeof PARTIES = { ...PARTIES, 'GitHub App': gitHubApp };
