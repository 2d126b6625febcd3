import { execFileSync } from 'node:child_process';
import { createHash, createHmac, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { buildSyncConfig } from '../../../src/config/build-config.ts';
import { load } from '../../../src/config/load.ts';
import { optionNamed } from '../../../src/config/options.ts';
import { renderGitConfig } from '../../../src/git/config-file.ts';
import { credentialSettings } from '../../../src/git/credential-settings.ts';
import { credentialFor } from '../../../src/model/credential.ts';
import { SidecarError } from '../../../src/model/error.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { HttpClient } from '../../../src/platform/http-client.ts';
import { createIdentity } from '../../../src/remote/identity/create-identity.ts';
import { describeIdentity } from '../../../src/remote/identity/describe-identity.ts';
import type { Identity } from '../../../src/remote/identity/identity.ts';
import { signCodeCommit } from '../../../src/remote/identity/sign-codecommit.ts';
import { METRICS } from '../../../src/serve/metrics-table.ts';
import { HandClock } from '../../kit/hand-clock.ts';
import { httpStub } from '../../kit/http-stub.ts';
import { codeCommitSignature, PARTIES, SUBJECT } from '../../kit/identity-parties.ts';
import { tempDir } from '../../kit/temp.ts';
import { GIT_ENV } from '../../kit/upstream.ts';

const { signal } = new AbortController();
const REPO = 'http://127.0.0.1:8080/v1/repos/app';

function configOf(args: readonly string[], env: Readonly<Record<string, string>>) {
  const base = [`--repo=${REPO}`, '--root=/git'];
  const config = buildSyncConfig(load('sync', [...base, ...args], env).settings, env);
  if (!config.identity) throw new Error('there is no identity');
  return { ...config, identity: config.identity };
}

async function open(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { identity, environment } = configOf(args, env);
  const learned: string[] = [];
  const made = await createIdentity(identity, {
    ...{ http: new HttpClient(environment), direct: new HttpClient({}), clock: systemClock },
    learn: (secret) => void learned.push(secret),
  });
  return { made, learned, description: describeIdentity(identity) };
}

async function errorOf(identity: Identity): Promise<SidecarError> {
  const error: unknown = await identity.obtain(signal).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SidecarError);
  return error as SidecarError;
}

/** What the log says about a party that refuses, by the name of its case: the party, the status, its own words. */
const REFUSALS: Readonly<Record<string, RegExp>> = {
  'azure workload identity':
    /Microsoft Entra ID at .*\/tenant-1\/oauth2\/v2\.0\/token: .*status 401, invalid_client: AADSTS700211: No matching/,
  'azure managed identity':
    /managed identity .*\/metadata\/identity\/oauth2\/token: .*status 400, invalid_request: Identity not found/,
  'oauth token exchange':
    /token exchange at .*\/login\/oauth\/access_token: .*status 400, invalid_request: subject_token is not trusted/,
  'aws web identity': /AWS STS at .*status 400, InvalidIdentityToken: No OpenIDConnect provider found/,
  'aws Pod identity': /AWS credentials endpoint .*status 404, \[ResourceNotFoundException\]: no association/,
  'google metadata server': /metadata server of Google Cloud at .*status 404$/,
  'google workload identity federation':
    /token service of Google at .*status 400, invalid_grant: The audience in ID Token does not match/,
  vault: /Vault at .*\/v1\/auth\/kubernetes\/login: .*status 403, permission denied/,
};

