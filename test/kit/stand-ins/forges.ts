import type { Request } from '../http-stub.ts';
import type { SelfSigned } from '../self-signed.ts';
import { demand, type Guarded, Invalid, jsonBody, type Reply, type StandIn, standIn } from './stand-in.ts';

/** A status as a forge shows it now. */
export interface SeenStatus {
  readonly place: string;
  readonly oid: string;
  readonly context: string;
  readonly state: string;
  readonly text: string;
  readonly page: string | undefined;
}

export interface ForgeStandIn extends StandIn, Guarded {
  /** Every status that was taken, in the order in which they came. */
  readonly statuses: readonly SeenStatus[];
  /** Commits that are not there. */
  readonly missing: Set<string>;
}

const OID = '[0-9a-f]{40}';

function text(value: unknown, name: string, most: number, status = 422): string {
  demand(typeof value === 'string', status, `${name} must be a string`);
  demand([...String(value)].length <= most, status, `${name} is too long (maximum is ${most} characters)`);
  return String(value);
}

function oneOf(value: unknown, name: string, choices: readonly string[], status = 422): string {
  demand(choices.includes(String(value)), status, `${name} is not included in the list`);
  return String(value);
}

function page(value: unknown, name: string, status = 422): string | undefined {
  if (value === undefined) return undefined;
  demand(typeof value === 'string' && /^https?:\/\//.test(value), status, `${name} must use http(s) scheme`);
  return String(value);
}

type Check = (request: Request, it: ForgeStandIn) => Reply;

/** @param check one of the forges below */
async function forge(check: Check, tls?: SelfSigned): Promise<ForgeStandIn> {
  const statuses: SeenStatus[] = [];
  const guarded = { token: 'good-token', statuses, missing: new Set<string>() };
  const server: StandIn = await standIn((request) => check(request, it), tls);
  const it: ForgeStandIn = Object.assign(server, guarded);
  return it;
}

function add({ statuses, missing }: ForgeStandIn, status: SeenStatus, code: number): void {
  demand(!missing.has(status.oid), code, `No commit found for SHA: ${status.oid}`);
  (statuses as SeenStatus[]).push(status);
}

/** Where a request goes, in parts. */
function parts(request: Request, pattern: string): readonly string[] {
  const [path = ''] = request.path.split('?');
  const found = new RegExp(`^${pattern}$`).exec(path);
  if (!found) throw new Invalid(404, 'Not Found');
  return found.slice(1);
}

/** GitHub, REST API 2022-11-28: commit statuses and deployments. */
export async function githubStandIn(
  prefix = '',
  tls?: SelfSigned,
): Promise<ForgeStandIn & { readonly deployments: Deployment[] }> {
  const deployments: Deployment[] = [];
  const check: Check = (request, it) => {
    const { method, path, headers } = request;
    demand((headers['user-agent'] ?? '') !== '', 403, 'Request forbidden by administrative rules (user-agent)');
    const isApp = /^Bearer [\w-]+\.[\w-]+\.[\w-]+$/.test(headers.authorization ?? '');
    if (isApp && path === `${prefix}/app/installations/7/access_tokens`) {
      const expires_at = new Date(Date.now() + 3_600_000).toISOString();
      return { status: 201, body: { token: it.token, expires_at, permissions: { statuses: 'write' } } };
    }
    demand(headers.authorization === `Bearer ${it.token}`, 401, 'Bad credentials');
    if (path.includes('/deployments')) return deployment(request, prefix, deployments);
    demand(method === 'POST', 404, 'Not Found');
    const [owner = '', name = '', oid = ''] = parts(request, `${prefix}/repos/([\\w.-]+)/([\\w.-]+)/statuses/(${OID})`);
    const body = jsonBody(request);
    const context = text(body.context, 'context', 255);
    const state = oneOf(body.state, 'state', ['error', 'failure', 'pending', 'success']);
    const status = { place: `${owner}/${name}`, oid, context, state, text: text(body.description, 'description', 140) };
    add(it, { ...status, page: page(body.target_url, 'target_url') }, 422);
    return { status: 201, body: { id: 1, state } };
  };
  return Object.assign(await forge(check, tls), { deployments });
}

export interface Deployment {
  readonly id: number;
  readonly sha: string;
  readonly task: string;
  readonly environment: string;
  readonly description: string;
  readonly statuses: { readonly state: string; readonly description: string }[];
}

function deployment(request: Request, prefix: string, deployments: Deployment[]): Reply {
  const { method, path } = request;
  const base = `${prefix}/repos/[\\w.-]+/[\\w.-]+/deployments`;
  if (method === 'GET') {
    parts(request, base);
    const query = new URL(path, 'http://h').searchParams;
    const names = ['sha', 'environment', 'task'] as const;
    return { status: 200, body: deployments.filter((each) => names.every((name) => each[name] === query.get(name))) };
  }
  const body = jsonBody(request);
  if (!path.endsWith('/statuses')) {
    parts(request, base);
    demand(body.auto_merge === false, 409, 'Conflict merging main');
    demand(Array.isArray(body.required_contexts), 409, 'Conflict: Commit status checks failed');
    const facts = { sha: text(body.ref, 'ref', 40), task: text(body.task, 'task', 255) };
    const environment = text(body.environment, 'environment', 255);
    const description = text(body.description, 'description', 140);
    const made = { id: deployments.length + 1, ...facts, environment, description, statuses: [] };
    deployments.push(made);
    return { status: 201, body: made };
  }
  const [id] = parts(request, `${base}/(\\d+)/statuses`);
  const found = deployments.find((each) => each.id === Number(id));
  if (!found) throw new Invalid(404, 'Not Found');
  const states = ['error', 'failure', 'inactive', 'in_progress', 'queued', 'pending', 'success'];
  const state = oneOf(body.state, 'state', states);
  page(body.log_url, 'log_url');
  found.statuses.push({ state, description: text(body.description, 'description', 140) });
  return { status: 201, body: { state } };
}

/** GitLab, Commits API, “Set commit pipeline status”. */
export async function gitlabStandIn(): Promise<ForgeStandIn> {
  return await forge((request, it) => {
    demand(request.headers['private-token'] === it.token, 401, '401 Unauthorized');
    demand(request.method === 'POST', 404, '404 Not Found');
    const [project = '', oid = ''] = parts(request, `/api/v4/projects/([^/]+)/statuses/(${OID})`);
    const body = jsonBody(request);
    const context = text(body.name, 'name', 255, 400);
    const state = oneOf(body.state, 'state', ['pending', 'running', 'success', 'failed', 'canceled', 'skipped'], 400);
    demand(typeof body.ref === 'string' && !body.ref.startsWith('refs/'), 400, 'ref is invalid');
    const before = it.statuses.findLast((each) => each.oid === oid && each.context === context)?.state;
    // A transition to the state that it has is an error.
    const event = { pending: 'enqueue', running: 'run', success: 'success', failed: 'drop' }[state] ?? 'cancel';
    demand(before !== state, 400, `Cannot transition status via :${event} from :${before}`);
    const status = { place: decodeURIComponent(project), oid, context, state };
    const description = text(body.description, 'description', 255, 400);
    add(it, { ...status, text: description, page: page(body.target_url, 'target_url', 400) }, 404);
    return { status: 201, body: { id: 1, status: state } };
  });
}

/** Gitea and Forgejo, `repoCreateStatus`. */
export async function giteaStandIn(): Promise<ForgeStandIn> {
  return await forge((request, it) => {
    demand(request.headers.authorization === `token ${it.token}`, 401, 'invalid username, password or token');
    const [owner = '', name = '', oid = ''] = parts(request, `/api/v1/repos/([^/]+)/([^/]+)/statuses/(${OID})`);
    const body = jsonBody(request);
    const state = oneOf(body.state, 'state', ['pending', 'success', 'error', 'failure', 'warning']);
    const status = { place: `${owner}/${name}`, oid, state, context: text(body.context, 'context', 255) };
    const description = text(body.description, 'description', 65_535);
    add(it, { ...status, text: description, page: page(body.target_url, 'target_url') }, 404);
    return { status: 201, body: { id: 1, status: state } };
  });
}

/** Bitbucket Cloud, “Create a build status for a commit”. */
export async function bitbucketCloudStandIn(): Promise<ForgeStandIn> {
  return await forge((request, it) => {
    demand(request.headers.authorization === `Bearer ${it.token}`, 401, 'Token is invalid');
    const path = `/2\\.0/repositories/([^/]+)/([^/]+)/commit/(${OID})/statuses/build`;
    const [workspace = '', name = '', oid = ''] = parts(request, path);
    const body = jsonBody(request);
    const context = text(body.key, 'key', 40, 400);
    demand(body.url !== undefined, 400, 'url: This field is required.');
    const state = oneOf(body.state, 'state', ['SUCCESSFUL', 'FAILED', 'INPROGRESS', 'STOPPED'], 400);
    text(body.name, 'name', 255, 400);
    const description = text(body.description, 'description', 255, 400);
    const status = { place: `${workspace}/${name}`, oid, context, state, text: description };
    add(it, { ...status, page: page(body.url, 'url', 400) }, 404);
    return { status: 201, body: { key: context, state } };
  });
}

/** Bitbucket Data Center, builds of a commit. */
export async function bitbucketDataCenterStandIn(): Promise<ForgeStandIn> {
  return await forge((request, it) => {
    const basic = `Basic ${Buffer.from(`robot:${it.token}`).toString('base64')}`;
    demand(request.headers.authorization === basic, 401, 'Authentication failed');
    const path = `/rest/api/latest/projects/([^/]+)/repos/([^/]+)/commits/(${OID})/builds`;
    const [project = '', name = '', oid = ''] = parts(request, path);
    const body = jsonBody(request);
    const context = text(body.key, 'key', 255, 400);
    const state = oneOf(body.state, 'state', ['CANCELLED', 'FAILED', 'INPROGRESS', 'SUCCESSFUL', 'UNKNOWN'], 400);
    demand(body.url !== undefined, 400, 'url is required');
    demand(body.ref === undefined || String(body.ref).startsWith('refs/'), 400, 'ref must be a full ref');
    const description = text(body.description, 'description', 255, 400);
    const status = { place: `${project}/${name}`, oid, context, state, text: description };
    add(it, { ...status, page: page(body.url, 'url', 400) }, 404);
    return { status: 204 };
  });
}

/** Azure DevOps, Git, “Statuses – Create” 7.1. Who is not known gets the page to sign in, with status 203. */
export async function azureStandIn(): Promise<ForgeStandIn> {
  return await forge((request, it) => {
    const basic = `Basic ${Buffer.from(`:${it.token}`).toString('base64')}`;
    const isKnown = [basic, `Bearer ${it.token}`].includes(request.headers.authorization ?? '');
    if (!isKnown) return { status: 203, headers: { 'content-type': 'text/html' }, body: '<html>Sign in</html>' };
    demand(request.path.endsWith('?api-version=7.1'), 400, 'No api-version was supplied');
    const path = `/([^/]+)/([^/]+)/_apis/git/repositories/([^/]+)/commits/(${OID})/statuses`;
    const [organisation = '', project = '', name = '', oid = ''] = parts(request, path);
    const body = jsonBody(request);
    const states = ['error', 'failed', 'notApplicable', 'notSet', 'pending', 'succeeded'];
    const state = oneOf(body.state, 'state', states, 400);
    const { genre, name: context } = (body.context ?? {}) as Record<string, unknown>;
    demand(genre === 'git-sidecar', 400, 'context.genre');
    const status = { place: [organisation, project, name].map(decodeURIComponent).join('/'), oid, state };
    const shown = {
      context: text(context, 'context.name', 255, 400),
      text: text(body.description, 'description', 255),
    };
    add(it, { ...status, ...shown, page: page(body.targetUrl, 'targetUrl', 400) }, 404);
    return { status: 201, body: { state } };
  });
}
