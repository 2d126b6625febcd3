import { type AnswerConfig, FORGES, type Forge } from '../answer-config.ts';
import { Fields } from './fields.ts';
import type { Problems } from './problems.ts';
import { readFilePath, readPageUrl, readPlainUrl } from './read-addresses.ts';
import { AUDIENCE_KEYS, readAudience } from './read-audience.ts';
import { readName } from './read-stages.ts';
import { checkTemplate, OF_COMMIT } from './read-templates.ts';
import type { TreeNode } from './tree.ts';

const KEYS = [
  ...['name', 'to', ...AUDIENCE_KEYS, 'url', 'token-file', 'user', 'github-app', 'context', 'page-url'],
  ...['deployments', 'environment'],
];
const DEFAULT_CONTEXT = 'git-sidecar/{{policy}}/{{branch}}';
const DEFAULT_ENVIRONMENT = 'production';

/** Where the API of a forge is that serves `host`. */
const API_AT: Readonly<Record<Forge, (host: string) => string>> = {
  github: (host) => (host === 'github.com' ? 'https://api.github.com' : `https://${host}/api/v3`),
  gitlab: (host) => `https://${host}/api/v4`,
  gitea: (host) => `https://${host}/api/v1`,
  'bitbucket-cloud': () => 'https://api.bitbucket.org/2.0',
  'bitbucket-data-center': (host) => `https://${host}`,
  'azure-devops': (host) => `https://${host === 'ssh.dev.azure.com' ? 'dev.azure.com' : host}`,
};

/** The token goes to one server, whatever repositories there are. */
function readApi(fields: Fields, to: Forge, repository: string): string | undefined {
  const url = readPlainUrl(fields, 'url');
  if (url !== undefined) return url.replace(/\/+$/, '');
  if (fields.node('url')) return undefined;
  const [host = ''] = repository.toLowerCase().split('/');
  if (!host.includes('*')) return API_AT[to](host);
  return fields.complain('repository', 'must name the host without *, or url has to say where the API is');
}

function readCredential(fields: Fields, to: Forge, path: string): Pick<AnswerConfig, 'tokenFile' | 'user'> {
  const tokenFile = readFilePath(fields, 'token-file', path);
  const isApp = fields.flag('github-app') ?? false;
  if (isApp && to !== 'github') fields.complain('github-app', 'belongs to github');
  if (isApp && fields.node('token-file')) fields.complain('github-app', 'and token-file cannot be in one entry');
  if (!isApp && !fields.node('token-file')) fields.complain('token-file', 'is missing');
  const user = fields.text('user');
  if (user !== undefined && !to.startsWith('bitbucket')) fields.complain('user', 'belongs to Bitbucket');
  return { tokenFile, user };
}

function readEnvironment(fields: Fields, to: Forge): string | undefined {
  const isOn = fields.flag('deployments') ?? false;
  const environment = fields.text('environment');
  if (isOn && to !== 'github') fields.complain('deployments', 'belongs to github');
  if (!isOn && environment !== undefined) fields.complain('environment', 'has no effect without deployments: true');
  return isOn ? (environment ?? DEFAULT_ENVIRONMENT) : undefined;
}

function readContext(fields: Fields, problems: Problems): string {
  const context = fields.text('context');
  if (context === undefined) return DEFAULT_CONTEXT;
  const allowed = OF_COMMIT.filter((each) => each !== 'commit' && each !== 'short');
  checkTemplate(context, fields.placeOf('context'), problems, allowed);
  if (context.length > 200) fields.complain('context', 'must have at most 200 characters');
  return context;
}

/** An entry of `answers`. @param path of the file @param policies those that there are */
export function readAnswer(
  item: TreeNode,
  path: string,
  policies: ReadonlySet<string>,
  problems: Problems,
): AnswerConfig | undefined {
  const fields = new Fields(item, 'an answer', KEYS, problems);
  const name = readName(fields);
  const to = fields.oneOf('to', FORGES) ?? (fields.node('to') ? undefined : fields.complain('to', 'is missing'));
  const audience = readAudience(fields, policies, problems);
  const { repository } = audience;
  if (!fields.node('repository'))
    fields.complain('repository', 'is missing; the repositories of which forge are meant?');
  const pageUrl = readPageUrl(fields, problems);
  const context = readContext(fields, problems);
  if (!to || repository === undefined) return undefined;
  if (to.startsWith('bitbucket') && !fields.node('page-url'))
    fields.complain('page-url', 'is missing: Bitbucket takes no status without an address');
  const api = readApi(fields, to, repository);
  const own = { ...readCredential(fields, to, path), environment: readEnvironment(fields, to) };
  return name === undefined || api === undefined
    ? undefined
    : { name, to, ...audience, repository, api, ...own, context, pageUrl };
}