describe.each(Object.entries(PARTIES))('%s', (name, make) => {
  test('gives what the git server accepts, for a question as its documentation has it', async () => {
    const party = await make(tempDir());
    const { made, learned } = await open(party.args, party.env);
    const obtained = await made.obtain(signal);
    expect(party.problems).toEqual([]);
    const credential = { url: REPO, ...obtained };
    const shown = credentialFor(`${REPO}/info/refs?service=git-upload-pack`, [credential]);
    const at = { path: '/v1/repos/app', host: '127.0.0.1:8080' };
    expect(party.accepts({ username: shown?.username ?? '', password: shown?.password ?? '', ...at })).toBe(true);
    const all = [...learned.map((text) => text.trim()), obtained.password];
    const isShown = party.requests.some(({ body, headers }) => `${body}${headers.authorization}`.includes(SUBJECT));
    expect(all).toEqual(expect.arrayContaining(party.secrets().filter((secret) => secret !== SUBJECT || isShown)));
  });

  test('that refuses is named with its status and its own words, and what to do', async () => {
    const party = await make(tempDir());
    party.mood = 'refuses';
    const error = await errorOf((await open(party.args, party.env)).made);
    expect(error.code).toBe('ERR_REMOTE_CREDENTIAL_SOURCE');
    expect(error.message).toMatch(REFUSALS[name] as RegExp);
    expect(error.message).not.toContain('S3cret');
    expect(error.hint).toMatch(/`[a-z]+ [^`]+`/);
  });

  test('that is down is named with its status, and nothing of what it sends is shown', async () => {
    const party = await make(tempDir());
    party.mood = 'down';
    const error = await errorOf((await open(party.args, party.env)).made);
    expect(error.message).toMatch(/status 500$/);
  });

  test('is described to a person without anything secret', async () => {
    const party = await make(tempDir());
    const { description } = await open(party.args, party.env);
    expect(description).toMatch(/^[A-Za-z]/);
    for (const secret of party.secrets()) expect(description).not.toContain(secret);
  });
});

describe('an answer that is none', () => {
  test.each(['', '<html>S3cret</html>', '[]', '{}', '{"access_token":""}', 'null'])(
    '%j is no credential, and is not shown',
    async (body) => {
      const stub = await httpStub((_request, response) => void response.end(body));
      const { made } = await open(['--identity=google', `--identity-endpoint=${stub.url}`]);
      const error = await errorOf(made);
      expect(error.message).toMatch(/the answer lacks (?:a JSON object|access_token)$/);
    },
  );
});

describe('signatures for CodeCommit', () => {
  const keys = { keyId: 'AKID', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', sessionToken: '', region: '' };
  const host = 'git-codecommit.us-east-1.amazonaws.com';
  const at = Date.UTC(2012, 1, 15, 3, 4, 5, 678);
  const sign = (name: string, more: Partial<typeof keys> = {}) =>
    signCodeCommit({ createHash, createHmac }, { ...keys, ...more }, name, '/v1/repos/app', at);

  test('are those that AWS CLI’s own tests expect of its credential helper', () => {
    const given = { keyId: 'foo', secret: 'bar', sessionToken: '', region: '' };
    const signed = signCodeCommit({ createHash, createHmac }, given, host, '//v1/repos/myrepo', Date.UTC(2010, 9, 8));
    expect(signed).toEqual({
      username: 'foo',
      password: '20101008T000000Z7dc259e2d505af354a1219b9bcd784bd384dc706efa0d9aefc571f214be4c89c',
    });
  });

  test('are those of openssl, step by step', () => {
    const openssl = (key: string, text: string): string =>
      execFileSync('openssl', ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${key}`, '-r'], { input: text })
        .toString()
        .slice(0, 64);
    let key = Buffer.from(`AWS4${keys.secret}`).toString('hex');
    for (const part of ['20120215', 'us-east-1', 'codecommit', 'aws4_request']) key = openssl(key, part);
    const canonical = `GIT\n/v1/repos/app\n\nhost:${host}\n\nhost\n`;
    const digest = execFileSync('openssl', ['dgst', '-sha256', '-r'], { input: canonical }).toString().slice(0, 64);
    const text = `AWS4-HMAC-SHA256\n20120215T030405\n20120215/us-east-1/codecommit/aws4_request\n${digest}`;
    const signature = openssl(key, text);
    expect(sign(host)).toEqual({ username: 'AKID', password: `20120215T030405Z${signature}` });
    expect(codeCommitSignature(keys.secret, 'us-east-1', '20120215T030405', host, '/v1/repos/app')).toBe(signature);
  });

  test.each([
    ['git-codecommit.eu-central-1.amazonaws.com', 'eu-central-1'],
    ['git-codecommit-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
    ['git-codecommit.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['vpce-0a1b-2c3d.git-codecommit.us-west-2.vpce.amazonaws.com', 'us-west-2'],
  ])('of %s are for %s', (name, region) => {
    expect(sign(name)?.password).toBe(
      `20120215T030405Z${codeCommitSignature(keys.secret, region, '20120215T030405', name, '/v1/repos/app')}`,
    );
  });

  test('carry the session token in the user name, and need a region', () => {
    expect(sign(host, { sessionToken: 'to/ken==' })?.username).toBe('AKID%to/ken==');
    expect(sign('git.test')).toBeUndefined();
    expect(sign('git.test:443', { region: 'eu-west-1' })?.password).toBe(
      `20120215T030405Z${codeCommitSignature(keys.secret, 'eu-west-1', '20120215T030405', 'git.test', '/v1/repos/app')}`,
    );
  });

  test('git makes them too, for each repository of the server, without a key in its configuration or arguments', async () => {
    const party = await (PARTIES['aws web identity'] as (dir: string) => ReturnType<(typeof PARTIES)[string]>)(
      tempDir(),
    );
    const { made } = await open(party.args, party.env);
    const { settings, variables } = credentialSettings([{ url: REPO, ...(await made.obtain(signal)) }]);
    const dir = tempDir();
    const file = join(dir, 'gitconfig');
    writeFileSync(file, renderGitConfig(settings));
    expect(renderGitConfig(settings)).not.toMatch(/S3cret|ASIAKEY/);
    for (const path of ['v1/repos/app', 'v1/repos/other']) {
      const filled = execFileSync('git', ['credential', 'fill'], {
        cwd: dir,
        input: `protocol=http\nhost=127.0.0.1:8080\npath=${path}\n\n`,
        env: { ...GIT_ENV, ...variables, GIT_CONFIG_GLOBAL: file, GIT_TERMINAL_PROMPT: '0' },
      }).toString();
      const [, username = '', password = ''] = /username=(.*)\npassword=(.*)\n/.exec(filled) ?? [];
      expect(party.accepts({ username, password, path: `/${path}`, host: '127.0.0.1:8080' })).toBe(true);
    }
  });
});

