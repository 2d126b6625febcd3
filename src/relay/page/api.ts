import type { CommitDocument, InstanceEntry, SteeredEntry } from '../browser/documents.ts';
import type { OverviewDocument } from '../browser/overview.ts';
import type { SessionDocument } from '../browser/session-route.ts';
import type { FleetDocument } from '../server/fleet/fleet-document.ts';
import type { Contents } from './state.ts';

/** The relay answered, and not with what was asked for. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

export interface OrderRequest {
  readonly order: string;
  readonly who: string;
  readonly why: string;
  readonly to?: string;
}

const PATIENCE_MS = 30_000;
/** Instances in one answer. */
const PAGE_LENGTH = 2000;

async function refusal(response: Response): Promise<Refused> {
  const text = (await response.text()).trim();
  try {
    const { code, detail } = JSON.parse(text) as { code: string; detail: string };
    return new Refused(response.status, `${detail} (${code})`);
  } catch {
    return new Refused(response.status, text.slice(0, 300) || `the relay answered with ${response.status}`);
  }
}

/** Paths are relative: a proxy may serve the relay below a path of its own. */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { 'git-sidecar-page': '1', ...(init.headers as Record<string, string> | undefined) };
  const signal = init.signal ?? AbortSignal.timeout(PATIENCE_MS);
  const response = await fetch(path, { ...init, headers, signal, cache: 'no-store', credentials: 'same-origin' });
  if (!response.ok) throw await refusal(response);
  return response;
}

async function json<Document>(path: string): Promise<Document> {
  return (await (await ask(path)).json()) as Document;
}

export async function readSession(): Promise<SessionDocument> {
  return await json('session');
}

export async function logIn(token: string): Promise<void> {
  await ask('session', { method: 'POST', body: new URLSearchParams({ token }) });
}

export async function logOut(): Promise<void> {
  await ask('session', { method: 'DELETE' });
}

async function readInstances(): Promise<InstanceEntry[]> {
  const instances: InstanceEntry[] = [];
  for (let after = ''; ; ) {
    const page: FleetDocument = await json(`fleet?limit=${PAGE_LENGTH}${after}`);
    for (const { repository, instances: own } of page.repositories)
      for (const each of own) instances.push({ repository, ...each });
    if (page.next === null) return instances;
    after = `&after=${encodeURIComponent(page.next)}`;
  }
}

export async function readContents(): Promise<Contents> {
  const [overview, { rollouts }, instances] = await Promise.all([
    json<OverviewDocument>('overview'),
    json<{ rollouts: SteeredEntry[] }>('rollouts'),
    readInstances(),
  ]);
  return { overview, rollouts, instances };
}

export async function readCommits(
  repository: string,
  oids: readonly string[],
): Promise<Record<string, CommitDocument>> {
  const query = new URLSearchParams([['repo', repository], ...oids.map((oid) => ['oid', oid])]);
  return (await json<{ commits: Record<string, CommitDocument> }>(`commits?${query}`)).commits;
}

export async function giveOrder(repository: string, ref: string, order: OrderRequest): Promise<SteeredEntry> {
  const query = new URLSearchParams({ repo: repository, ref });
  const headers = { 'content-type': 'application/json' };
  const response = await ask(`rollouts?${query}`, { method: 'POST', headers, body: JSON.stringify(order) });
  return (await response.json()) as SteeredEntry;
}
