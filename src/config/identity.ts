import { templateProblem } from '../remote/identity/fields.ts';
import type {
  AwsConfig,
  AwsKeySource,
  AzureConfig,
  GoogleConfig,
  IdentityConfig,
  Templates,
} from '../remote/identity/identity-config.ts';
import type { EnvironmentVariables, Settings } from './settings.ts';
import { InvalidOption } from './validation.ts';

/** The resource of Azure DevOps in Microsoft Entra ID ("Use service principals & managed identities in Azure DevOps"). */
const AZURE_DEVOPS = '499b84ac-1321-427f-aa17-267ca6975798/.default';
const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
/** Where AWS SDKs send the token of a container without TLS: ECS, EKS, and this machine itself. */
const CONTAINER_HOSTS = /^(?:169\.254\.170\.2|169\.254\.170\.23|\[fd00:ec2::23\]|localhost|127(?:\.\d+){3}|\[::1\])$/;

/** Options of an identity, and the variables that its cloud sets. */
class Given {
  readonly kind: string;
  readonly #settings: Settings;
  readonly #env: EnvironmentVariables;

  constructor(settings: Settings, env: EnvironmentVariables) {
    this.kind = settings.text('identity');
    this.#settings = settings;
    this.#env = env;
  }

  /** The option `--identity-NAME`, else the first of the variables that is set; empty: none is. */
  text(name: string, ...variables: readonly string[]): string {
    const own = this.#settings.text(`identity-${name}`);
    return own !== '' ? own : (variables.map((each) => this.#env[each] ?? '').find((each) => each !== '') ?? '');
  }

  variable(name: string): string {
    return this.#env[name] ?? '';
  }

  /** @throws InvalidOption when it is missing */
  needed(name: string, ...variables: readonly string[]): string {
    const text = this.text(name, ...variables);
    if (text === '') this.refuse(`--identity=${this.kind} needs ${[`--identity-${name}`, ...variables].join(' or ')}`);
    return text;
  }

  /** @throws InvalidOption when it is set and no URL of http or https */
  url(name: string, ...variables: readonly string[]): string {
    const text = this.text(name, ...variables);
    if (text !== '' && !/^https?:\/\/[^/\s]+/i.test(text))
      this.refuse(`--identity-${name}: it is no URL that begins with https:// or http://`);
    return text;
  }

  get username(): string {
    return this.#settings.text('username');
  }

  templates(): Templates {
    for (const name of ['username-template', 'password-template']) {
      const problem = templateProblem(this.text(name));
      if (problem !== undefined) this.refuse(`--identity-${name}: ${problem}`);
    }
    return { username: this.text('username-template'), password: this.text('password-template') };
  }

  refuse(detail: string): never {
    throw new InvalidOption(detail, false, 'See the section of this identity in docs/identities.md.');
  }
}

function azure(given: Given): AzureConfig {
  const tokenFile = given.text('token-file', 'AZURE_FEDERATED_TOKEN_FILE') || undefined;
  const scope = given.text('scope') || AZURE_DEVOPS;
  const shared = { kind: 'azure', tokenFile, scope, username: given.username || 'oauth2' } as const;
  if (tokenFile === undefined) {
    const endpoint = given.url('endpoint', 'AZURE_POD_IDENTITY_AUTHORITY_HOST') || 'http://169.254.169.254';
    return { ...shared, endpoint, tenantId: '', clientId: given.text('client-id', 'AZURE_CLIENT_ID') };
  }
  return {
    ...shared,
    endpoint: given.url('endpoint', 'AZURE_AUTHORITY_HOST') || 'https://login.microsoftonline.com/',
    tenantId: given.needed('tenant-id', 'AZURE_TENANT_ID'),
    clientId: given.needed('client-id', 'AZURE_CLIENT_ID'),
  };
}

function containerUrl(given: Given): string {
  const relative = given.variable('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI');
  const full = given.variable('AWS_CONTAINER_CREDENTIALS_FULL_URI');
  if (relative !== '') return `http://169.254.170.2${relative}`;
  if (full === '') return '';
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (!url || (url.protocol !== 'https:' && !CONTAINER_HOSTS.test(url.hostname)))
    given.refuse(
      'AWS_CONTAINER_CREDENTIALS_FULL_URI: without https it has to be an address of ECS, EKS or this machine',
    );
  return full;
}

/** In the order of AWS SDKs; what options name comes before what variables hold. */
function awsKeys(given: Given): AwsKeySource {
  const [keyId, secret] = [given.variable('AWS_ACCESS_KEY_ID'), given.variable('AWS_SECRET_ACCESS_KEY')];
  const isExplicit = given.text('role') !== '' || given.text('token-file') !== '';
  if (keyId !== '' && secret !== '' && !isExplicit)
    return { from: 'variables', keyId, secret, sessionToken: given.variable('AWS_SESSION_TOKEN') };
  const tokenFile = given.text('token-file', 'AWS_WEB_IDENTITY_TOKEN_FILE');
  if (tokenFile !== '') {
    const sessionName = given.variable('AWS_ROLE_SESSION_NAME') || 'git-sidecar';
    return { from: 'web-identity', role: given.needed('role', 'AWS_ROLE_ARN'), tokenFile, sessionName };
  }
  const url = containerUrl(given);
  if (url === '')
    given.refuse(
      '--identity=aws needs AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_FULL_URI, or AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY',
    );
  const [file, token] = ['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', 'AWS_CONTAINER_AUTHORIZATION_TOKEN'].map((name) =>
    given.variable(name),
  );
  return { from: 'container', url, ...(file ? { tokenFile: file } : token ? { token } : {}) };
}

function aws(given: Given): AwsConfig {
  return {
    kind: 'aws',
    keys: awsKeys(given),
    region: given.text('region', 'AWS_REGION', 'AWS_DEFAULT_REGION'),
    stsUrl: given.url('endpoint', 'AWS_ENDPOINT_URL_STS') || undefined,
  };
}

function google(given: Given): GoogleConfig {
  const host = given.variable('GCE_METADATA_HOST') || 'metadata.google.internal';
  return {
    kind: 'google',
    credentialsFile: given.text('path', 'GOOGLE_APPLICATION_CREDENTIALS') || undefined,
    metadataUrl: (given.url('endpoint') || `http://${host}`).replace(/\/+$/, ''),
    scope: given.text('scope') || 'https://www.googleapis.com/auth/cloud-platform',
    username: given.username || 'oauth2accesstoken',
  };
}

const KINDS: Readonly<Record<string, (given: Given) => IdentityConfig>> = {
  azure,
  aws,
  google,
  exchange: (given) => {
    given.needed('endpoint');
    return {
      kind: 'exchange',
      endpoint: given.url('endpoint'),
      tokenFile: given.text('token-file') || SERVICE_ACCOUNT_TOKEN,
      audience: given.text('audience'),
      scope: given.text('scope'),
      clientId: given.text('client-id'),
      username: given.username || 'oauth2',
    };
  },
  vault: (given) => {
    const role = given.text('role');
    given.needed('endpoint', 'VAULT_ADDR');
    return {
      kind: 'vault',
      endpoint: given.url('endpoint', 'VAULT_ADDR'),
      path: given.needed('path').replace(/^\/+(?:v1\/)?/, ''),
      namespace: given.text('namespace', 'VAULT_NAMESPACE'),
      role,
      mount: given.text('mount').replace(/^\/+|\/+$/g, ''),
      tokenFile: role === '' ? given.needed('token-file') : given.text('token-file') || SERVICE_ACCOUNT_TOKEN,
      templates: given.templates(),
    };
  },
  file: (given) => ({ kind: 'file', path: given.needed('path'), templates: given.templates() }),
};

/**
 * The identity that options and the variables of clouds describe; undefined: there is none.
 * @throws InvalidOption when something that it needs is missing
 */
export function identityConfig(settings: Settings, env: EnvironmentVariables): IdentityConfig | undefined {
  const kind = settings.text('identity');
  return Object.hasOwn(KINDS, kind) ? KINDS[kind]?.(new Given(settings, env)) : undefined;
}

/** Whether an identity is chosen. */
export function hasIdentity(settings: Settings): boolean {
  return Object.hasOwn(KINDS, settings.text('identity'));
}