describe('google credentials', () => {
  const file = (content: unknown): string => {
    const path = join(tempDir(), 'adc.json');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };

  test('the key of a service account signs for a token', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const forms: URLSearchParams[] = [];
    const stub = await httpStub((request, response) => {
      forms.push(new URLSearchParams(request.body));
      response.end('{"access_token":"S3cret","expires_in":3599}');
    });
    const path = file({
      type: 'service_account',
      client_email: 'git@p.iam.gserviceaccount.com',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      private_key_id: 'kid-1',
      token_uri: `${stub.url}/token`,
    });
    const { made } = await open(['--identity=google', `--identity-path=${path}`]);
    expect(await made.obtain(signal)).toMatchObject({ username: 'oauth2accesstoken', password: 'S3cret' });
    expect(forms[0]?.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const { payload, protectedHeader } = await jwtVerify(forms[0]?.get('assertion') ?? '', publicKey);
    expect(protectedHeader).toEqual({ alg: 'RS256', kid: 'kid-1' });
    expect(payload).toMatchObject({
      iss: 'git@p.iam.gserviceaccount.com',
      aud: `${stub.url}/token`,
      scope: 'https://www.googleapis.com/auth/cloud-platform',
    });
  });

  const external = { type: 'external_account', audience: 'a', token_url: 'http://127.0.0.1:9/' };
  test.each([
    ['{ "private_key": "S3cret', /it is no JSON/],
    [{ type: 'authorized_user', refresh_token: 'S3cret' }, /its type "authorized_user" is none of/],
    [{ ...external, credential_source: { executable: { command: 'S3cret' } } }, /is a program \(`executable`\)/],
    [{ ...external, credential_source: { environment_id: 'aws1' } }, /the environment aws1, which is not supported/],
    [{ ...external, credential_source: {} }, /neither file nor url/],
    [
      { type: 'service_account', client_email: 'x', private_key: 'S3cret', token_uri: 'http://h' },
      /private_key cannot be used/,
    ],
    [{ type: 'service_account' }, /it lacks client_email/],
  ])('%j is refused with the reason, and nothing of it is shown', async (content, reason) => {
    const { made } = await open(['--identity=google', `--identity-path=${file(content)}`]);
    const error = await errorOf(made);
    expect(error.message).toMatch(reason);
    expect(`${error.message}${error.hint}`).not.toContain('S3cret');
  });
});

describe('vault', () => {
  const args = ['--identity=vault', '--identity-path=kv/git'];

  test('version 1 of KV, with a token in a file', async () => {
    const tokenFile = join(tempDir(), 'token');
    writeFileSync(tokenFile, 'hvs.S3cret\n');
    const stub = await httpStub(({ headers, path }, response) => {
      expect([path, headers['x-vault-token']]).toEqual(['/v1/kv/git', 'hvs.S3cret']);
      response.end('{"lease_id":"","lease_duration":2764800,"data":{"username":"u","password":"p"}}');
    });
    const { made } = await open([...args, `--identity-endpoint=${stub.url}`, `--identity-token-file=${tokenFile}`]);
    const before = Date.now();
    const { expiresAt = 0, ...obtained } = await made.obtain(signal);
    expect(obtained).toEqual({ username: 'u', password: 'p' });
    // Nobody says when it is replaced, so it is read again soon.
    expect(expiresAt - before).toBeLessThan(120_000);
  });

  test('a lease is used as long as it is valid; a field that is missing is named beside those that are there', async () => {
    const tokenFile = join(tempDir(), 'token');
    writeFileSync(tokenFile, 't');
    const stub = await httpStub(
      (_request, response) =>
        void response.end(
          '{"lease_id":"gitea/creds/r/1","lease_duration":7200,"data":{"username":"u","token":"S3cret"}}',
        ),
    );
    const where = [...args, `--identity-endpoint=${stub.url}`, `--identity-token-file=${tokenFile}`];
    const { made } = await open([...where, '--identity-password-template={{.token}}']);
    const before = Date.now();
    expect((await made.obtain(signal)).expiresAt).toBeGreaterThan(before + 7_190_000);
    const error = await errorOf((await open(where)).made);
    expect(error.message).toContain('there is nothing for {{.password}}; the fields are username, token');
    expect(error.message).not.toContain('S3cret');
  });
});

describe('a file with fields', () => {
  const write = (name: string, text: string): string => {
    const path = join(tempDir(), name);
    writeFileSync(path, text);
    return path;
  };
  const obtain = async (path: string, ...more: string[]) =>
    await (await open(['--identity=file', `--identity-path=${path}`, ...more])).made.obtain(signal);

  test.each([
    ['creds.json', '{"username":"u","password":"p"}\n', []],
    ['creds.yaml', 'username: u\npassword: "p"\n', []],
    [
      'creds.yml',
      'git:\n  user: u\n  key: |\n    p\n',
      ['--identity-username-template={{.git.user}}', '--identity-password-template={{.git.key}}'],
    ],
    [
      'token',
      '\n\uFEFFp\n'.replace('\n\uFEFF', '\uFEFF'),
      ['--identity-username-template=u', '--identity-password-template={{.}}'],
    ],
  ])('%s is read with the templates', async (name, text, more) => {
    expect(await obtain(write(name, text), ...more)).toMatchObject({ username: 'u', password: 'p' });
  });

  test('is read again each time', async () => {
    const path = write('creds.json', '{"username":"u","password":"one"}');
    const { made } = await open(['--identity=file', `--identity-path=${path}`]);
    await made.obtain(signal);
    writeFileSync(path, '{"username":"u","password":"two"}');
    expect(await made.obtain(signal)).toMatchObject({ password: 'two' });
  });

  test.each([
    ['creds.json', '{"username":"u","password":"S3cret"', /neither valid JSON nor valid YAML/],
    ['creds.yaml', 'a: [S3cret', /neither valid JSON nor valid YAML/],
    ['creds.json', '{"username":"u","password":{"S3cret":1}}', /\{\{\.password\}\} is no text/],
    ['creds.json', '{"username":"u","password":"a\\nb"}', /line end/],
    ['creds.json', '{"username":"u","password":""}', /the password is empty/],
    ['creds.json', ' \n', /the file is empty/],
  ])('%s with %j is refused, and nothing of it is shown', async (name, text, reason) => {
    const error: Error = await obtain(write(name, text)).then(
      () => expect.unreachable(),
      (reason_: Error) => reason_,
    );
    expect(error.message).toMatch(reason);
    expect(error.message).not.toContain('S3cret');
  });
});

test('each identity is counted under its own name', () => {
  const counted: readonly string[] = METRICS.git_sidecar_identity_count_total.labels.identity;
  const { none: _none, ...choices } = optionNamed('identity').choices ?? {};
  expect(counted).toEqual([...Object.keys(choices), 'credential-helper']);
});

describe('what is missing for an identity', () => {
  test.each([
    [['--identity=azure', '--identity-token-file=/t'], {}, '--identity-tenant-id or AZURE_TENANT_ID'],
    [
      ['--identity=azure', '--identity-token-file=/t'],
      { AZURE_TENANT_ID: 't' },
      '--identity-client-id or AZURE_CLIENT_ID',
    ],
    [['--identity=aws'], {}, 'needs AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE'],
    [['--identity=aws'], { AWS_WEB_IDENTITY_TOKEN_FILE: '/t' }, '--identity-role or AWS_ROLE_ARN'],
    [['--identity=aws'], { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://evil.test/' }, 'without https'],
    [['--identity=exchange'], {}, '--identity-endpoint'],
    [['--identity=exchange', '--identity-endpoint=gitlab'], {}, 'it is no URL'],
    [['--identity=vault', '--identity-path=x', '--identity-role=r'], {}, '--identity-endpoint or VAULT_ADDR'],
    [['--identity=vault', '--identity-role=r'], { VAULT_ADDR: 'http://h' }, '--identity-path'],
    [['--identity=vault', '--identity-path=x'], { VAULT_ADDR: 'http://h' }, '--identity-token-file'],
    [['--identity=file'], {}, '--identity-path'],
    [['--identity=file', '--identity-path=/f', '--identity-password-template={{ if }}'], {}, 'only {{.field}}'],
    [['--identity=no-such'], {}, '--identity must be one of none, azure'],
    [['--identity=google', '--askpass-url=http://h'], {}, 'only one of --identity and --askpass-url'],
    [['--identity=google', '--username=u', '--password=p'], {}, 'only one of --identity and --password'],
    [['--identity=file', '--identity-path=/f', '--username=u'], {}, '--username has no effect with --identity=file'],
  ] as [string[], Record<string, string>, string][])('%j with %j is refused at the start', (args, env, reason) => {
    expect(() => configOf(args, env)).toThrow(reason);
  });

  test('without an identity nothing of it is looked at, and a user name without a password is refused as before', () => {
    const config = (...args: string[]) =>
      buildSyncConfig(load('sync', [`--repo=${REPO}`, '--root=/git', ...args], {}).settings, {});
    expect(config('--identity-path=/f').identity).toBeUndefined();
    expect(() => config('--username=u')).toThrow('--username needs a password');
    expect(config('--username=u', '--credential-helper=store').credentialHelpers).toEqual({
      lines: ['store'],
      username: 'u',
    });
  });
});

test('a signature is used for five minutes, and then made anew', async () => {
  const clock = new HandClock();
  const { codeCommitSigner } = await import('../../../src/remote/identity/codecommit-signer.ts');
  const keys = { keyId: 'k', secret: 's', sessionToken: '', region: 'r' };
  const signer = codeCommitSigner(keys, { clock, learn: () => undefined });
  const first = signer.sign(REPO);
  await clock.advance(299_000);
  expect(signer.sign(REPO)).toEqual(first);
  await clock.advance(2000);
  expect(signer.sign(REPO).password).not.toBe(first.password);
});
